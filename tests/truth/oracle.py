"""The oracle: what NetworkPolicy v1 and the tiers around it say about one connection, the slow and obvious way.

It follows semantics.md and shares nothing with the product.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from tests.truth.picture import End, Object, OracleError, Picture, Undecided, read
from tests.truth.policy import Connection, effective_rules, policy_types, rule_matches, selects
from tests.truth.targets import Backend, Target, Targets, allot

__all__ = ["Oracle", "OracleError", "Undecided"]
PROTOCOLS = ("TCP", "UDP", "SCTP")
Answer = tuple[bool, bool]  # egress, ingress


class Oracle:
    """One cluster. `addresses` gives ends without an address theirs (D2), by `ns/name` or `ns/Kind/name`.

    Ends that it does not name get unused addresses of `pod_cidrs` (which ones, is not promised). `resolutions` are the
    addresses and CIDRs known of names (C12). Raises OracleError for an input without meaning (D16).
    """

    def __init__(
        self,
        objects: Iterable[Object],
        *,
        profile: str = "kubernetes",
        namespace: str = "default",
        addresses: Mapping[str, Sequence[str]] | None = None,
        pod_cidrs: Sequence[str] = ("10.244.0.0/16",),
        resolutions: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.picture: Picture = read(objects, namespace)
        self.picture.resolutions = {
            name.lower().removesuffix("."): tuple(ipaddress.ip_network(k) for k in known)
            for name, known in (resolutions or {}).items()
        }
        allot(self.picture, addresses or {}, pod_cidrs)
        self._targets = Targets(self.picture, profile, namespace)
        self._world = (profile, self.picture.namespaces)

    def verdict(
        self, src: str, dst: str, protocol: str, port: int | str, family: int | None = None
    ) -> dict[str, int | str]:
        """Family, verdict, egress and ingress ("allow" or "deny") of one connection.

        Raises OracleError where there is no answer: no common family (D20), an unknown, ambiguous or finished
        reference, an unknown port name, a protocol beyond TCP, UDP and SCTP (D15).
        """
        protocol = protocol.upper()
        if protocol not in PROTOCOLS:
            raise OracleError(f"{protocol} is not evaluated (D15)")
        sources, target = self._targets.find(src), self._targets.find(dst)
        if any(e.kind == "domain" for e in sources.ends):
            raise OracleError(f"{src}: names are destinations only (C12)")
        backends = self._targets.backends(target, port, protocol)
        chosen = common_family(sources.ends, [b.end for b in backends], family)
        askers = [e for e in sources.ends if e.has(chosen)]
        reached = [b for b in backends if b.end.has(chosen)]
        rows = [
            joined(
                [self._pair((s, sources), (b, target), protocol, chosen) for b in reached],
                every=bool(target.service) or target.by_name,
            )
            for s in askers
        ]
        egress, ingress = joined(rows, every=bool(sources.service)) or (True, True)
        # both sides must allow (N1)
        return {
            "family": chosen,
            "verdict": word(allowed=egress and ingress),
            "egress": word(allowed=egress),
            "ingress": word(allowed=ingress),
        }

    def _pair(
        self, source: tuple[End, Target], goal: tuple[Backend, Target], protocol: str, family: int
    ) -> Answer | None:
        """Egress and ingress of two ends; None for one pod twice where two replicas are meant (D5)."""
        (src, sources), (backend, target) = source, goal
        dst = backend.end
        if (src.kind, src.name) == (dst.kind, dst.name) and target.service is None:
            # Who else is behind a Service, or has a name, is no replica (D7, C12): only a workload's ends are.
            replicas = [side.ends for side in (sources, target) if side.several]
            if not replicas:
                return True, True  # a pod's own address never leaves its network namespace (N19, D5)
            if max(map(len, replicas)) > 1:  # the others are asked about
                return None
        connection = Connection(src, dst, protocol, backend.port, family)
        ingress = own_node(src, dst) or self._side("Ingress", dst, connection)
        return self._side("Egress", src, connection), ingress

    def _side(self, direction: str, subject: End, connection: Connection) -> bool:
        """One direction: the Admin tier, else the NetworkPolicies, else the Baseline tier, else allow (C1)."""
        if not subject.plain:  # external ends, nodes and host-network pods impose nothing (N1, D3, C6)
            return True
        tiers = self._targets.tiers
        first = tiers.says("Admin", direction, subject, connection)
        if first is not None:
            return first
        isolating = [
            policy
            for policy in self.picture.policies
            if direction in policy_types(policy.get("spec") or {}) and selects(policy, subject)  # per direction (N5)
        ]
        if not isolating:  # only then is Baseline reached, per direction (C5, D8)
            return tiers.says("Baseline", direction, subject, connection) is not False
        return any(  # additive, in any order (N7)
            rule_matches(rule, direction, policy["metadata"]["namespace"], connection, self._world)
            for policy in isolating
            for rule in effective_rules(policy, direction)
        )


def common_family(sources: Sequence[End], targets: Sequence[End], asked: int | None) -> int:
    """D20: the family asked for, else the one that both sides have, IPv4 first."""
    for family in (4, 6) if asked is None else (asked,):
        if any(e.has(family) for e in sources) and any(e.has(family) for e in targets):
            return family
    raise OracleError("no common family (D20)")


def own_node(src: End, dst: End) -> bool:
    """N17, D4: from the pod's own node, host-network pods there included (D19)."""
    if not dst.plain or src.plain or src.kind == "external":
        return False
    by_name = src.node is not None and src.node == dst.node
    return by_name or any(a in dst.node_addresses for a in src.addresses)


def joined(answers: Iterable[Answer | None], *, every: bool) -> Answer | None:
    """One answer of several: all must allow for a Service (D7); the replicas of a workload must agree."""
    given = [a for a in answers if a is not None]
    if not given:
        return None
    if not every and len(set(given)) > 1:
        raise Undecided("the replicas answer differently")
    return all(a[0] for a in given), all(a[1] for a in given)


def word(*, allowed: bool) -> str:
    """How a verdict is spelled."""
    return "allow" if allowed else "deny"
