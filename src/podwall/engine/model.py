"""One cluster under one profile, ready for questions: the engine's parts put together, each made when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import msgspec

from podwall.cluster.addresses import allot, pod_cidrs
from podwall.cluster.endpoints import Endpoint, endpoints_of
from podwall.cluster.hosts import hosts
from podwall.cluster.objects import Cluster
from podwall.cluster.profile import Profile
from podwall.cluster.services import addresses_of
from podwall.engine.counts import Counts, count
from podwall.engine.domains import Resolutions, resolved
from podwall.engine.grouping import Group, groups_of, weights_of
from podwall.engine.index import Index, key_of
from podwall.engine.judge import Judge
from podwall.engine.policies import clusterwide, networkpolicy
from podwall.engine.questions import Questions
from podwall.engine.reach import Reach
from podwall.engine.references import References

__all__ = ["Model", "allot_together"]


class Model:
    """The batch: an index filled with everything that the cluster holds, and the answers read from it.

    `cidrs` are the ranges that pods are known to have their addresses from (D2), `resolutions` the addresses known of
    domain names (C12).
    """

    def __init__(
        self,
        cluster: Cluster,
        profile: Profile,
        cidrs: Sequence[str] = (),
        namespace: str = "default",
        resolutions: Resolutions | None = None,
    ) -> None:
        self.cluster = cluster
        self.profile = profile
        self.namespace = namespace
        self.cidrs = tuple(cidrs)
        self.resolutions = resolutions or {}
        self._groups: list[Group] | None = None
        found = list(endpoints_of(cluster))
        self.endpoints: list[Endpoint] = allot(found, pod_cidrs(cidrs, found), _others(cluster))
        self.index = Index(profile)
        for bucket in cluster.namespaces.values():
            self.index.put_namespace(bucket.name, bucket.labels)
            for policy in bucket.policies:
                self.index.put_policy(networkpolicy.rules_of(policy.object, bucket.name))
        for cluster_policy in cluster.cluster_policies:
            self.index.put_policy(resolved(clusterwide.rules_of(cluster_policy.object), self.resolutions))
        for endpoint in self.endpoints:
            self.index.put_endpoint(endpoint)

    @cached_property
    def reach(self) -> Reach:
        """Reachability among all endpoints and external addresses."""
        return Reach(self.index)

    @cached_property
    def judge(self) -> Judge:
        """Verdicts on single connections."""
        return Judge(self.index)

    @cached_property
    def references(self) -> References:
        """What names and addresses stand for."""
        return References(self.cluster, self.index, self._groups_for_names, self.namespace, self.resolutions)

    @cached_property
    def questions(self) -> Questions:
        """What is asked of references."""
        return Questions(self.cluster, self.references)

    def groups(self, reach: Reach) -> list[Group]:
        """The endpoints as they are shown, on the atoms of a reach."""
        return self._groups_for_names() if reach is self.reach else groups_of(self.index, reach.layout)

    def counts(self) -> Counts:
        """How many pairs are open among the cluster's endpoints."""
        return count(self.reach, weights_of(self.index, self.reach.layout))

    def counts_about(self, concerned: Callable[[Group], bool]) -> Counts:
        """The same of the endpoints that are concerned, and of the pairs that have one of them."""
        weights = [0] * self.reach.layout.size
        for group in self.groups(self.reach):
            weights[group.atom] += not concerned(group)
        whole, outside = self.counts(), count(self.reach, weights)
        return Counts(
            whole.endpoints - outside.endpoints,
            whole.classes,
            whole.pairs - outside.pairs,
            whole.open_pairs - outside.open_pairs,
        )

    def _groups_for_names(self) -> list[Group]:
        if self._groups is None:
            self._groups = groups_of(self.index, self.reach.layout)
        return self._groups


def allot_together(models: Sequence[Model], cidrs: Sequence[str]) -> None:
    """Allots addresses over the union of several clusters: what has none has the same one in all of them (D2)."""
    if not any(endpoint.assumed for model in models for endpoint in model.endpoints):
        return
    everyone = [msgspec.structs.replace(e, addresses=()) if e.assumed else e for m in models for e in m.endpoints]
    given = [endpoint for endpoint in everyone if endpoint.addresses]
    without = {key_of(endpoint): endpoint for endpoint in everyone if not endpoint.addresses}
    taken = [address for model in models for address in _others(model.cluster)]
    found = allot([*given, *without.values()], pod_cidrs(cidrs, everyone), taken)
    allotted = {key_of(endpoint): endpoint.addresses for endpoint in found if endpoint.assumed}
    for model in models:
        model.endpoints = [
            msgspec.structs.replace(e, addresses=allotted[key_of(e)]) if e.assumed else e for e in model.endpoints
        ]
        for endpoint in model.endpoints:
            if endpoint.assumed:
                model.index.put_endpoint(endpoint)


def _others(cluster: Cluster) -> Iterator[str]:
    """The addresses of Services and nodes."""
    yield from hosts(cluster)
    for bucket in cluster.namespaces.values():
        for service in bucket.services:
            yield from addresses_of(service.object)
