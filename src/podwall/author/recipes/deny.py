"""A default deny: every pod of the namespace, those to come as well, is closed but for what other policies allow.

The direction is ingress, egress or both. Denying egress cuts DNS too: see `podwall new baseline`. Allow first what the
workloads need, and deny last; without a rollout, the policy bites at once.
"""

from __future__ import annotations

from podwall.author.closing import directions, refuse_system, shut
from podwall.author.recipe import Argument, Asked, Draft, Recipe
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    party = site.everyone()
    refuse_system(party.namespace)
    return shut(party, directions(asked.text("direction", "both")))


RECIPE = Recipe(
    name="deny",
    says="default deny: ingress, egress or both",
    draft=_draft,
    examples=("podwall new deny -n shop", "podwall new deny ingress -n shop -d policies/"),
    arguments=(Argument("direction", "ingress, egress or both", optional=True, choices=("ingress", "egress", "both")),),
    needs_input=False,
)
