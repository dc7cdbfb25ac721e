"""Who is meant by one end of a policy, said without selectors: what a selector selects is held against it."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.index import EndpointKey, key_of
from podwall.engine.sets import AddrSet
from podwall.engine.verdict import is_selectable

__all__ = ["EVERYONE", "Party"]


_MOST_LISTED = 4


class Party(Struct, frozen=True, dict=True):
    """Pods of one namespace, or addresses, or both.

    `whole` is every pod of the namespace, those to come as well; `everywhere` every pod of every namespace but those in
    `spared`; `outside` all that is no pod; `anyone` all of these. `cidrs` are addresses without `excepts`, whoever has
    them where the profile says so (D1). `name` is for people and for the names of policies.
    """

    name: str
    namespace: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    whole: bool = False
    everywhere: bool = False
    spared: frozenset[str] = frozenset()
    outside: bool = False
    anyone: bool = False
    cidrs: tuple[str, ...] = ()
    excepts: tuple[str, ...] = ()

    @cached_property
    def keys(self) -> frozenset[EndpointKey]:
        """Its endpoints' keys."""
        return frozenset(map(key_of, self.endpoints))

    @cached_property
    def addresses(self) -> AddrSet:
        """All addresses of its CIDRs."""
        return AddrSet.union(AddrSet.of(cidr, self.excepted(cidr)) for cidr in self.cidrs)

    @property
    def listed(self) -> str:
        """Its first CIDRs, for people."""
        more = f" and {len(self.cidrs) - _MOST_LISTED:,} more" if len(self.cidrs) > _MOST_LISTED else ""
        return ", ".join(self.cidrs[:_MOST_LISTED]) + more

    def excepted(self, cidr: str) -> list[str]:
        """The exceptions that lie in one of its CIDRs, as an ipBlock takes them (V2)."""
        whole = AddrSet.of(cidr)
        return [e for e in self.excepts if AddrSet.of(e) <= whole]

    def has_pod(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is meant as a pod. Never one on its host's network (D3)."""
        if not is_selectable(endpoint):
            return False
        if self.everywhere:
            return endpoint.namespace not in self.spared
        return (self.whole and endpoint.namespace == self.namespace) or key_of(endpoint) in self.keys

    def has(self, endpoint: Endpoint, family: int, *, blocks_match_cluster: bool) -> bool:
        """Whether an endpoint is meant, as a pod or by its address of a family."""
        if self.anyone or self.has_pod(endpoint) or (self.outside and not is_selectable(endpoint)):
            return True
        seen = blocks_match_cluster or endpoint.kind == "External"
        return seen and any((":" in a) == (family == 6) and a in self.addresses for a in endpoint.addresses)


EVERYONE = Party("everyone", anyone=True)
