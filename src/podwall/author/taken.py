"""Names that are taken: what somebody else wrote is never replaced by a new policy of the same name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, count

import msgspec

from podwall.api.networking import NetworkPolicy
from podwall.api.policy import ClusterWidePolicy
from podwall.author.compose import MANAGED, fitting
from podwall.author.recipe import Draft, Object, Policy
from podwall.cluster.objects import Located, kind_of, name_of
from podwall.needs.site import Site

__all__ = ["Names", "renamed"]

_Known = Located[NetworkPolicy] | Located[ClusterWidePolicy]


def renamed(site: Site, draft: Draft) -> tuple[Draft, list[str]]:
    """A policy of the same name that somebody else wrote is not replaced: the new one takes another name."""
    out, notes = [], []
    for policy in draft.policies:
        known = _known(site, policy.object)
        if known is None or _is_ours(known.object) or _same(known.object, policy.object):
            out.append(policy)
            continue
        fresh = next(one for one in _others(policy.object) if _known(site, one) is None)
        notes.append(_said(policy.object, known, fresh))
        out.append(Policy(fresh, policy.about))
    return msgspec.structs.replace(draft, policies=tuple(out)), notes


class Names:
    """The names that policies of one plan have, so that no two have the same, and none that of what is there."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._given: set[tuple[str, str]] = set()
        self.notes: list[str] = []
        """What people are told of names that were taken."""

    def given(self, policies: Iterable[Policy]) -> Iterator[Policy]:
        """The policies under names that are free; one that is there word for word is left out."""
        for policy in policies:
            known = _known(self._site, policy.object)
            if known is not None and _same(known.object, policy.object):
                continue
            chosen = next(filter(self._is_free, chain([policy.object], _others(policy.object))))
            self._given.add(_names(chosen))
            if known is not None:
                self.notes.append(_said(policy.object, known, chosen))
            yield Policy(chosen, policy.about)

    def _is_free(self, item: Object) -> bool:
        return _names(item) not in self._given and _known(self._site, item) is None


def _names(item: Object) -> tuple[str, str]:
    meta = item["metadata"]
    return meta.get("namespace", ""), meta["name"]


def _others(item: Object) -> Iterator[Object]:
    """The same under other names, the best first."""
    meta = item["metadata"]
    for number in count(1):
        name = fitting(f"podwall-{meta['name']}" + (f"-{number}" if number > 1 else ""))
        yield {**item, "metadata": {**meta, "name": name}}


def _said(item: Object, known: _Known, chosen: Object) -> str:
    name, fresh = item["metadata"]["name"], chosen["metadata"]["name"]
    return f"{name} is taken ({known.origin.source}): the new policy is called {fresh}"


def _known(site: Site, item: Object) -> _Known | None:
    """The policy of this kind, namespace and name in the input."""
    meta, cluster = item["metadata"], site.model.cluster
    if item["kind"] == "NetworkPolicy":
        bucket = site.bucket(meta["namespace"])
        own = bucket.policies if bucket else ()
        return next((p for p in own if name_of(p.object.metadata) == meta["name"]), None)
    wide = (p for p in cluster.cluster_policies if kind_of(p.object) == item["kind"])
    return next((p for p in wide if name_of(p.object.metadata) == meta["name"]), None)


def _is_ours(known: NetworkPolicy | ClusterWidePolicy) -> bool:
    return (known.metadata.labels or {}).items() >= MANAGED.items()


def _same(known: NetworkPolicy | ClusterWidePolicy, item: Object) -> bool:
    return known.spec == msgspec.convert(item, type(known)).spec
