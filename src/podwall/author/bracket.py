"""The bracket: what lets everything through while policies are being applied, so that no order of them closes a need.

Policies add up (N6): under the bracket all others change nothing, and taking it away is the step to the default deny.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.author.compose import fitting, metadata, network_policy
from podwall.author.force import Force
from podwall.author.marks import BRACKET, marked
from podwall.author.recipe import Object, Policy
from podwall.author.scope import Scope, Work
from podwall.author.selectors import selectors
from podwall.author.subjects import choose
from podwall.cluster.endpoints import Endpoint
from podwall.engine.rules import Direction
from podwall.errors import CannotWrite
from podwall.needs.site import Site

__all__ = ["bracket_of"]

_EARLIER = {"argocd.argoproj.io/sync-wave": "-1"}


def bracket_of(site: Site, scope: Scope, namespace: str, force: Force) -> Iterator[Policy]:
    """The bracket of one namespace: over the pods that nothing isolates yet, since what is closed is to stay closed.

    A pod that no label tells from others has none where these are closed: nothing can be written for it alone.
    """
    works = [work for work in scope.works if work.key[0] == namespace]
    for direction in Direction:
        bare = [(work, [e for e in work.party.endpoints if not force.isolates(e, direction)]) for work in works]
        if scope.only is None and all(len(pods) == len(work.party.endpoints) for work, pods in bare):
            yield _policy(namespace, f"bracket-{direction.value}", {}, direction)
            continue
        for work, pods in bare:
            for number, subject in enumerate(_subjects(site, work, pods)):
                name = f"bracket-{direction.value}-{work.unique}" + (f"-{number + 1}" if number else "")
                yield _policy(namespace, fitting(name), subject, direction)


def _subjects(site: Site, work: Work, pods: list[Endpoint]) -> list[Object]:
    """What selects the pods of a workload that are open; all of it where no label tells these from the others."""
    try:
        if 0 < len(pods) < len(work.party.endpoints):
            try:
                return selectors(site, work.key[0], pods)
            except CannotWrite:
                pass
        return [choose(site, work.party, work.own).selector] if pods else []
    except CannotWrite:
        return []


def _policy(namespace: str, name: str, subject: Object, direction: Direction) -> Policy:
    item = network_policy(metadata(name, namespace, dict(_EARLIER)), subject, [direction], {direction: [{}]})
    item["metadata"]["labels"][BRACKET] = "true"
    who = "the pods it selects" if subject else f"every pod of {namespace}"
    about = (
        f"The bracket: lets everything through, as {direction.value} of {who}, until it is deleted.",
        "Apply it before the others; deleting it is the step to the default deny, applying it again is the way back.",
    )
    return Policy(marked(item, "bracket"), about)
