"""A plan as cables, `ip -batch` texts and sysctls, one for each namespace. Pure; `network` carries it out.

Pods hang on their node, nodes on a router, and what is outside behind it. Every address is routed by itself, as pods'
addresses need not be of one range a node. Next hops are gateways that nobody has (as Calico does it): the neighbor is
written down, so nothing is asked for by ARP or ND but the other ports of a bridge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from podwall.lab.hosting import family_of
from podwall.lab.plan import Link, Plan, PlannedNode, Seat, SeatKind

__all__ = ["EXTERNAL", "ROUTER", "Cable", "Wiring", "node_key", "space_of", "wiring_of"]

ROUTER, EXTERNAL = "router", "external"
_GATEWAYS = {4: "169.254.1.1", 6: "fe80::1"}
_GATEWAY_MAC = "ee:ee:ee:ee:ee:ee"
_EXTERNAL_MAC = "02:02:00:00:00:00"
# The kernel's tables of neighbors hold 1,024 entries that were asked for, over all namespaces.
_ASKED_NEIGHBORS = 500
_LIMITS_OFF = (("net/ipv4/icmp_ratelimit", "0"), ("net/ipv4/icmp_msgs_per_sec", "0"), ("net/ipv6/icmp/ratelimit", "0"))
_QUIET = (  # addresses of IPv6 are there at once, and nobody looks for routers
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/default/addr_gen_mode", "1"),
)
_FORWARDING = (
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv4/conf/all/rp_filter", "2"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
)
_BRIDGED = (("net/bridge/bridge-nf-call-iptables", "1"), ("net/bridge/bridge-nf-call-ip6tables", "1"))


class Cable(Struct, frozen=True):
    """A veth: two names of namespaces, of the devices in them, and their MACs."""

    space: str
    device: str
    mac: str
    far_space: str
    far_device: str
    far_mac: str


class Wiring(Struct, frozen=True):
    """`batches` and `sysctls` (path below /proc/sys, value) by namespace, in the order in which these are made."""

    cables: tuple[Cable, ...]
    batches: Mapping[str, str]
    sysctls: Mapping[str, tuple[tuple[str, str], ...]]


class _Pod(Struct, frozen=True):
    """A pod with its device on the node."""

    seat: Seat
    device: str
    mac: str

    @property
    def addresses(self) -> tuple[str, ...]:
        return self.seat.endpoint.addresses


def node_key(node: str) -> str:
    """The name of a node's namespace, which is also its seat's."""
    return f"node/{node}"


def space_of(seat: Seat) -> str:
    """The name of a seat's namespace."""
    match seat.kind:
        case SeatKind.POD:
            return seat.name
        case SeatKind.HOST:
            return node_key(seat.node)
        case SeatKind.EXTERNAL:
            return EXTERNAL


def wiring_of(plan: Plan) -> Wiring:
    """Everything that makes the network of a plan."""
    pods: dict[str, list[_Pod]] = {node.name: [] for node in plan.nodes}
    for number, seat in enumerate(s for s in plan.seats if s.kind is SeatKind.POD):
        pods[seat.node].append(_Pod(seat, f"p{number}", _mac(0, number)))
    outside = [seat.name for seat in plan.seats if seat.kind is SeatKind.EXTERNAL]
    cables = [Cable(ROUTER, f"r{n}", _GATEWAY_MAC, node_key(node.name), "eth0", _mac(1, n)) for n, node in _nodes(plan)]
    cables.append(Cable(ROUTER, "x0", _GATEWAY_MAC, EXTERNAL, "eth0", _EXTERNAL_MAC))
    batches: dict[str, str] = {ROUTER: _text(_router(plan, pods, outside)), EXTERNAL: _text(_end(outside))}
    for node in plan.nodes:
        key = node_key(node.name)
        cables.extend(Cable(key, p.device, _GATEWAY_MAC, p.seat.name, "eth0", p.mac) for p in pods[node.name])
        batches[key] = _text(_node(plan, node, pods[node.name]))
        batches.update(_pod_batches(plan.link, pods[node.name]))
    return Wiring(_own_macs(plan.link, cables), batches, {name: _sysctls(name, plan) for name in batches})


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _nodes(plan: Plan) -> Iterator[tuple[int, PlannedNode]]:
    yield from enumerate(plan.nodes)


def _mac(kind: int, number: int) -> str:
    return f"02:{kind:02x}:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def _own_macs(link: Link, cables: Iterable[Cable]) -> tuple[Cable, ...]:
    """The gateway is the node's end of a cable, or the bridge, whose ports then must not have its MAC too."""
    if link is Link.ROUTED:
        return tuple(cables)
    return tuple(
        Cable(c.space, c.device, f"06{c.far_mac[2:]}", c.far_space, c.far_device, c.far_mac) if c.space != ROUTER else c
        for c in cables
    )


def _sysctls(name: str, plan: Plan) -> tuple[tuple[str, str], ...]:
    nodes = {node_key(node.name) for node in plan.nodes}
    forwarding = _FORWARDING if name == ROUTER or name in nodes else ()
    bridged = _BRIDGED if plan.link is Link.BRIDGED and name in nodes else ()
    return (*_LIMITS_OFF, *_QUIET, *forwarding, *bridged)


# Lines of `ip -batch`


def _whole(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _up(device: str) -> Iterator[str]:
    yield f"link set lo up\nlink set {device} up"


def _address(address: str, device: str) -> str:
    return f"addr add {_whole(address)} dev {device}" + (" nodad" if ":" in address else "")


def _neighbor(address: str, mac: str, device: str) -> str:
    return f"neigh replace {address} lladdr {mac} dev {device} nud permanent"


def _gateway(device: str, families: Iterable[int], mac: str = _GATEWAY_MAC) -> Iterator[str]:
    for family in sorted(families):
        yield _neighbor(_GATEWAYS[family], mac, device)


def _families(addresses: Iterable[str]) -> set[int]:
    return {family_of(address) for address in addresses}


def _end(addresses: Sequence[str], own: Mapping[int, str] | None = None) -> Iterator[str]:
    """A namespace with one cable: its addresses, and a default route for each family."""
    yield from _up("eth0")
    yield from (_address(address, "eth0") for address in addresses)
    yield from _gateway("eth0", _families(addresses))
    for family in sorted(_families(addresses)):
        source = f" src {own[family]}" if own else ""
        yield f"route add default via {_GATEWAYS[family]} dev eth0 onlink{source}"


def _router(plan: Plan, pods: Mapping[str, Sequence[_Pod]], outside: Sequence[str]) -> Iterator[str]:
    yield "link set lo up"
    told = {address for _, addresses in plan.names for address in addresses}
    behind = {a for seat in plan.seats for a in seat.endpoint.addresses}
    for number, node in _nodes(plan):
        addresses = [*node.addresses, *(a for pod in pods[node.name] for a in pod.addresses)]
        if number == 0:  # what is for clients outside comes to one node
            offered = {t.address for t in plan.translations} - told - behind
            addresses.extend(sorted(offered))
        yield from _towards(f"r{number}", addresses, _mac(1, number))
    yield from _towards("x0", outside, _EXTERNAL_MAC)


def _towards(device: str, addresses: Sequence[str], mac: str) -> Iterator[str]:
    yield f"link set {device} up"
    yield from _gateway(device, _families(addresses), mac)
    for address in addresses:
        yield f"route add {_whole(address)} via {_GATEWAYS[family_of(address)]} dev {device} onlink"


def _node(plan: Plan, node: PlannedNode, pods: Sequence[_Pod]) -> Iterator[str]:
    own: dict[int, str] = {}
    for address in node.addresses:
        own.setdefault(family_of(address), address)
    yield from _end(node.addresses, own)
    if plan.dns_cache:
        yield f"{_address(plan.dns_cache, 'lo')} scope host"  # never taken for the node's own
    if plan.link is Link.BRIDGED:
        yield f"link add br0 address {_GATEWAY_MAC} type bridge mcast_snooping 0\nlink set br0 up"
    for pod in pods:
        device = pod.device
        if plan.link is Link.BRIDGED:
            # A pod that reaches itself through a Service goes out by the port that it came in by.
            yield f"link set {device} master br0\nlink set dev {device} type bridge_slave hairpin on"
            device = "br0"
        yield f"link set {pod.device} up"
        for address in pod.addresses:
            yield f"route add {_whole(address)} dev {device} src {own[family_of(address)]}"
            yield _neighbor(address, pod.mac, device)


def _pod_batches(link: Link, pods: Sequence[_Pod]) -> Iterator[tuple[str, str]]:
    for pod in pods:
        lines = list(_end(pod.addresses))
        if link is Link.BRIDGED:
            lines.extend(_on_link(pod, pods))
        yield pod.seat.name, _text(lines)


def _on_link(pod: _Pod, pods: Sequence[_Pod]) -> Iterator[str]:
    """The other ports of the bridge, which are reached without the node as a router."""
    for other in pods:
        for address in other.addresses if other is not pod else ():
            if family_of(address) in _families(pod.addresses):
                yield f"route add {_whole(address)} dev eth0"
                if len(pods) ** 2 > _ASKED_NEIGHBORS:
                    yield _neighbor(address, other.mac, "eth0")
