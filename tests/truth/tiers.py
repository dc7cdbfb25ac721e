"""The tiers before and after the NetworkPolicies, rule by rule in their order (semantics.md C1-C15, D8, D9).

A v1alpha1 policy is first rewritten as the v1alpha2 policy that says the same (2.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.truth.picture import Address, End, Object, Picture, get, several_items
from tests.truth.policy import PEERS, RULES, Connection, network, port_numbers, selector_matches, whole

V1ALPHA1 = ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy")
LAST = 1001  # behind every priority (C3): the BaselineAdminNetworkPolicy has none
POD_PEERS = ("namespaces", "pods")
OUTSIDE_PEERS = ("networks", "nodes", "domainNames")
KNOWN_PEERS = {"Ingress": POD_PEERS, "Egress": (*POD_PEERS, *OUTSIDE_PEERS)}  # ingress has only two (C7)
TRANSPORTS = {"tcp": "TCP", "udp": "UDP", "sctp": "SCTP"}


@dataclass(frozen=True)
class TierRule:
    """One rule with all that its policy says of it."""

    tier: str  # Admin or Baseline
    order: tuple[int, str, str, int]  # priority, name, kind, number of the rule (C3, D9)
    direction: str
    subject: Object
    action: str  # Accept, Deny or Pass
    peers: list[Object]
    protocols: list[Object]  # none: everything (C10)

    @property
    def broken(self) -> bool:
        """C13: some peer or protocol has no field that this reader knows."""
        known = KNOWN_PEERS[self.direction]
        peers_known = all(any(get(p, field) is not None for field in known) for p in self.peers)
        return not (peers_known and all(protocol_known(p or {}) for p in self.protocols))


class Tiers:
    """The two tiers of one cluster. The labels of pods, namespaces and nodes come from its picture."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        rules = [rule for policy in picture.tier_policies for rule in rules_of(policy)]
        self.rules = sorted(rules, key=lambda r: r.order)

    def says(self, tier: str, direction: str, subject: End, connection: Connection) -> bool | None:
        """True for Accept, False for Deny, None where no rule matches, or Pass skips the rest of the tier (C2, C4)."""
        for rule in self.rules:
            if rule.tier != tier or rule.direction != direction or not self.is_subject(rule.subject, subject):
                continue
            if rule.broken:  # fails closed (C13): Accept matches nothing, Deny and Pass deny everything
                if rule.action == "Accept":
                    continue
                return False
            if self.matches(rule, connection):
                return None if rule.action == "Pass" else rule.action == "Accept"
        return None

    def is_subject(self, subject: Object, pod: End) -> bool:
        """C6: pods by their namespaces, or by namespace and labels; never a host-network pod."""
        return any(self.pod_peer(field, subject[field], pod) for field in POD_PEERS if subject.get(field) is not None)

    def matches(self, rule: TierRule, connection: Connection) -> bool:
        """Some peer AND some protocol of a rule that is not broken."""
        other = connection.src if rule.direction == "Ingress" else connection.dst
        fields = {f for p in rule.peers for f in self.matching_fields(p, other, connection.family)}
        if not rule.protocols:  # everything (C10)
            return bool(fields)
        return any(protocol_matches(p, f, connection) for p in rule.protocols for f in fields)

    def matching_fields(self, peer: Object, other: End, family: int) -> Iterator[str]:
        """The field of a peer if it matches an end: each peer has exactly one (2.2)."""
        its = other.address(family)
        for field, value in peer.items():
            if field in POD_PEERS and value is not None and self.pod_peer(field, value, other):
                yield field
            if field == "networks" and any(its in network(cidr) for cidr in value or () if its):
                yield field  # a pod's, a node's, any address, whatever the profile says of ipBlocks (C8, D1)
            if field == "networks" and other.kind == "domain" and any(whole(cidr, family) for cidr in value or ()):
                yield field  # whatever the address of a name is, it is in there (C12)
            if field == "nodes" and value is not None and self.on_node(value, other):
                yield field
            if field == "domainNames" and any(self.resolves(name, its) for name in value or ()):
                yield field
            if field == "domainNames" and other.kind == "domain" and any(covers(n, other.name) for n in value or ()):
                yield field  # by name alone (C12)

    def pod_peer(self, field: str, value: Object, pod: End) -> bool:
        """C6, C7: `namespaces` or `pods`; pods only, never of the host network, never nodes or external addresses."""
        if not pod.plain:
            return False
        spaces = value if field == "namespaces" else value.get("namespaceSelector") or {}  # absent: all (C6)
        in_space = selector_matches(spaces, self.picture.namespaces[pod.namespace])
        return in_space and (field == "namespaces" or selector_matches(value.get("podSelector") or {}, pod.labels))

    def on_node(self, selector: Object, other: End) -> bool:
        """C9: a node, or a host-network pod, which has its node's addresses."""
        if other.plain or other.kind in ("external", "domain"):
            return False
        labels = self.node_labels(other)
        return labels is not None and selector_matches(selector, labels)

    def node_labels(self, other: End) -> Mapping[str, str] | None:
        """The labels of the node that an end is, or is on; a node that no object declares has none; None: no node."""
        by_name = self.picture.nodes.get(other.node or "")
        by_address = [n for n in self.picture.nodes.values() if {*n.addresses} & {*other.addresses}]
        for node in (by_name, *by_address):
            if node is not None:
                return node.labels
        return None if other.kind == "pod" and other.node is None else {}

    def resolves(self, pattern: str, address: Address | None) -> bool:
        """C12: whether an address is known of a name or pattern; none is unless resolutions were given."""
        found = [k for name, known in self.picture.resolutions.items() if covers(pattern, name) for k in known]
        return address is not None and any(address in known for known in found)

    def names(self) -> set[str]:
        """Every name or pattern of a rule."""
        return {n for rule in self.rules for p in rule.peers for n in several_items(p, "domainNames")}

    def seen(self, pod: End) -> Iterator[object]:
        """All that the rules of the tiers can see of a pod: replicas are alike if they look the same."""
        for rule in self.rules:
            yield self.is_subject(rule.subject, pod)
            yield from ([*self.matching_fields(p, pod, f)] for p in rule.peers if p for f in (4, 6))
            names = [p["destinationNamedPort"] for p in rule.protocols if get(p, "destinationNamedPort")]
            yield from (sorted(port_numbers(pod, name, t)) for name in names for t in TRANSPORTS.values())


def covers(pattern: str, name: str) -> bool:
    """C12: the same name, or `*.` and one or more whole labels before the rest; never the rest itself (the apex)."""
    pattern, name = pattern.lower().removesuffix("."), name.lower().removesuffix(".")
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


def protocol_known(entry: Object) -> bool:
    """C13: whether an entry of protocols, and its port if it has one, has a field that is known."""
    for field in TRANSPORTS:
        port = get(entry, field, "destinationPort")
        if port is not None and port.get("number") is None and port.get("range") is None:
            return False
    return any(entry.get(field) is not None for field in (*TRANSPORTS, "destinationNamedPort"))


def protocol_matches(entry: Object, peer_field: str, connection: Connection) -> bool:
    """C10, C11: one entry of protocols, for a peer that matches; there is no default protocol."""
    name = entry.get("destinationNamedPort")
    if name is not None:  # of whatever protocol the container port is; nothing on networks, nodes, domainNames (C11)
        return peer_field in POD_PEERS and connection.port in port_numbers(connection.dst, name, connection.protocol)
    for field, protocol in TRANSPORTS.items():
        if entry.get(field) is None or protocol != connection.protocol:
            continue
        port = entry[field].get("destinationPort")
        if port is None:  # a bare protocol is all of its ports, though the schema refuses it (C10)
            return True
        if port.get("range") is None:
            return bool(port["number"] == connection.port)
        return bool(port["range"]["start"] <= connection.port <= port["range"]["end"])  # both ends included (C10)
    return False


def rules_of(policy: Object) -> Iterator[TierRule]:
    """The rules of one policy of any of the three kinds."""
    kind, name, spec = policy["kind"], policy["metadata"]["name"], policy.get("spec") or {}
    old = kind in V1ALPHA1
    tier = "Baseline" if kind == "BaselineAdminNetworkPolicy" else "Admin" if old else spec["tier"]
    priority = LAST if kind == "BaselineAdminNetworkPolicy" else spec["priority"]
    for direction, field in RULES.items():
        for number, rule in enumerate(several_items(spec, field)):
            protocols = [*map(as_protocol, several_items(rule, "ports"))] if old else several_items(rule, "protocols")
            yield TierRule(
                tier=tier,
                order=(priority, name, kind, number),
                direction=direction,
                subject=spec.get("subject") or {},
                action="Accept" if rule["action"] == "Allow" else rule["action"],
                peers=several_items(rule, PEERS[direction]),
                protocols=protocols,
            )


def as_protocol(port: Object | None) -> Object:
    """2.3: an entry of v1alpha1's ports as v1alpha2 writes it; what is not known stays unknown (C13)."""
    named, numbered, ranged = (get(port, field) for field in ("namedPort", "portNumber", "portRange"))
    if named is not None:
        return {"destinationNamedPort": named}
    if numbered is not None:
        return {transport(numbered): {"destinationPort": {"number": numbered["port"]}}}
    if ranged is not None:
        return {transport(ranged): {"destinationPort": {"range": {"start": ranged["start"], "end": ranged["end"]}}}}
    return {}


def transport(port: Object) -> str:
    """The protocol of a v1alpha1 port: here, there is a default (2.3)."""
    return (port.get("protocol") or "TCP").lower()
