"""Out of the namespace only through a proxy: every pod of it may reach the proxy, and nobody else by this policy.

The proxy decides by name who may be reached, which a NetworkPolicy cannot. PROXY is a workload, a Service or an
address, PORT its own (of a Service, the Service's). A proxy that is isolated itself is opened for the namespace as
well; that it may go out is for a policy of its own (podwall new external).
"""

from __future__ import annotations

from podwall.author.closing import refuse_system
from podwall.author.compose import Said, open_side, permit, ports_word
from podwall.author.recipe import Argument, Asked, Draft, Recipe
from podwall.engine.rules import Direction
from podwall.errors import CannotWrite
from podwall.needs.need import Grant, Need
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    sources, proxy = site.everyone(), site.party(asked.text("proxy"))
    refuse_system(sources.namespace)
    if proxy.namespace == sources.namespace:
        raise CannotWrite(
            f"{proxy.name} is in {sources.namespace} itself, and would be cut off with it: run it elsewhere"
        )
    ports = site.ports(asked.text("port"), asked.text("proxy"), proxy)
    where = f"{proxy.namespace}/{proxy.name}" if proxy.namespace else proxy.name
    about = f"Every pod of {sources.namespace} may reach the proxy {where} at {ports_word(ports)}."
    out = permit(site, Direction.EGRESS, sources, (Grant(proxy, ports),), Said("egress-proxy", (about,)))
    if proxy.endpoints:
        out += open_side(site, Direction.INGRESS, sources, proxy, ports)
    return out + Draft(needs=(Need(sources, proxy, ports),))


RECIPE = Recipe(
    name="egress-proxy",
    says="out of a namespace only through a proxy",
    draft=_draft,
    examples=(
        "podwall new egress-proxy egress/squid 3128 -n shop -f dump/",
        "podwall new egress-proxy 192.0.2.10 3128 -n shop -f dump/",
    ),
    arguments=(Argument("proxy", "a workload, a Service or an address"), Argument("port", "where it listens")),
)
