"""Pods of a namespace may reach each other, and (for egress) nobody else.

With ingress, the default, whoever is in the namespace gets in and whoever is not stays out. With egress the pods reach
each other only, which leaves out DNS (podwall new dns) and everything outside.
"""

from __future__ import annotations

from podwall.author.closing import directions, refuse_system
from podwall.author.compose import Said, permit
from podwall.author.recipe import Argument, Asked, Draft, Recipe
from podwall.engine.rules import Direction
from podwall.engine.sets import ALL_PORTS
from podwall.needs.need import Grant
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    party = site.everyone()
    refuse_system(party.namespace)
    out = Draft()
    for direction in directions(asked.text("direction", "ingress")):
        word = "be reached from" if direction is Direction.INGRESS else "reach"
        about = f"Every pod of {party.namespace} may {word} every pod of {party.namespace}."
        said = Said(f"same-namespace-{direction.value}", (about,))
        out += permit(site, direction, party, (Grant(party, ALL_PORTS),), said)
    return out


RECIPE = Recipe(
    name="same-namespace",
    says="pods of a namespace may reach each other",
    draft=_draft,
    examples=("podwall new same-namespace -n shop", "podwall new same-namespace both -n shop -f dump/"),
    arguments=(
        Argument(
            "direction", "ingress (default), egress or both", optional=True, choices=("ingress", "egress", "both")
        ),
    ),
    needs_input=False,
)
