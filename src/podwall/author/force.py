"""What is in force before anything is applied: an earlier lockdown counts, unless its bracket is over it."""

from __future__ import annotations

from collections.abc import Iterable

from podwall.author.marks import is_bracket
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import name_of
from podwall.engine.rules import Direction
from podwall.needs.site import Site

__all__ = ["Force"]


class Force:
    """Whom policies isolate before anything is applied.

    `site` has the policies of others; `earlier` are pictures of the cluster with those of an earlier lockdown, and
    whatever one of them closes is closed.
    """

    def __init__(self, site: Site, earlier: Iterable[Site] = ()) -> None:
        self._site = site
        self._earlier = [(one, _brackets(one)) for one in earlier]

    def isolates(self, endpoint: Endpoint, direction: Direction) -> bool:
        """Whether an endpoint is closed to what no policy allows."""
        return self._site.isolated(endpoint, direction) or self.is_own(endpoint, direction)

    def is_own(self, endpoint: Endpoint, direction: Direction) -> bool:
        """Whether it is an earlier lockdown that closes it, with no bracket any more."""
        if not self._earlier or self._site.isolated(endpoint, direction):
            return False
        return any(_closes(one, brackets, endpoint, direction) for one, brackets in self._earlier)


def _brackets(site: Site) -> frozenset[tuple[str, str]]:
    buckets = site.model.cluster.namespaces.values()
    known = ((bucket.name, located.object) for bucket in buckets for located in bucket.policies)
    return frozenset((home, name_of(policy.metadata)) for home, policy in known if is_bracket(policy))


def _closes(site: Site, brackets: frozenset[tuple[str, str]], endpoint: Endpoint, direction: Direction) -> bool:
    if not site.isolated(endpoint, direction):
        return False
    rules = site.model.judge.rules(direction, site.end(endpoint))
    return not any((rule.policy.namespace, rule.policy.name) in brackets for rule in rules)
