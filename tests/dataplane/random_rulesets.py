"""Random rule sets and packets over a few addresses and ports, so that rules meet packets; always well formed."""

import hashlib
from random import Random

import msgspec

from podwall.dataplane.packet import Packet
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
    Group,
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
from podwall.engine.rules import Direction
from tests.dataplane.walk_cases import CLIENT, SERVER, VIP, alone, answer, changed, error, key, new

PORTED = ("TCP", "UDP", "SCTP")
PORTS = (53, 80, 81, 8080, 40000)
STATES = ("new", "established", "related", "invalid", "untracked")
CIDRS = {
    4: ("10.0.0.1/32", "10.0.0.0/24", "10.0.0.0/23", "10.96.0.0/16", "0.0.0.0/0"),
    6: ("fd00::1/128", "fd00::/64", "fd00::/16", "fd00:96::/64", "::/0"),
}
FIELDS = {
    "ADDRESS": (Field.SOURCE,),
    "SERVICE": (Field.SOURCE, Field.PROTOCOL, Field.PORT),
    "PORT": (Field.PROTOCOL, Field.PORT),
    "FLOW": (Field.SOURCE, Field.DESTINATION, Field.PROTOCOL),
}


def addresses(family: int) -> list[bytes]:
    others = ("10.0.0.2", "10.0.3.4") if family == 4 else ("fd00::2", "fd00:3::4")
    return [CLIENT[family], SERVER[family], VIP[family], *map(key, others)]


def random_packet(random: Random) -> Packet:
    family, port, name = random.choice((4, 6)), random.choice(PORTS), random.choice((*PORTED, "ICMP", "ICMPv6"))
    mark = random.choice((0, 1, 1 << 15, 2 << 15, 1 << 31, 1 << 31 | 1 << 15))
    packet = random.choice((answer(name, family, port), new(name, family, port, mark)))
    if name.startswith("ICMP"):
        packet = changed(packet, icmp=random.choice((0, 3, 8, 128, 129, 133, 136)))
    state = random.choice(STATES)
    if state == "related":
        return error(packet)
    if state in {"invalid", "untracked"}:
        packet = alone(packet, state)
    flags = {"loopback": random.random() < 0.2}
    if name == "TCP":
        flags |= {"syn": random.random() < 0.5, "ack": random.random() < 0.5}
    return changed(packet, **flags)


def random_ruleset(random: Random) -> Ruleset:
    """Up to four chains of up to four rules, below base chains of three and more."""
    sets = _random_sets(random)
    names = [f"i_{number}" for number in range(random.randint(1, 4))]
    maps = {one.name: one for one in _random_maps(random, names[-2:])}
    chains = {}
    for index, name in enumerate(names):
        # Chains jump to later ones only, and maps lead to the last two: nothing goes round.
        later = Scope(sets, maps if index < len(names) - 2 else {}, names[index + 1 :])
        chains[name] = Chain(name, _random_rules(random, later))
    for hook in random.choice(((Hook.FORWARD,), (Hook.FORWARD, Hook.INPUT))):
        chains[f"c_{hook.value}"] = Chain(f"c_{hook.value}", _random_rules(random, Scope(sets, maps, names), 3), hook)
    groups = {name: Group(name, random.choice(list(Direction)), ()) for name in names}
    return Ruleset(chains, sets, maps, groups, random.randint(1, 3) << 15)


class Scope(msgspec.Struct, frozen=True):
    """What rules of one chain may refer to."""

    sets: dict[str, Set]
    maps: dict[str, VerdictMap]
    chains: list[str]


def _random_sets(random: Random) -> dict[str, Set]:
    sets = [Set(f"f_seen{family}", Key[f"FLOW{family}"], flows=True) for family in (4, 6)]
    for kind in Key:
        many = 0 if kind.name.startswith("FLOW") else random.randint(0, 3)  # packets fill those, never we
        elements = frozenset(_random_key(random, kind) for _ in range(many))
        sets.append(Set(f"s_{kind.name.lower()}", kind, elements))
    for family in (4, 6):
        first, last = sorted(random.sample(addresses(family), 2))
        digest = hashlib.sha256(first + last).hexdigest()[:8]
        sets.append(Set(f"r_{digest}", Key[f"ADDRESS{family}"], intervals=((first, last),)))
    return {one.name: one for one in random.sample(sets, random.randint(len(sets) - 3, len(sets)))}


def _random_key(random: Random, kind: Key) -> bytes:
    made = b""
    protocol = random.choice(PORTED)
    for part in kind.value.split(" . "):
        if part.startswith("ip"):
            made += random.choice(addresses(kind.family))
        else:
            padded = port_key(protocol, random.choice(PORTS))
            made += padded[:4] if part == "inet_proto" else padded[4:]
    return made


def _random_maps(random: Random, chains: list[str]) -> list[VerdictMap]:
    maps = []
    for family in (4, 6):
        keys = random.sample(addresses(family), random.randint(0, 3))
        maps.append(VerdictMap(f"m_{family}", Key[f"ADDRESS{family}"], {one: random.choice(chains) for one in keys}))
    return maps


def _random_rules(random: Random, scope: Scope, least: int = 0) -> tuple[Rule, ...]:
    return tuple(_random_rule(random, scope) for _ in range(random.randint(least, least + 4)))


def _random_rule(random: Random, scope: Scope) -> Rule:
    """A rule of one family and one protocol, or of any: nft refuses some of those that could never match."""
    family = random.choice((4, 6))
    protocol = random.choice((*PORTED, "ICMP" if family == 4 else "ICMPv6", *[""] * 8))
    matches: list[Match] = [Protocol(protocol)] if protocol else []
    if protocol in PORTED and random.random() < 0.3:
        matches.append(PortIn(random.choice(list(View)), *sorted(random.choices(PORTS, k=2))))
    matches += [_random_match(random, scope, family, protocol) for _ in range(random.choice((0, 0, 1, 1, 2)))]
    effects = (*_random_effects(random, scope, family), *_random_verdict(random, scope, family))
    return Rule(tuple(matches), effects if matches or effects else (Count(),))


def _random_match(random: Random, scope: Scope, family: int, protocol: str) -> Match:
    view, field = random.choice(list(View)), random.choice((Field.SOURCE, Field.DESTINATION))
    held = [one for one in scope.sets.values() if not one.flows and one.key.family in {0, family}]
    held = [one for one in held if protocol in PORTED or "service" not in one.key.value]
    if held and random.random() < 0.6:
        one = random.choice(held)
        fields = FIELDS[one.key.name.rstrip("46")]
        if fields == (Field.SOURCE,):
            fields = (field,)
        return Lookup(view, fields, one.name, one.key.family, random.random() < 0.3)
    plain: list[Match] = [EpochIs(), PickedUp(), Loopback()]
    plain += [NotSyn()] if protocol == "TCP" else []
    plain += [Icmp6Type(128, 136)] if protocol == "ICMPv6" else []
    return random.choice([AddressIs(view, field, random.choice(CIDRS[family])), State(random.choice(STATES)), *plain])


def _random_effects(random: Random, scope: Scope, family: int) -> list[Statement]:
    """Mostly counted. Marks come last: nft has a rule of its own for each limited log line, which asks matches anew."""
    logs: list[Statement] = [Log("p", 5), Log("r", 5, rate=3)]
    if f"f_seen{family}" in scope.sets:
        logs.append(Log("f", 5, f"f_seen{family}", family, 2))
    marks: list[Statement] = random.sample([SetEpoch(), PickUp()], random.choice((0, 0, 0, 1, 2)))
    return [*[Count()] * (random.random() < 0.8), *random.sample(logs, random.choice((0, 0, 0, 1, 2))), *marks]


def _random_verdict(random: Random, scope: Scope, family: int) -> list[Statement]:
    verdicts: list[Statement] = [Accept(), Drop(), Drop(), Return()]
    verdicts += [kind(name) for name in scope.chains for kind in (Jump, Jump, Goto)]
    for one in (one for one in scope.maps.values() if one.key.family == family):
        field = random.choice((Field.SOURCE, Field.DESTINATION))
        verdicts += [Dispatch(random.choice(list(View)), field, one.name, one.key.family)] * 3
    return random.sample(verdicts, random.choice((0, 1, 1, 1)))
