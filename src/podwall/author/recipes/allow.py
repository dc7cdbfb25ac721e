"""One connection: FROM may reach TO at PORT.

A policy is written for each end that is isolated and does not let it through yet. An end that nobody isolates is open
already, and a policy would close all the rest of it; --both writes it nevertheless, for a default deny that is to come.

FROM and TO are workloads (shop/web, by a Pod's name too), Services (shop/service/web), all of a namespace (shop/*), or
an address or CIDR. PORT is the destination's own (8080, http, 53/udp); for a Service it is the Service's.
"""

from __future__ import annotations

from podwall.author.compose import connect
from podwall.author.recipe import Argument, Asked, Draft, Flag, Recipe
from podwall.errors import CannotWrite
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    sources, destinations = site.party(asked.text("from")), site.party(asked.text("to"))
    ports = site.ports(asked.text("port"), asked.text("to"), destinations)
    if not (sources.endpoints or destinations.endpoints):
        raise CannotWrite(f"neither {sources.name} nor {destinations.name} is a pod: policies are for pods")
    out = connect(site, sources, destinations, ports, both=asked.yes("both"))
    if not out.policies:
        note = "allowed already: no end is isolated against it (--both writes the policies nevertheless)"
        return Draft(
            needs=out.needs, notes=(f"{asked.text('from')} -> {asked.text('to')} {asked.text('port')} is {note}",)
        )
    return out


RECIPE = Recipe(
    name="allow",
    says="one connection, at each end that is isolated",
    draft=_draft,
    examples=(
        "podwall new allow shop/web shop/catalog 8080 -f dump/",
        "podwall new allow shop/api db/service/postgres 5432 -f dump/",
    ),
    arguments=(
        Argument("from", "who opens the connection"),
        Argument("to", "who is reached"),
        Argument("port", "80, http, 53/udp"),
    ),
    flags=(Flag("--both", "At both ends, also where that isolates one.", "yes"),),
)
