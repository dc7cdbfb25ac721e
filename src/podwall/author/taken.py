"""Names that are taken: what somebody else wrote is never replaced by a new policy of the same name."""

from __future__ import annotations

import msgspec

from podwall.api.networking import NetworkPolicy
from podwall.api.policy import ClusterWidePolicy
from podwall.author.compose import MANAGED
from podwall.author.recipe import Draft, Object, Policy
from podwall.cluster.objects import Located, kind_of, name_of
from podwall.needs.site import Site

__all__ = ["renamed"]

_Known = Located[NetworkPolicy] | Located[ClusterWidePolicy]


def renamed(site: Site, draft: Draft) -> tuple[Draft, list[str]]:
    """A policy of the same name that somebody else wrote is not replaced: the new one takes another name."""
    out, notes = [], []
    for policy in draft.policies:
        meta = policy.object["metadata"]
        known = _known(site, policy.object)
        if known is None or _is_ours(known.object) or _same(known.object, policy.object):
            out.append(policy)
            continue
        fresh = f"podwall-{meta['name']}"
        notes.append(f"{meta['name']} is taken ({known.origin.source}): the new policy is called {fresh}")
        out.append(Policy({**policy.object, "metadata": {**meta, "name": fresh}}, policy.about))
    return msgspec.structs.replace(draft, policies=tuple(out)), notes


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
