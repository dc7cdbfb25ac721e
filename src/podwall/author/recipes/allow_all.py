"""A temporary opening: everything is let through, for a namespace or a workload, until a day.

The day stands in the annotation podwall.io/expires; from the next day on, `podwall check` asks for the policy (PW176).
For a whole namespace the label podwall.io/bracket says that it is meant to go.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from podwall.author.closing import directions
from podwall.author.compose import Said, named, permit
from podwall.author.recipe import Argument, Asked, Draft, Flag, Policy, Recipe
from podwall.engine.sets import ALL_PORTS
from podwall.errors import CannotWrite
from podwall.needs.need import Grant
from podwall.needs.party import EVERYONE
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    last = _day(asked)
    reference = asked.text("workload")
    party = site.party(reference) if reference else site.everyone()
    who = f"{party.namespace}/{party.name}" if reference else f"every pod of {party.namespace}"
    out = Draft(sudden=False)
    for direction in directions(asked.text("direction", "both")):
        about = f"Temporary, until {last}: everything is let through, as {direction.value} of {who}."
        name = named("allow-all", direction.value, party.name if reference else "")
        said = Said(name, (about,), {"podwall.io/expires": last.isoformat()})
        out += permit(site, direction, party, (Grant(EVERYONE, ALL_PORTS),), said)
    policies = out.policies if reference else tuple(map(_bracketed, out.policies))
    return msgspec.structs.replace(out, policies=policies, sudden=False)


def _day(asked: Asked) -> dt.date:
    written = asked.text("expires")
    try:
        last = dt.date.fromisoformat(written)
    except ValueError:
        what = f"{written} is no date" if written else "say until when"
        raise CannotWrite(f"--expires: {what}, as 2027-01-31: the last day on which it is meant") from None
    if last < asked.today:
        raise CannotWrite(f"--expires {last}: that day is over")
    return last


def _bracketed(policy: Policy) -> Policy:
    policy.object["metadata"]["labels"]["podwall.io/bracket"] = "true"
    return policy


RECIPE = Recipe(
    name="allow-all",
    says="a temporary opening, with the day when it ends",
    draft=_draft,
    examples=(
        "podwall new allow-all -n shop --expires 2027-01-31",
        "podwall new allow-all shop/web --expires 2027-01-31 -f dump/",
    ),
    arguments=(Argument("workload", "whom it is for; without it, the whole namespace", optional=True),),
    flags=(
        Flag("--expires", "The last day on which it is meant.", metavar="DATE"),
        Flag("--direction", "ingress, egress or both (default).", choices=("ingress", "egress", "both")),
    ),
    needs_input=False,
)
