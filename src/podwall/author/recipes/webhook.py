"""Ingress to an admission webhook from the API server: without it, every change that the webhook is asked about fails.

The API server's own addresses are found as for `podwall new apiserver`; where it reaches pods through a tunnel
(konnectivity-agent), the tunnel's pods are let in as well. Managed clusters that hide their API server need --from.
PORT is the pod's own; of a Service (ns/service/name) it is the Service's.
"""

from __future__ import annotations

from podwall.author.compose import connect
from podwall.author.controlplane import api_servers
from podwall.author.recipe import Argument, Asked, Draft, Flag, Recipe
from podwall.errors import CannotWrite
from podwall.needs.addresses import blocks
from podwall.needs.controlplane import tunnels
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    reference = asked.text("workload")
    destinations = site.party(reference)
    ports = site.ports(asked.text("port", "443"), reference, destinations)
    given = blocks(asked.texts("from"))
    if given:
        sources = [Party("apiserver", cidrs=given)]
    else:
        sources = [grant.peers for grant in api_servers(site, ())] + tunnels(site)
    out = Draft(sudden=False)
    for source in sources:
        out += connect(site, source, destinations, ports, both=asked.yes("both"))
    if out.policies:
        return out
    if not destinations.endpoints:
        raise CannotWrite(f"{reference} is on its host's network: no policy stands in the way")
    return Draft(needs=out.needs, notes=(f"nobody isolates {reference} for ingress: the API server gets in already",))


RECIPE = Recipe(
    name="webhook",
    says="ingress to an admission webhook from the API server",
    draft=_draft,
    examples=(
        "podwall new webhook cert-manager/service/webhook 443 -f dump/",
        "podwall new webhook gate/keeper 8443 --from 172.16.0.0/28 -f dump/",
    ),
    arguments=(
        Argument("workload", "the webhook, or its Service"),
        Argument("port", "443 if it is left out", optional=True),
    ),
    flags=(
        Flag("--from", "Where the API server calls from; repeatable.", "texts", "CIDR"),
        Flag("--both", "Also where that isolates the webhook.", "yes"),
    ),
)
