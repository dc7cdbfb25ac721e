"""Random rule sets that a kernel takes, and others near them. What a name is for is told by its beginning."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from msgspec import Struct

from podwall.dataplane.ruleset import (
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
    Match,
    NotSyn,
    PickedUp,
    PickUp,
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
    address_key,
    port_key,
)

__all__ = ["another", "elements", "some"]

_KEYS = (Key.ADDRESS4, Key.ADDRESS6, Key.SERVICE4, Key.SERVICE6, Key.PORT)
_FIELDS = {
    Key.ADDRESS4: (Field.SOURCE,),
    Key.ADDRESS6: (Field.DESTINATION,),
    Key.SERVICE4: (Field.DESTINATION, Field.PROTOCOL, Field.PORT),
    Key.SERVICE6: (Field.SOURCE, Field.PROTOCOL, Field.PORT),
    Key.PORT: (Field.PROTOCOL, Field.PORT),
}
_PROTOCOLS = ("TCP", "UDP", "SCTP")
# Chains lead to chains with a higher number, and verdict maps to the last ones, which have no maps.
_CHAINS, _LEAVES = 8, 2
_UNIT = 1 << 15
_CIDRS = {4: ("10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32"), 6: ("fd00::/8", "::1/128")}
_TUPLES = (PickedUp(), EpochIs(), State("new"), State("established"), State("related"), State("untracked"))


def elements(random: Random, key: Key, count: int) -> frozenset[bytes]:
    """Keys of a sort, out of few: so that sets of them meet."""
    return frozenset(_element(random, key) for _ in range(count))


def _element(random: Random, key: Key) -> bytes:
    address = address_key(random.randrange(1, 60), key.family) if key.family else b""
    named = key in {Key.SERVICE4, Key.SERVICE6, Key.PORT}
    return address + (port_key(random.choice(_PROTOCOLS), random.choice((1, 80, 65535))) if named else b"")


def some(random: Random) -> Ruleset:
    """A rule set out of nothing."""
    return another(random, Ruleset({}, {}, {}, {}, _UNIT))


def another(random: Random, old: Ruleset) -> Ruleset:
    """A rule set near an old one, in a later epoch or in the same."""
    sets = {one.name: one for one in _sets(random, old)}
    names = [f"c_{number}" for number in range(_CHAINS) if random.random() < 0.8 or number >= _CHAINS - _LEAVES]
    maps = {one.name: one for one in _maps(random, old, names[-_LEAVES:])}
    chains: dict[str, Chain] = {}
    for place, name in enumerate(names):
        known = _Known(sets, {} if place >= len(names) - _LEAVES else maps, names[place + 1 :])
        kept = old.chains.get(name)
        fits = kept is not None and _fits(kept, known)
        chains[name] = kept if kept and fits and random.random() < 0.7 else _chain(random, name, known)
    for hook in Hook:
        rules = (Rule((EpochIs(),), (Accept(),)), Rule((), (Jump(random.choice(names)),)), Rule((), (SetEpoch(),)))
        chains[f"c_{hook.value}"] = Chain(f"c_{hook.value}", rules, hook)
    epoch = old.epoch + _UNIT * random.choice((0, 0, 1))
    return Ruleset(chains, sets, maps, {}, epoch)


class _Known(Struct):
    """What the rules of a chain may name."""

    sets: dict[str, Set]
    maps: dict[str, VerdictMap]
    chains: list[str]


def _sets(random: Random, old: Ruleset) -> Iterator[Set]:
    for key in _KEYS:
        for number in range(random.randrange(1, 4)):
            name = f"s_{key.name.lower()}_{number}"
            kept = old.sets.get(name)
            yield kept if kept and random.random() < 0.5 else Set(name, key, elements(random, key, random.randrange(9)))
    for family in (4, 6):
        key = Key.ADDRESS4 if family == 4 else Key.ADDRESS6
        found = _intervals(random, family)
        named = "_".join(f"{first.hex()}_{last.hex()}" for first, last in found)
        yield Set(f"r_{family}_{named}", key, intervals=found)
        yield Set(f"f_{family}", Key.FLOW4 if family == 4 else Key.FLOW6, flows=True)


def _intervals(random: Random, family: int) -> tuple[tuple[bytes, bytes], ...]:
    """Disjoint, with the first and the last address there is among the ends."""
    top = (1 << (32 if family == 4 else 128)) - 1
    cuts = sorted(random.sample([0, 1, 2, 5, 9, 4000, top // 2, top - 9, top], 2 * random.randrange(1, 4)))
    return tuple((address_key(a, family), address_key(b, family)) for a, b in zip(cuts[::2], cuts[1::2], strict=True))


def _maps(random: Random, old: Ruleset, leaves: list[str]) -> Iterator[VerdictMap]:
    for key in (Key.ADDRESS4, Key.ADDRESS6):
        name = f"m_{key.family}"
        if random.random() < 0.8:
            routes = {value: random.choice(leaves) for value in elements(random, key, random.randrange(6))}
            yield old.maps[name] if name in old.maps and random.random() < 0.3 else VerdictMap(name, key, routes)


def _fits(chain: Chain, known: _Known) -> bool:
    for rule in chain.rules:
        for part in (*rule.matches, *rule.statements):
            if isinstance(part, Lookup) and part.set not in known.sets:
                return False
            if isinstance(part, Dispatch) and part.map not in known.maps:
                return False
            if isinstance(part, Jump | Goto) and part.chain not in known.chains:
                return False
    return True


def _chain(random: Random, name: str, known: _Known) -> Chain:
    return Chain(name, tuple(_rule(random, known) for _ in range(random.randrange(5))))


def _rule(random: Random, known: _Known) -> Rule:
    """A rule of one family and one protocol: nft refuses one that could never match."""
    view, family = random.choice(list(View)), random.choice((4, 6))
    matches: list[Match] = [random.choice((*_TUPLES, State("invalid")))] if random.random() < 0.3 else []
    if random.random() < 0.6:
        matches += [Protocol(random.choice(_PROTOCOLS)), _lookup(random, view, family, known)]
    elif random.random() < 0.4:
        matches += [random.choice((NotSyn(), Icmp6Type(133, 137) if family == 6 else NotSyn()))]
    if random.random() < 0.3:
        matches.append(AddressIs(view, Field.SOURCE, random.choice(_CIDRS[family])))
    statements: list[Statement] = []
    if random.random() < 0.3:
        statements += [
            Count(),
            Log("pw1|E|I|g_1", 5, random.choice(("", f"f_{family}")), family, random.choice((0, 9))),
        ]
    return Rule(tuple(matches), (*statements, _verdict(random, view, family, known)))


def _lookup(random: Random, view: View, family: int, known: _Known) -> Match:
    fitting = [one for one in known.sets.values() if not one.flows and one.key.family in {0, family}]
    one = random.choice(fitting)
    return Lookup(view, _FIELDS[one.key], one.name, one.key.family, random.random() < 0.2)


def _verdict(random: Random, view: View, family: int, known: _Known) -> Statement:
    plain: list[Statement] = [Accept(), Drop(), Return(), SetEpoch(), PickUp()]
    maps = [one.name for one in known.maps.values() if one.key.family == family]
    dispatches = [Dispatch(view, Field.SOURCE, name, family) for name in maps]
    jumps = [kind(random.choice(known.chains)) for kind in (Jump, Goto) if known.chains]
    return random.choice([*plain, *dispatches, *jumps, *jumps])
