"""What rules say of packets: one table for matches and one for statements, over a few sets, maps and chains.

Every case is a rule of its own, so that the same rules can be loaded into a real kernel as one table (`EVERY`).
"""

from ipaddress import ip_address

import msgspec
from msgspec import Struct

from podwall.dataplane.packet import Connection, Ends, Fate, Packet
from podwall.dataplane.ruleset import (
    PROTOCOL_NUMBERS,
    Accept,
    AddressIs,
    Chain,
    Count,
    Dispatch,
    Drop,
    EpochIs,
    Field,
    Goto,
    Hook,
    Icmp6Type,
    Jump,
    Key,
    Log,
    Lookup,
    Loopback,
    Match,
    NotSyn,
    PickedUp,
    PickUp,
    PortIn,
    Protocol,
    Return,
    Rule,
    Ruleset,
    Set,
    SetEpoch,
    State,
    Statement,
    VerdictMap,
    View,
    port_key,
)

T, R, H = View.TRACKED, View.REVERSED, View.HEADER
S, D, P, N = Field.SOURCE, Field.DESTINATION, Field.PROTOCOL, Field.PORT


def key(address: str) -> bytes:
    return ip_address(address).packed


CLIENT4, SERVER4, VIP4 = map(key, ("10.0.0.1", "10.0.1.2", "10.96.0.3"))
CLIENT6, SERVER6, VIP6 = map(key, ("fd00::1", "fd00:1::2", "fd00:96::3"))
CLIENT = {4: CLIENT4, 6: CLIENT6}
SERVER = {4: SERVER4, 6: SERVER6}
VIP = {4: VIP4, 6: VIP6}


def new(protocol: str = "TCP", family: int = 4, port: int = 80, mark: int = 0) -> Packet:
    """The first packet from the client through the VIP (its port 8080) to the server, after DNAT."""
    original = Ends(CLIENT[family], VIP[family], 40000, 8080)
    reply = Ends(SERVER[family], CLIENT[family], port, 40000)
    number = PROTOCOL_NUMBERS[protocol]
    connection = Connection(original, reply, mark)
    return Packet(CLIENT[family], SERVER[family], number, 40000, port, syn=protocol == "TCP", connection=connection)


def answer(protocol: str = "TCP", family: int = 4, port: int = 80) -> Packet:
    """What comes back, before DNAT is undone."""
    ends = Ends(SERVER[family], CLIENT[family], port, 40000)
    return msgspec.structs.replace(
        new(protocol, family, port),
        source=ends.source,
        destination=ends.destination,
        source_port=ends.source_port,
        port=ends.port,
        ack=protocol == "TCP",
        state="established",
    )


def alone(packet: Packet, state: str = "untracked") -> Packet:
    """The same header, of which conntrack knows nothing."""
    return msgspec.structs.replace(packet, state=state, connection=None)


def changed(packet: Packet, **fields: object) -> Packet:
    return msgspec.structs.replace(packet, **fields)


def error(about: Packet) -> Packet:
    """An ICMP error from a router, about a connection."""
    four = len(about.source) == 4
    header = {"protocol": 1, "icmp": 3} if four else {"protocol": 58, "icmp": 2}
    return changed(about, state="related", source=VIP4 if four else VIP6, syn=False, **header)


def _set(name: str, kind: Key, *elements: bytes) -> Set:
    return Set(name, kind, frozenset(elements))


SETS = [
    _set("s_client4", Key.ADDRESS4, CLIENT4),
    _set("s_client6", Key.ADDRESS6, CLIENT6),
    _set("s_server4", Key.ADDRESS4, SERVER4),
    _set("s_server6", Key.ADDRESS6, SERVER6),
    _set("s_none4", Key.ADDRESS4),
    Set("s_range4", Key.ADDRESS4, intervals=((key("10.0.0.0"), CLIENT4), (key("10.0.3.0"), key("10.0.3.9")))),
    Set("s_range6", Key.ADDRESS6, intervals=((key("fd00::"), CLIENT6),)),
    _set("p_client4", Key.SERVICE4, CLIENT4 + port_key("TCP", 80), CLIENT4 + port_key("SCTP", 81)),
    _set("p_client6", Key.SERVICE6, CLIENT6 + port_key("UDP", 53)),
    _set("p_server4", Key.SERVICE4, SERVER4 + port_key("TCP", 40000)),
    _set("n_ports", Key.PORT, port_key("TCP", 80), port_key("UDP", 53)),
    _set("f_pair4", Key.FLOW4, CLIENT4 + SERVER4 + port_key("TCP", 0)[:4]),
    _set("f_pair6", Key.FLOW6, CLIENT6 + SERVER6 + port_key("UDP", 0)[:4]),
    Set("f_seen4", Key.FLOW4, flows=True),
    Set("f_seen6", Key.FLOW6, flows=True),
]
MAPS = [
    VerdictMap("m_client4", Key.ADDRESS4, {CLIENT4: "i_drop"}),
    VerdictMap("m_client6", Key.ADDRESS6, {CLIENT6: "i_drop"}),
    VerdictMap("m_server4", Key.ADDRESS4, {SERVER4: "i_back"}),
]
LEAVES = [
    Chain("i_drop", (Rule((), (Drop(),)),)),
    Chain("i_accept", (Rule((), (Accept(),)),)),
    Chain("i_back", (Rule((), (Count(), Return())), Rule((), (Drop(),)))),
    Chain("i_out", ()),
    Chain("i_over", (Rule((), (Goto("i_back"),)), Rule((), (Drop(),)))),
]


class MatchCase(Struct, frozen=True):
    """Whether the last of `matches` holds for a packet for which all others do."""

    matches: tuple[Match, ...]
    packet: Packet
    holds: bool


def yes(*matches: Match, of: Packet) -> MatchCase:
    return MatchCase(matches, of, holds=True)


def no(*matches: Match, of: Packet) -> MatchCase:
    return MatchCase(matches, of, holds=False)


TCP, UDP, SCTP, ICMP = Protocol("TCP"), Protocol("UDP"), Protocol("SCTP"), Protocol("ICMP")
SERVICE = (S, P, N)
_ECHO6 = changed(new("ICMPv6", 6), icmp=128)
_SOLICITATION = changed(alone(new("ICMPv6", 6)), icmp=135)

ADDRESS_CASES = [
    yes(Lookup(T, (S,), "s_client4", 4), of=new()),
    yes(Lookup(T, (S,), "s_client4", 4), of=answer()),
    yes(Lookup(T, (S,), "s_client4", 4), of=error(new())),
    no(Lookup(T, (S,), "s_server4", 4), of=answer()),
    no(Lookup(T, (S,), "s_client4", 4), of=new(family=6)),
    no(Lookup(T, (S,), "s_client4", 4), of=alone(new())),
    no(Lookup(T, (S,), "s_client4", 4), of=alone(new(), "invalid")),
    yes(Lookup(T, (S,), "s_client6", 6), of=new(family=6)),
    no(Lookup(T, (S,), "s_server6", 6), of=new(family=6)),
    yes(Lookup(T, (D,), "s_server4", 4), of=new()),
    yes(Lookup(T, (D,), "s_server4", 4), of=answer()),
    no(Lookup(T, (D,), "s_client4", 4), of=answer()),
    yes(Lookup(R, (S,), "s_server4", 4), of=new()),
    no(Lookup(R, (S,), "s_client4", 4), of=answer()),
    no(Lookup(R, (S,), "s_server4", 4), of=alone(new())),
    yes(Lookup(R, (D,), "s_client4", 4), of=answer()),
    no(Lookup(R, (D,), "s_server4", 4), of=new()),
    yes(Lookup(H, (S,), "s_client4", 4), of=new()),
    yes(Lookup(H, (S,), "s_client4", 4), of=alone(new())),
    yes(Lookup(H, (S,), "s_client4", 4), of=alone(new(), "invalid")),
    no(Lookup(H, (S,), "s_client4", 4), of=answer()),
    yes(Lookup(H, (D,), "s_client4", 4), of=answer()),
    no(Lookup(H, (D,), "s_client6", 6), of=answer()),
    no(Lookup(T, (S,), "s_none4", 4), of=new()),
    # Negated: what cannot be loaded breaks the rule all the same.
    yes(Lookup(T, (S,), "s_server4", 4, negated=True), of=new()),
    yes(Lookup(T, (S,), "s_none4", 4, negated=True), of=new()),
    no(Lookup(T, (S,), "s_client4", 4, negated=True), of=new()),
    no(Lookup(T, (S,), "s_server4", 4, negated=True), of=new(family=6)),
    no(Lookup(T, (S,), "s_server4", 4, negated=True), of=alone(new())),
    no(Lookup(H, (S,), "s_server4", 4, negated=True), of=new(family=6)),
    yes(Lookup(H, (S,), "s_server4", 4, negated=True), of=alone(new())),
    # Intervals
    yes(Lookup(T, (S,), "s_range4", 4), of=new()),
    no(Lookup(T, (D,), "s_range4", 4), of=new()),
    no(Lookup(T, (S,), "s_range4", 4), of=new(family=6)),
    yes(Lookup(T, (S,), "s_range6", 6), of=new(family=6)),
    no(Lookup(T, (D,), "s_range6", 6), of=new(family=6)),
    yes(Lookup(T, (D,), "s_range4", 4, negated=True), of=new()),
    no(Lookup(T, (D,), "s_range4", 4, negated=True), of=new(family=6)),
    # One CIDR
    yes(AddressIs(T, S, "10.0.0.0/24"), of=new()),
    yes(AddressIs(T, D, "10.0.1.0/24"), of=new()),
    no(AddressIs(T, D, "10.96.0.0/16"), of=new()),
    no(AddressIs(T, S, "10.0.0.2/31"), of=new()),
    yes(AddressIs(T, S, "10.0.0.1/32"), of=answer()),
    yes(AddressIs(T, S, "fd00::/64"), of=new(family=6)),
    no(AddressIs(T, S, "fd00:1::/64"), of=new(family=6)),
    yes(AddressIs(T, S, "0.0.0.0/0"), of=new()),
    no(AddressIs(T, S, "0.0.0.0/0"), of=new(family=6)),
    no(AddressIs(T, S, "0.0.0.0/0"), of=alone(new())),
    no(AddressIs(T, S, "::/0"), of=new()),
    yes(AddressIs(H, S, "10.0.0.0/24"), of=alone(new())),
    yes(AddressIs(H, D, "0.0.0.0/0"), of=alone(new())),
    no(AddressIs(H, D, "::/0"), of=alone(new())),
    yes(AddressIs(R, D, "10.0.0.0/24"), of=new()),
    no(AddressIs(R, S, "10.0.0.0/24"), of=new()),
]

PORT_CASES = [
    yes(TCP, Lookup(T, SERVICE, "p_client4", 4), of=new()),
    yes(TCP, Lookup(T, SERVICE, "p_client4", 4), of=answer()),
    yes(SCTP, Lookup(T, SERVICE, "p_client4", 4), of=new("SCTP", port=81)),
    no(SCTP, Lookup(T, SERVICE, "p_client4", 4), of=new("SCTP")),
    no(TCP, Lookup(T, SERVICE, "p_client4", 4), of=new(port=81)),
    no(TCP, Lookup(T, SERVICE, "p_client4", 4), of=new(family=6)),
    no(TCP, Lookup(T, SERVICE, "p_client4", 4), of=alone(new())),
    no(TCP, Lookup(T, SERVICE, "p_client4", 4, negated=True), of=new()),
    no(TCP, Lookup(T, SERVICE, "p_client4", 4, negated=True), of=alone(new())),
    no(TCP, Lookup(T, SERVICE, "p_client4", 4, negated=True), of=new(family=6)),
    yes(TCP, Lookup(T, SERVICE, "p_client4", 4, negated=True), of=new(port=81)),
    yes(UDP, Lookup(T, SERVICE, "p_client6", 6), of=answer("UDP", 6, 53)),
    no(UDP, Lookup(T, SERVICE, "p_client6", 6), of=answer("UDP", 6, 80)),
    yes(TCP, Lookup(R, SERVICE, "p_server4", 4), of=new()),
    no(TCP, Lookup(R, SERVICE, "p_client4", 4), of=new()),
    no(TCP, Lookup(R, SERVICE, "p_client4", 4, negated=True), of=new(family=6)),
    yes(TCP, Lookup(H, SERVICE, "p_client4", 4), of=alone(new())),
    no(TCP, Lookup(H, SERVICE, "p_client4", 4), of=answer()),
    yes(TCP, Lookup(T, (P, N), "n_ports"), of=new()),
    yes(TCP, Lookup(T, (P, N), "n_ports"), of=new(family=6)),
    no(TCP, Lookup(T, (P, N), "n_ports"), of=new(port=53)),
    no(TCP, Lookup(T, (P, N), "n_ports"), of=alone(new())),
    no(TCP, Lookup(T, (P, N), "n_ports", negated=True), of=alone(new())),
    yes(UDP, Lookup(H, (P, N), "n_ports"), of=alone(new("UDP", port=53))),
    no(TCP, Lookup(H, (P, N), "n_ports"), of=answer()),
    yes(TCP, Lookup(T, (S, D, P), "f_pair4", 4), of=answer()),
    no(UDP, Lookup(T, (S, D, P), "f_pair4", 4), of=new("UDP")),
    yes(UDP, Lookup(T, (S, D, P), "f_pair6", 6), of=new("UDP", 6)),
    no(TCP, Lookup(T, (S, D, P), "f_pair6", 6), of=new("TCP", 6)),
    no(UDP, Lookup(H, (S, D, P), "f_pair6", 6), of=answer("UDP", 6)),
    yes(TCP, PortIn(T, 80, 90), of=answer()),
    yes(TCP, PortIn(T, 70, 80), of=new()),
    no(TCP, PortIn(T, 81, 90), of=new()),
    no(TCP, PortIn(T, 0, 65535), of=alone(new())),
    yes(TCP, PortIn(R, 40000, 40000), of=new()),
    no(TCP, PortIn(R, 80, 90), of=new()),
    yes(UDP, PortIn(H, 53, 53), of=alone(new("UDP", port=53))),
    no(UDP, PortIn(H, 53, 53), of=answer("UDP", port=53)),
]

EPOCH, MASK, BIT = 0x0001_8000, 0x7FFF_8000, 0x8000_0000
FOREIGN = 0x4005  # bits of the mark that are not ours

OTHER_CASES = [
    *(yes(Protocol(name), of=new(name)) for name in ("TCP", "UDP", "SCTP", "ICMP")),
    yes(Protocol("ICMPv6"), of=_ECHO6),
    no(TCP, of=new("UDP")),
    no(TCP, of=error(new())),
    yes(ICMP, of=error(new())),
    yes(TCP, of=alone(new())),
    yes(State("new"), of=new()),
    yes(State("established"), of=answer()),
    yes(State("related"), of=error(new())),
    yes(State("untracked"), of=alone(new())),
    yes(State("invalid"), of=alone(new(), "invalid")),
    no(State("untracked"), of=new()),
    no(State("invalid"), of=alone(new())),
    no(State("established"), of=error(new())),
    yes(EpochIs(), of=new(mark=EPOCH)),
    yes(EpochIs(), of=new(mark=EPOCH | BIT | FOREIGN)),
    no(EpochIs(), of=new(mark=EPOCH | 0x8_0000)),
    no(EpochIs(), of=new()),
    no(EpochIs(), of=alone(new())),
    yes(PickedUp(), of=new(mark=BIT)),
    yes(PickedUp(), of=new(mark=BIT | EPOCH | FOREIGN)),
    no(PickedUp(), of=new(mark=EPOCH | FOREIGN)),
    no(PickedUp(), of=alone(new())),
    no(NotSyn(), of=new()),
    yes(NotSyn(), of=answer()),
    yes(NotSyn(), of=changed(new(), syn=False, ack=True)),
    yes(NotSyn(), of=changed(new(), syn=False)),
    no(NotSyn(), of=new("UDP")),
    yes(Icmp6Type(133, 137), of=_SOLICITATION),
    yes(Icmp6Type(128, 128), of=_ECHO6),
    no(Icmp6Type(133, 137), of=_ECHO6),
    no(Icmp6Type(133, 137), of=changed(alone(new("UDP", 6)), icmp=135)),
    yes(Loopback(), of=changed(alone(new()), loopback=True)),
    no(Loopback(), of=new()),
]

MATCH_CASES = [*ADDRESS_CASES, *PORT_CASES, *OTHER_CASES]


class StatementCase(Struct, frozen=True):
    """What becomes of a packet in a base chain of these rules; `fate.chains` are those entered from there."""

    rules: tuple[Rule, ...]
    packet: Packet
    fate: Fate


def does(*statements: Statement, of: Packet, fate: Fate) -> StatementCase:
    """One rule without matches, and a rule after it that logs: `|` says that it was read."""
    return StatementCase((Rule((), statements), Rule((), (Log("|", 1),))), of, fate)


def passed(
    mark: int = 0, *, log: tuple[str, ...] = (), chains: tuple[str, ...] = (), counted: tuple[str, ...] = ()
) -> Fate:
    return Fate(accepted=True, mark=mark, log=log, chains=chains, counted=tuple((name, 0) for name in counted))


def dropped(log: tuple[str, ...] = (), chains: tuple[str, ...] = ()) -> Fate:
    return Fate(accepted=False, log=log, chains=chains)


ON = ("|",)
STATEMENT_CASES = [
    does(Accept(), of=new(), fate=passed()),
    does(Drop(), of=new(), fate=dropped()),
    does(Return(), of=new(), fate=passed()),
    does(Return(), of=new(mark=7), fate=passed(7)),
    does(Jump("i_drop"), of=new(), fate=dropped(chains=("i_drop",))),
    does(Jump("i_accept"), of=new(), fate=passed(chains=("i_accept",))),
    does(Jump("i_back"), of=new(), fate=passed(log=ON, chains=("i_back",), counted=("i_back",))),
    does(Jump("i_out"), of=new(), fate=passed(log=ON, chains=("i_out",))),
    # A chain that was gone to returns to where its caller was jumped to.
    does(Jump("i_over"), of=new(), fate=passed(log=ON, chains=("i_over", "i_back"), counted=("i_back",))),
    does(Goto("i_drop"), of=new(), fate=dropped(chains=("i_drop",))),
    does(Goto("i_back"), of=new(), fate=passed(chains=("i_back",), counted=("i_back",))),
    does(Goto("i_out"), of=new(), fate=passed(chains=("i_out",))),
    does(Dispatch(T, S, "m_client4", 4), of=new(), fate=dropped(chains=("i_drop",))),
    does(Dispatch(T, S, "m_client4", 4), of=answer(), fate=dropped(chains=("i_drop",))),
    does(Dispatch(T, S, "m_client4", 4), of=new(family=6), fate=passed(log=ON)),
    does(Dispatch(T, S, "m_client6", 6), of=new(family=6), fate=dropped(chains=("i_drop",))),
    does(Dispatch(T, S, "m_client4", 4), of=alone(new()), fate=passed(log=ON)),
    does(Dispatch(H, S, "m_client4", 4), of=alone(new()), fate=dropped(chains=("i_drop",))),
    does(Dispatch(H, S, "m_client4", 4), of=answer(), fate=passed(log=ON)),
    does(Dispatch(R, S, "m_client4", 4), of=new(), fate=passed(log=ON)),
    does(Dispatch(T, D, "m_server4", 4), of=new(), fate=passed(log=ON, chains=("i_back",), counted=("i_back",))),
    does(SetEpoch(), of=new(), fate=passed(EPOCH, log=ON)),
    does(SetEpoch(), of=new(mark=MASK | BIT | FOREIGN), fate=passed(EPOCH | BIT | FOREIGN, log=ON)),
    does(SetEpoch(), Accept(), of=new(), fate=passed(EPOCH)),
    # The mark of nothing cannot be loaded, and the rest of the rule is not reached.
    does(SetEpoch(), Accept(), of=alone(new()), fate=passed(log=ON)),
    does(PickUp(), of=new(), fate=passed(BIT, log=ON)),
    does(PickUp(), Accept(), of=new(mark=MASK | FOREIGN), fate=passed(BIT | MASK | FOREIGN)),
    does(PickUp(), Accept(), of=alone(new()), fate=passed(log=ON)),
    does(Log("a", 1), of=new(), fate=passed(log=("a", "|"))),
    does(Log("a", 1, rate=5), Drop(), of=alone(new()), fate=dropped(log=("a",))),
    does(Log("a", 1, "f_seen4", 4, 5), Drop(), of=new(), fate=dropped(log=("a",))),
    does(Log("a", 1, "f_seen6", 6, 5), Drop(), of=new(), fate=dropped()),
    does(
        Log("a", 1, "f_seen4", 4, 5), Log("b", 1, "f_seen6", 6, 5), Drop(), of=new("UDP", 6), fate=dropped(log=("b",))
    ),
    does(Log("a", 1, "f_seen4", 4, 5), Drop(), of=alone(new()), fate=dropped()),
    does(Count(), Drop(), of=new(), fate=Fate(accepted=False, counted=(("c_case", 0),))),
    does(Count(), of=alone(new()), fate=passed(log=ON, counted=("c_case",))),
    # A rule that does not match does nothing; all matches of a rule must hold.
    StatementCase(
        (Rule((TCP, State("established")), (Drop(),)), Rule((TCP,), (Accept(),)), Rule((), (Drop(),))), new(), passed()
    ),
    StatementCase((), new(mark=5), passed(5)),
]


def table(*chains: Chain) -> Ruleset:
    """A rule set of these chains, and all the sets, maps and further chains of the cases."""
    return Ruleset(
        {chain.name: chain for chain in (*chains, *LEAVES)},
        {one.name: one for one in SETS},
        {one.name: one for one in MAPS},
        {},
        EPOCH,
        MASK,
        BIT,
    )


def of_match(case: MatchCase) -> Ruleset:
    """Drops what the case's last match holds for; logs where all before it hold."""
    first, last = case.matches[:-1], case.matches[-1:]
    rules = (Rule(first, (Log("asked", 1),)), Rule((*first, *last), (Drop(),)))
    return table(Chain("c_case", rules, Hook.FORWARD))


def of_statement(case: StatementCase) -> Ruleset:
    return table(Chain("c_case", case.rules, Hook.FORWARD))


def _every() -> Ruleset:
    chains = [chain for case in MATCH_CASES for chain in of_match(case).chains.values() if chain.hook]
    chains += [Chain("c_case", case.rules) for case in STATEMENT_CASES]
    named = [Chain(f"c_{number}", chain.rules) for number, chain in enumerate(chains)]
    jumps = tuple(Rule((), (Jump(chain.name),)) for chain in named)
    return table(*named, Chain("c_forward", jumps, Hook.FORWARD), Chain("c_input", jumps, Hook.INPUT))


EVERY = _every()
"""Every kind of match, statement, view, field, key and set, in one table that a kernel takes."""
