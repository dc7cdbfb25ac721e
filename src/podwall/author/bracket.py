"""The bracket: what lets everything through while policies are being applied, so that no order of them closes a need.

Policies add up (N6): under the bracket all others change nothing, and taking it away is the step to the default deny.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.author.compose import metadata, network_policy
from podwall.author.marks import BRACKET, marked
from podwall.author.recipe import Object, Policy
from podwall.author.scope import Scope, Work
from podwall.author.subjects import choose
from podwall.engine.rules import Direction
from podwall.needs.site import Site

__all__ = ["bracket_of"]

_EARLIER = {"argocd.argoproj.io/sync-wave": "-1"}


def bracket_of(site: Site, scope: Scope, namespace: str) -> list[Policy]:
    """The bracket of one namespace: over the pods that nothing isolates yet, since what is closed is to stay closed."""
    works = [work for work in scope.works if work.key[0] == namespace]
    return [policy for direction in Direction for policy in _sides(site, scope, works, direction)]


def _sides(site: Site, scope: Scope, works: Sequence[Work], direction: Direction) -> Iterator[Policy]:
    namespace = works[0].key[0]
    open_yet = [work for work in works if not any(site.isolated(e, direction) for e in work.party.endpoints)]
    if len(open_yet) == len(works) and scope.only is None:
        yield _policy(namespace, f"bracket-{direction.value}", {}, direction)
        return
    for work in open_yet:
        chosen = choose(site, work.party, work.own)
        yield _policy(namespace, f"bracket-{direction.value}-{work.unique}", chosen.selector, direction)


def _policy(namespace: str, name: str, subject: Object, direction: Direction) -> Policy:
    item = network_policy(metadata(name, namespace, dict(_EARLIER)), subject, [direction], {direction: [{}]})
    item["metadata"]["labels"][BRACKET] = "true"
    who = "the pods it selects" if subject else f"every pod of {namespace}"
    about = (
        f"The bracket: lets everything through, as {direction.value} of {who}, until it is deleted.",
        "Apply it before the others; deleting it is the step to the default deny, applying it again is the way back.",
    )
    return Policy(marked(item, "bracket"), about)
