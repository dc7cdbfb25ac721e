"""A rule set with all that rules can say, in every view and family: what a kernel has to understand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from podwall.dataplane.ruleset import (
    DENIED,
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
    VerdictMap,
    View,
    address_key,
    port_key,
)

__all__ = ["RULESET"]

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_STATES = ("new", "established", "related", "invalid", "untracked")
_PREFIX = f"pw1|{DENIED}|E|e_sample"
_GROUP = 1
# One address of each family, of those kept for documentation (RFC 5737, RFC 3849).
_ADDRESSES = {4: address_key(0xC0000201, 4), 6: address_key(0x20010DB8 << 96, 6)}
_CIDRS = {4: ("0.0.0.0/0", "192.0.2.0/24", "192.0.2.1/32"), 6: ("::/0", "2001:db8::/32", "2001:db8::1/128")}


def _families() -> Iterator[tuple[View, int]]:
    return product(View, (4, 6))


def _lookups() -> Iterator[Rule]:
    for view, family in _families():
        for end in (Field.SOURCE, Field.DESTINATION):
            yield Rule((Lookup(view, (end,), f"s_any{family}", family),), (Return(),))
            yield Rule((Lookup(view, (end,), f"s_range{family}", family, negated=True),), (Return(),))
            yield Rule((), (Dispatch(view, end, f"m_any{family}", family),))
            yield from (Rule((AddressIs(view, end, cidr),), (Return(),)) for cidr in _CIDRS[family])


def _ports() -> Iterator[Rule]:
    for view, protocol in product(View, _PROTOCOLS):
        yield Rule((Protocol(protocol), Lookup(view, (Field.PROTOCOL, Field.PORT), "s_ports")), (Return(),))
        yield from (Rule((Protocol(protocol), PortIn(view, *ends)), (Return(),)) for ends in ((0, 65535), (80, 80)))
        for end, family in product((Field.SOURCE, Field.DESTINATION), (4, 6)):
            asked = Lookup(view, (end, Field.PROTOCOL, Field.PORT), f"s_served{family}", family)
            yield Rule((Protocol(protocol), asked), (Return(),))


def _logs() -> Iterator[Rule]:
    yield Rule((), (Count(), Log(_PREFIX, _GROUP), Drop()))
    yield Rule((), (Count(), Log(_PREFIX, _GROUP, rate=100), Drop()))
    for family in (4, 6):
        yield Rule((), (Log(_PREFIX, _GROUP, f"s_flows{family}", family), Return()))
        yield Rule((), (Log(_PREFIX, _GROUP, f"s_flows{family}", family, 5), Return()))


def _rest() -> Iterator[Rule]:
    yield from (Rule((State(state),), (Return(),)) for state in _STATES)
    yield Rule((Icmp6Type(133, 137),), (Accept(),))
    yield Rule((Protocol("ICMPv6"), Icmp6Type(1, 1)), (Accept(),))
    yield Rule((State("related"), Protocol("ICMP")), (Accept(),))
    yield Rule((NotSyn(), State("new")), (PickUp(),))
    yield Rule((PickedUp(),), (Jump("c_lookups"),))
    yield Rule((Protocol("TCP"), NotSyn()), (Goto("c_ports"),))
    yield Rule((), (SetEpoch(),))


def _base(hook: Hook) -> Chain:
    first = (Rule((Loopback(),), (Accept(),)), Rule((EpochIs(),), (Accept(),)), Rule((), (Jump("c_rest"),)))
    return Chain(f"c_{hook.value}", first, hook)


_CHAINS = (
    Chain("c_lookups", tuple(_lookups())),
    Chain("c_ports", tuple(_ports())),
    Chain("c_logs", tuple(_logs())),
    Chain("c_rest", tuple(_rest())),
    Chain("c_empty", ()),
    *map(_base, Hook),
)
_SERVED = port_key("TCP", 80)
_SETS = (
    Set("s_any4", Key.ADDRESS4, frozenset({_ADDRESSES[4]})),
    Set("s_any6", Key.ADDRESS6, frozenset({_ADDRESSES[6]})),
    Set("s_range4", Key.ADDRESS4, intervals=((_ADDRESSES[4], b"\xff" * 4),)),
    Set("s_range6", Key.ADDRESS6, intervals=((b"\0" * 16, _ADDRESSES[6]),)),
    Set("s_served4", Key.SERVICE4, frozenset({_ADDRESSES[4] + _SERVED})),
    Set("s_served6", Key.SERVICE6, frozenset({_ADDRESSES[6] + _SERVED})),
    Set("s_ports", Key.PORT, frozenset(port_key(protocol, 53) for protocol in _PROTOCOLS)),
    Set("s_flows4", Key.FLOW4, flows=True),
    Set("s_flows6", Key.FLOW6, flows=True),
)
_MAPS = (
    VerdictMap("m_any4", Key.ADDRESS4, {_ADDRESSES[4]: "c_logs"}),
    VerdictMap("m_any6", Key.ADDRESS6, {_ADDRESSES[6]: "c_empty"}),
)

RULESET = Ruleset(
    {chain.name: chain for chain in _CHAINS},
    {one.name: one for one in _SETS},
    {one.name: one for one in _MAPS},
    {},
    epoch=0x8000,
)
