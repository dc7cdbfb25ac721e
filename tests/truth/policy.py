"""One NetworkPolicy v1 against one connection: selectors, blocks, ports, written out step by step."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from tests.truth.picture import Address, End, Object, OracleError, get, several_items

World = tuple[str, Mapping[str, Mapping[str, str]]]  # profile; labels of every namespace
PEERS = {"Ingress": "from", "Egress": "to"}
RULES = {"Ingress": "ingress", "Egress": "egress"}


@dataclass(frozen=True)
class Connection:
    """What is asked: who opens a connection to whom, on which destination port (after translation, N12)."""

    src: End
    dst: End
    protocol: str
    port: int
    family: int


def policy_types(spec: Object) -> set[str]:
    """The directions in which a policy isolates and is read."""
    listed = several_items(spec, "policyTypes")
    if listed:  # the list alone decides (N4)
        return set(listed)
    # absent, null or []: Ingress, and Egress by the length of egress (N3)
    return {"Ingress", "Egress"} if len(several_items(spec, "egress")) > 0 else {"Ingress"}


def effective_rules(policy: Object, direction: str) -> list[Object]:
    """The rules that count in a direction; a null rule is an empty one (N6), unlisted directions have none (N4)."""
    spec = policy.get("spec") or {}
    if direction not in policy_types(spec):
        return []
    return [rule or {} for rule in several_items(spec, RULES[direction])]


def selects(policy: Object, pod: End) -> bool:
    """Whether a policy's subject includes a pod: its own namespace, its podSelector (N2); no host network (D3)."""
    if not pod.plain or pod.namespace != policy["metadata"]["namespace"]:
        return False
    return selector_matches(get(policy, "spec", "podSelector") or {}, pod.labels)


def selector_matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """N9: every label and every expression must hold; an empty selector holds for everything."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if key not in labels or labels[key] != value:  # an absent key is not the value "" (N9)
            return False
    return all(expression_matches(e, labels) for e in several_items(selector, "matchExpressions"))


def expression_matches(expression: Object, labels: Mapping[str, str]) -> bool:
    """N9: the four operators."""
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return key not in labels or labels[key] not in values  # an absent key matches (N9)
    if operator == "Exists":
        return key in labels  # an empty value counts (N9)
    if operator == "DoesNotExist":
        return key not in labels
    raise OracleError(f"operator {operator!r} is not one of the four (V8)")


def rule_matches(rule: Object, direction: str, home: str, connection: Connection, world: World) -> bool:
    """N7: some peer AND some port of the same rule; no peers or no ports means any (N6).

    home is the policy's namespace.
    """
    peers, ports = several_items(rule, PEERS[direction]), several_items(rule, "ports")
    other = connection.src if direction == "Ingress" else connection.dst
    peer_ok = not peers or any(peer_matches(p or {}, home, other, connection.family, world) for p in peers)
    return peer_ok and (not ports or any(port_matches(p or {}, connection) for p in ports))


def peer_matches(peer: Object, home: str, other: End, family: int, world: World) -> bool:
    """N8, N10: one entry of from or to."""
    profile, namespaces = world
    if peer.get("ipBlock") is not None:
        return end_in_block(peer["ipBlock"], other, family, profile)
    pods, spaces = peer.get("podSelector"), peer.get("namespaceSelector")
    if pods is None and spaces is None:
        raise OracleError("a peer without any field (V1)")
    if not other.plain:  # selectors never match external addresses, nodes, host-network pods (N8, D3)
        return False
    # nil namespaceSelector: the policy's own namespace; {}: all of them (N8), by labels only (N21)
    in_space = other.namespace == home if spaces is None else selector_matches(spaces, namespaces[other.namespace])
    # nil podSelector: no restriction (N8); both in one entry: AND (N8)
    return in_space and (pods is None or selector_matches(pods, other.labels))


def end_in_block(block: Object, other: End, family: int, profile: str) -> bool:
    """D1: any address may match, a pod's too; in profile cilium only external ones."""
    if (
        other.kind == "domain"
    ):  # whatever its address is, it is in a block that has all, and may not be in another (C12)
        return whole(block["cidr"], family) and not several_items(block, "except")
    if profile == "cilium" and other.kind != "external":
        return False
    address = other.address(family)
    return address is not None and in_block(block, address)


def in_block(block: Object, address: Address) -> bool:
    """N10: in cidr and in none of except; a family never matches the other's block."""
    if address not in network(block["cidr"]):
        return False
    return all(address not in network(text) for text in several_items(block, "except"))


def whole(cidr: str, family: int) -> bool:
    """Whether a CIDR has every address of a family."""
    return network(cidr).version == family and network(cidr).prefixlen == 0


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A CIDR as the API server reads it: host bits masked (D13), leading zeros dropped, mapped IPv4 unmapped (V3)."""
    base, _, length = text.partition("/")
    if ":" not in base:
        base = ".".join(str(int(part)) for part in base.split("."))
        return ipaddress.IPv4Network(f"{base}/{int(length)}", strict=False)
    mapped = ipaddress.IPv6Address(base).ipv4_mapped
    if mapped is not None and int(length) >= 96:
        return ipaddress.IPv4Network(f"{mapped}/{int(length) - 96}", strict=False)
    return ipaddress.IPv6Network(f"{base}/{int(length)}", strict=False)


def port_matches(entry: Object, connection: Connection) -> bool:
    """N11, N12, N13: one entry of ports."""
    protocol = entry.get("protocol") or "TCP"  # omitted means TCP (N11)
    if protocol != connection.protocol:  # SCTP is never TCP (N22)
        return False
    port, end = entry.get("port"), entry.get("endPort")
    if port is None:  # every port of that protocol (N11)
        return True
    if isinstance(port, str):  # a name means the destination's numbers, for ingress and for egress (N13)
        return connection.port in port_numbers(connection.dst, port, protocol)
    last: int = port if end is None else end  # both ends included (N12)
    return bool(port <= connection.port <= last)


def port_numbers(dst: End, name: str, protocol: str) -> set[int]:
    """The numbers that a rule's port name stands for at a destination.

    Name AND protocol must match, two containers may hold one name twice (N13). Nodes and external addresses have no
    port names (N13, D6), and a host-network pod counts as its node (D19).
    """
    if not dst.plain:
        return set()
    return {number for n, number, p in dst.ports if n == name and p == protocol}
