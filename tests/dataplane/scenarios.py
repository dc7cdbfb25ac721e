"""Random scenarios: packets of a few connections in an order that their protocols allow, and a change of rules between.

A scenario is played on the twin alone, or on the twin and the real kernel side by side.
"""

from random import Random
from typing import Any

from msgspec import Struct

from podwall.dataplane.packet import Ends, Packet
from podwall.dataplane.ruleset import PROTOCOL_NUMBERS, Hook, Ruleset
from tests.dataplane.random_rulesets import PORTS, random_ruleset
from tests.dataplane.walk_cases import CLIENT, SERVER, VIP, changed
from tests.dataplane.wires import CLIENTS, NODE, SERVERS

TCP, UDP, SCTP, ICMP, ICMP6 = (PROTOCOL_NUMBERS[name] for name in ("TCP", "UDP", "SCTP", "ICMP", "ICMPv6"))
SERVICES = {(VIP[family], protocol, 8080): (SERVER[family], 80) for family in (4, 6) for protocol in (TCP, UDP)}


def _first(protocol: int, family: int = 4, port: int = 0, **fields: Any) -> Packet:
    return Packet(CLIENT[family], SERVER[family], protocol, port, port, **fields)


FIRST = [
    (_first(TCP, port=80, syn=True), "new"),
    (_first(TCP, port=80, ack=True), "new"),
    (_first(TCP, port=80, syn=True, ack=True), "invalid"),
    (_first(TCP, port=80), "invalid"),
    (_first(UDP, port=80), "new"),
    (_first(UDP, 6, port=53), "untracked"),
    (_first(SCTP, port=80), "new"),
    (_first(ICMP, port=7, icmp=8), "new"),
    (_first(ICMP, port=7, icmp=0), "invalid"),
    (_first(ICMP, icmp=3), "invalid"),
    (_first(ICMP6, 6, port=7, icmp=128), "new"),
    (_first(ICMP6, 6, port=7, icmp=129), "invalid"),
    *((_first(ICMP6, 6, icmp=kind), "untracked") for kind in (130, 131, 132, 133, 134, 135, 136, 143)),
    *((_first(ICMP6, 6, icmp=kind), "invalid") for kind in (2, 137, 138, 142, 144)),
    (_first(47), "new"),
    (_first(47, 6), "new"),
]
"""What conntrack says of a packet that is the first of its kind."""


class Step(Struct, frozen=True):
    """A packet from the client's side ("c") or the server's ("s").

    It is left out where one of those in `after` was, or has no connection.
    """

    packet: Packet
    side: str
    hook: Hook = Hook.FORWARD
    about: Packet | None = None
    after: tuple[Packet, ...] = ()


class Scenario(Struct, frozen=True):
    """Packets under the old rules, then packets under the new ones."""

    old: Ruleset
    new: Ruleset
    before: tuple[Step, ...]
    later: tuple[Step, ...]


def notrack(packet: Packet) -> bool:
    """What the node of `wires` takes out of conntrack."""
    return packet.protocol == UDP and 53 in {packet.source_port, packet.port}


class _Flow(Struct):
    """A connection and how far it has come."""

    protocol: int
    there: Ends
    back: Ends
    translated: bool = False
    in_middle: bool = False
    begun: bool = False
    answered: bool = False


def random_scenario(random: Random) -> Scenario:
    flows = [_random_flow(random, port) for port in range(40000, 40004)]
    steps = [_random_step(random, random.choice(flows)) for _ in range(16)]
    return Scenario(random_ruleset(random), random_ruleset(random), tuple(steps[:8]), tuple(steps[8:]))


def _random_flow(random: Random, source_port: int) -> _Flow:
    """Every flow has a client's port of its own, so that none gets in the way of another one's translation."""
    family, protocol = random.choice((4, 6)), random.choice((TCP, TCP, UDP, UDP, SCTP, ICMP))
    client, server, port = random.choice(CLIENTS[family]), random.choice(SERVERS[family]), random.choice(PORTS)
    if protocol in {TCP, UDP} and random.random() < 0.3:
        back = Ends(SERVER[family], client, 80, source_port)
        return _Flow(protocol, Ends(client, VIP[family], source_port, 8080), back, translated=True)
    if protocol == ICMP:
        port = source_port
    there = Ends(client, server, source_port, port)
    protocol = protocol if protocol != ICMP or family == 4 else ICMP6
    return _Flow(protocol, there, there.turned(), in_middle=random.random() < 0.3)


def _random_step(random: Random, flow: _Flow) -> Step:
    drawn = random.random()
    if drawn < 0.12:
        return _error(random, flow)
    if drawn < 0.2:
        return _alone(random, flow)
    if drawn < 0.3:
        return _to_the_node(flow)
    if flow.protocol == TCP:
        return _tcp(random, flow)
    first, back = _packet(flow, flow.there), _packet(flow, flow.back, ack=True)
    if flow.protocol == SCTP or flow.translated or random.random() < 0.6:
        return random.choice((Step(first, "c"), Step(back, "s", after=(first,))))
    return Step(back, "s")


def _tcp(random: Random, flow: _Flow) -> Step:
    """The next packet of a handshake, or one of a connection whose handshake nobody saw."""
    syn, accepted = _packet(flow, flow.there, syn=True), _packet(flow, flow.back, syn=True, ack=True)
    forth, back = _packet(flow, flow.there, ack=True), _packet(flow, flow.back, ack=True)
    if flow.in_middle:
        return random.choice((Step(forth, "c"), Step(back, "s")))
    if flow.answered:
        return random.choice((Step(forth, "c", after=(syn, accepted)), Step(back, "s", after=(syn, accepted))))
    if flow.begun and random.random() < 0.7:
        flow.answered = True
        return Step(accepted, "s", after=(syn,))
    flow.begun = True
    return Step(syn, "c")


def _packet(flow: _Flow, ends: Ends, syn: bool = False, ack: bool = False) -> Packet:
    """A packet of a flow; what of it is ICMP asks or, with `ack`, answers."""
    kind = {ICMP: (8, 0), ICMP6: (128, 129)}.get(flow.protocol, (0, 0))[ack]
    ports = (ends.source_port, ends.port)
    if flow.protocol == TCP:
        return Packet(ends.source, ends.destination, TCP, *ports, syn=syn, ack=ack)
    return Packet(ends.source, ends.destination, flow.protocol, *ports, ack=ack and flow.protocol == SCTP, icmp=kind)


def _error(random: Random, flow: _Flow) -> Step:
    """The server's side refuses what came to it; now and then of a connection that nobody knows."""
    quoted = _packet(flow, flow.back.turned(), syn=True)
    four = len(flow.back.source) == 4
    protocol, icmp = (ICMP, 3) if four else (ICMP6, 1)
    return Step(Packet(flow.back.source, flow.back.destination, protocol, icmp=icmp), "s", about=quoted)


def _alone(random: Random, flow: _Flow) -> Step:
    """Packets that begin nothing: invalid ones, and neighbor discovery."""
    family = 4 if len(flow.there.source) == 4 else 6
    first = random.choice([one for one, state in FIRST if state != "new" and len(one.source) == len(flow.there.source)])
    return Step(changed(first, source=flow.there.source, destination=random.choice(SERVERS[family])), "c")


def _to_the_node(flow: _Flow) -> Step:
    node = NODE[4 if len(flow.there.source) == 4 else 6]
    return Step(Packet(flow.there.source, node, UDP, flow.there.source_port, 81), "c", Hook.INPUT)
