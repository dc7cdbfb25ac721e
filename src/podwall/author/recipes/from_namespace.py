"""Every pod of another namespace may reach this one (-n): all of it or one workload, on all ports or some.

The other namespace is meant by its name label, which nobody can take away, and not by a label that a team may set.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

from podwall.author.compose import connect
from podwall.author.recipe import Argument, Asked, Draft, Flag, Recipe
from podwall.engine.sets import ALL_PORTS, NO_PORTS
from podwall.errors import CannotWrite
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    reference = asked.text("to")
    sources = site.everyone(asked.text("namespace"))
    destinations = site.party(reference) if reference else site.everyone()
    if sources.namespace == destinations.namespace:
        raise CannotWrite(f"{sources.namespace} is the namespace itself: podwall new same-namespace")
    wanted = asked.texts("port")
    found = (site.ports(text, reference or f"{destinations.namespace}/*", destinations) for text in wanted)
    ports = reduce(or_, found, NO_PORTS) if wanted else ALL_PORTS
    out = connect(site, sources, destinations, ports, both=asked.yes("both"))
    if not out.policies:
        note = (
            f"{sources.namespace} reaches it already: no end is isolated against it (--both writes them nevertheless)"
        )
        return Draft(needs=out.needs, notes=(note,))
    return out


RECIPE = Recipe(
    name="from-namespace",
    says="another namespace may reach this one",
    draft=_draft,
    examples=(
        "podwall new from-namespace ops -n shop -f dump/",
        "podwall new from-namespace ops --to shop/web --port 8080 -f dump/",
    ),
    arguments=(Argument("namespace", "whose pods get in"),),
    flags=(
        Flag("--to", "Only this workload.", metavar="WORKLOAD"),
        Flag("--port", "Only this port; repeatable.", "texts", "PORT"),
        Flag("--both", "At both ends, also where that isolates one.", "yes"),
    ),
)
