"""What a kernel does with changes: one table for the twin in memory and for the real one.

Each case is a table, a change and the table after it, written down and not computed; where that is REFUSED, the change
is, and the table before is in force still. `play` puts a case through a door.
"""

import msgspec
import pytest
from msgspec import Struct

from podwall.dataplane.change import Change
from podwall.dataplane.door import Kernel, held
from podwall.dataplane.ruleset import (
    Accept,
    Chain,
    Count,
    Dispatch,
    Drop,
    EpochIs,
    Field,
    Goto,
    Group,
    Hook,
    Jump,
    Key,
    Log,
    Lookup,
    PortIn,
    Protocol,
    Return,
    Rule,
    Ruleset,
    Set,
    SetEpoch,
    VerdictMap,
    View,
    port_key,
)
from podwall.engine.rules import Direction
from podwall.errors import KernelError
from tests.dataplane.walk_cases import EVERY, key

REFUSED = None
EPOCH, LATER = 5 << 15, 6 << 15
ONE, TWO, SIX = key("10.0.0.1"), key("10.0.0.2"), key("fd00::1")
WEB = ONE + port_key("TCP", 80)


def in_set(name: str, family: int = 4) -> Lookup:
    return Lookup(View.TRACKED, (Field.SOURCE,), name, family)


def chain(name: str, *rules: Rule, hook: Hook | None = None) -> Chain:
    return Chain(name, rules, hook)


def addresses(name: str, *keys: bytes) -> Set:
    return Set(name, Key.ADDRESS4, frozenset(keys))


FORWARD = chain(
    "c_forward",
    Rule((EpochIs(),), (Accept(),)),
    Rule((), (Dispatch(View.TRACKED, Field.SOURCE, "m_out4", 4),)),
    Rule((), (SetEpoch(),)),
    hook=Hook.FORWARD,
)
A = chain("i_a", Rule((in_set("s_a4"),), (Return(),)), Rule((), (Goto("d_a"),)))
ENDS = chain("d_a", Rule((), (Count(), Log("pw1|E|I|a", 5))), Rule((), (Drop(),)))
B = chain("i_b", Rule((in_set("r_b4"),), (Drop(),)))
START = Ruleset(
    chains={one.name: one for one in (FORWARD, A, ENDS, B)},
    sets={
        "s_a4": addresses("s_a4", ONE, TWO),
        "s_free4": addresses("s_free4", ONE),
        "s_void4": addresses("s_void4"),
        "r_b4": Set("r_b4", Key.ADDRESS4, intervals=((ONE, TWO),)),
        "f_seen4": Set("f_seen4", Key.FLOW4, flows=True),
    },
    maps={
        "m_out4": VerdictMap("m_out4", Key.ADDRESS4, {ONE: "i_a"}),
        "m_free4": VerdictMap("m_free4", Key.ADDRESS4, {}),
    },
    groups={},
    epoch=EPOCH,
)


def but(
    chains: tuple[Chain, ...] = (), sets: tuple[Set, ...] = (), maps: tuple[VerdictMap, ...] = (), epoch: int = EPOCH
) -> Ruleset:
    """START with these in it, too or instead."""
    return msgspec.structs.replace(
        START,
        chains=START.chains | {one.name: one for one in chains},
        sets=START.sets | {one.name: one for one in sets},
        maps=START.maps | {one.name: one for one in maps},
        epoch=epoch,
    )


def without(ruleset: Ruleset, *names: str) -> Ruleset:
    fields = {
        field: {name: one for name, one in getattr(ruleset, field).items() if name not in names}
        for field in ("chains", "sets", "maps")
    }
    return msgspec.structs.replace(ruleset, **fields)


class Case(Struct, frozen=True):
    """From `start` (None: no table) by `change` to `after`."""

    name: str
    start: Ruleset | None
    change: Change
    after: Ruleset | None


def routes(name: str, **chains: str) -> VerdictMap:
    return VerdictMap(name, Key.ADDRESS4, {{"one": ONE, "two": TWO}[which]: to for which, to in chains.items()})


NEW_A = chain("i_a", Rule((), (Jump("d_a"),)))
NEW_C = chain("i_c", Rule((in_set("s_c4"),), (Accept(),)))
SIXES = Set("s_six6", Key.ADDRESS6, frozenset({SIX}))
SERVICES = Set("p_c4", Key.SERVICE4, frozenset({WEB}))
TWO_RANGES = Set("r_c6", Key.ADDRESS6, intervals=((key("fd00::"), SIX), (key("fd00::10"), key("fd01::"))))
MANY = Set("s_many4", Key.ADDRESS4, frozenset((0x0A00_0000 + number).to_bytes(4) for number in range(5000)))


def looping(chains: int) -> tuple[Chain, ...]:
    """A base chain on input, and so many below it in a row."""
    row = [chain(f"i_{number}", Rule((), (Jump(f"i_{number + 1}"),))) for number in range(1, chains)]
    return (*row, chain(f"i_{chains}"), chain("c_input", Rule((), (Jump("i_1"),)), hook=Hook.INPUT))


CASES = [
    # The whole table
    Case("the first table", None, Change(whole=START), START),
    Case("every kind of rule and set", None, Change(whole=EVERY), EVERY),
    Case("another table", EVERY, Change(whole=START), START),
    Case("the same table again", START, Change(whole=START), START),
    Case("a table, then its epoch", EVERY, Change(whole=START, epoch=LATER), but(epoch=LATER)),
    Case("an empty table", START, Change(whole=Ruleset({}, {}, {}, {}, LATER)), Ruleset({}, {}, {}, {}, LATER)),
    Case(
        "a table of another mask",
        START,
        Change(whole=Ruleset({}, {}, {}, {}, 1, 0xFFFF)),
        Ruleset({}, {}, {}, {}, 1, 0xFFFF),
    ),
    Case("a table with a jump to nowhere", START, Change(whole=without(START, "d_a")), REFUSED),
    Case("a first table without its set", None, Change(whole=without(START, "s_a4")), REFUSED),
    Case("a table without epoch", START, Change(whole=but(epoch=0)), REFUSED),
    Case("a change to no table", None, Change(chains=(ENDS,)), REFUSED),
    Case("an epoch of no table", None, Change(epoch=LATER), REFUSED),
    Case("no change", START, Change(), START),
    # Chains
    Case("a new chain", START, Change(chains=(chain("i_c"),)), but(chains=(chain("i_c"),))),
    Case("new rules", START, Change(chains=(NEW_A,)), but(chains=(NEW_A,))),
    Case("no rules any more", START, Change(chains=(chain("i_a"),)), but(chains=(chain("i_a"),))),
    Case(
        "a new chain and its new set",
        START,
        Change(chains=(NEW_C,), sets=(addresses("s_c4", ONE),)),
        but(chains=(NEW_C,), sets=(addresses("s_c4", ONE),)),
    ),
    Case("chains that name each other's order", START, Change(chains=looping(3)), but(chains=looping(3))),
    Case("jumps as deep as they may be", START, Change(chains=looping(15)), but(chains=looping(15))),
    Case("jumps too deep", START, Change(chains=looping(16)), REFUSED),
    Case("jumps that go round", START, Change(chains=(chain("d_a", Rule((), (Jump("i_a"),))),)), REFUSED),
    Case("a jump to an unknown chain", START, Change(chains=(chain("i_a", Rule((), (Jump("i_x"),))),)), REFUSED),
    Case("a goto to an unknown chain", START, Change(chains=(chain("i_c", Rule((), (Goto("i_x"),))),)), REFUSED),
    Case("a jump to a base chain", START, Change(chains=(chain("i_c", Rule((), (Jump("c_forward"),))),)), REFUSED),
    Case("a rule that asks a missing set", START, Change(chains=(NEW_C,)), REFUSED),
    Case(
        "a rule that asks a missing map",
        START,
        Change(chains=(chain("i_c", Rule((), (Dispatch(View.TRACKED, Field.SOURCE, "m_x4", 4),))),)),
        REFUSED,
    ),
    Case("a set of another type", START, Change(chains=(chain("i_c", Rule((in_set("s_a4", 6),))),)), REFUSED),
    Case("a port of no protocol", START, Change(chains=(chain("i_c", Rule((PortIn(View.TRACKED, 1, 2),))),)), REFUSED),
    Case("a rule after a verdict", START, Change(chains=(chain("i_c", Rule((), (Drop(), Count()))),)), REFUSED),
    Case("a long log prefix", START, Change(chains=(chain("i_c", Rule((), (Log("x" * 128, 5),))),)), REFUSED),
    Case(
        "a long log prefix that fits",
        START,
        Change(chains=(chain("i_c", Rule((), (Log("x" * 127, 5),))),)),
        but(chains=(chain("i_c", Rule((), (Log("x" * 127, 5),))),)),
    ),
    Case("a chain goes", START, Change(gone_chains=("i_b",)), without(START, "i_b")),
    Case(
        "a chain and all that refers to it go",
        START,
        Change(gone_chains=("d_a", "i_a"), unrouted={"m_out4": {ONE: "i_a"}}),
        without(but(maps=(routes("m_out4"),)), "d_a", "i_a"),
    ),
    Case("a chain in use by a rule goes", START, Change(gone_chains=("d_a",)), REFUSED),
    Case("a chain in use by a map goes", START, Change(gone_chains=("i_a",)), REFUSED),
    Case("an unknown chain goes", START, Change(gone_chains=("i_x",)), REFUSED),
    Case(
        "the one rule that refers to a chain goes with it",
        START,
        Change(chains=(chain("i_a"),), gone_chains=("d_a",)),
        without(but(chains=(chain("i_a"),)), "d_a"),
    ),
    Case(
        "a base chain comes",
        START,
        Change(chains=(chain("c_input", hook=Hook.INPUT),)),
        but(chains=(chain("c_input", hook=Hook.INPUT),)),
    ),
    Case("the base chain goes", START, Change(gone_chains=("c_forward",)), without(START, "c_forward")),
    # Sets
    Case("new sets", START, Change(sets=(SIXES, SERVICES, TWO_RANGES)), but(sets=(SIXES, SERVICES, TWO_RANGES))),
    Case(
        "a new set of flows",
        START,
        Change(sets=(Set("f_seen6", Key.FLOW6, flows=True),)),
        but(sets=(Set("f_seen6", Key.FLOW6, flows=True),)),
    ),
    Case("a big set", START, Change(sets=(MANY,)), but(sets=(MANY,))),
    Case("a set that exists, of another key", START, Change(sets=(Set("s_a4", Key.ADDRESS6),)), REFUSED),
    Case(
        "a set that exists, with intervals",
        START,
        Change(sets=(Set("s_a4", Key.ADDRESS4, intervals=((ONE, TWO),)),)),
        REFUSED,
    ),
    Case(
        "intervals that exist, others",
        START,
        Change(sets=(Set("r_b4", Key.ADDRESS4, intervals=((TWO, TWO),)),)),
        REFUSED,
    ),
    Case(
        "intervals that overlap",
        START,
        Change(sets=(Set("r_c4", Key.ADDRESS4, intervals=((ONE, TWO), (TWO, TWO))),)),
        REFUSED,
    ),
    Case("a set goes", START, Change(gone_sets=("s_free4",)), without(START, "s_free4")),
    Case(
        "a set and its rule go",
        START,
        Change(chains=(NEW_A,), gone_sets=("s_a4",)),
        without(but(chains=(NEW_A,)), "s_a4"),
    ),
    Case(
        "a set and its chain go",
        START,
        Change(gone_chains=("i_b",), gone_sets=("r_b4",)),
        without(START, "i_b", "r_b4"),
    ),
    Case("a set in use goes", START, Change(gone_sets=("s_a4",)), REFUSED),
    Case("an unknown set goes", START, Change(gone_sets=("s_x4",)), REFUSED),
    # Maps
    Case("a new map", START, Change(maps=(routes("m_in4", two="i_b"),)), but(maps=(routes("m_in4", two="i_b"),))),
    Case(
        "a new map to a new chain",
        START,
        Change(maps=(routes("m_in4", two="i_c"),), chains=(chain("i_c"),)),
        but(maps=(routes("m_in4", two="i_c"),), chains=(chain("i_c"),)),
    ),
    Case("a new map to nowhere", START, Change(maps=(routes("m_in4", two="i_x"),)), REFUSED),
    Case("a map that exists", START, Change(maps=(VerdictMap("m_out4", Key.ADDRESS6, {}),)), REFUSED),
    Case("a map goes", START, Change(gone_maps=("m_free4",)), without(START, "m_free4")),
    Case("a map in use goes", START, Change(gone_maps=("m_out4",)), REFUSED),
    Case("an unknown map goes", START, Change(gone_maps=("m_x4",)), REFUSED),
    # Elements
    Case(
        "an element comes", START, Change(added={"s_void4": frozenset({ONE})}), but(sets=(addresses("s_void4", ONE),))
    ),
    Case(
        "one comes, one goes",
        START,
        Change(added={"s_free4": frozenset({TWO})}, removed={"s_free4": frozenset({ONE})}),
        but(sets=(addresses("s_free4", TWO),)),
    ),
    Case(
        "the last element goes", START, Change(removed={"s_a4": frozenset({ONE, TWO})}), but(sets=(addresses("s_a4"),))
    ),
    Case(
        "many elements come",
        START,
        Change(added={"s_void4": MANY.elements}),
        but(sets=(addresses("s_void4", *MANY.elements),)),
    ),
    Case("an element that is there comes", START, Change(added={"s_a4": frozenset({ONE})}), START),
    Case("an element that is not there goes", START, Change(removed={"s_free4": frozenset({TWO})}), REFUSED),
    Case(
        "one good, one bad",
        START,
        Change(added={"s_void4": frozenset({ONE})}, removed={"s_free4": frozenset({TWO})}),
        REFUSED,
    ),
    Case("an element of an unknown set", START, Change(added={"s_x4": frozenset({ONE})}), REFUSED),
    Case("an element goes from an unknown set", START, Change(removed={"s_x4": frozenset({ONE})}), REFUSED),
    Case("an element of another type", START, Change(added={"s_void4": frozenset({SIX})}), REFUSED),
    Case(
        "elements and structure at once",
        START,
        Change(chains=(NEW_C,), sets=(addresses("s_c4"),), added={"s_a4": frozenset({key("10.0.0.3")})}),
        but(chains=(NEW_C,), sets=(addresses("s_c4"), addresses("s_a4", ONE, TWO, key("10.0.0.3")))),
    ),
    # Elements of maps
    Case(
        "a route comes",
        START,
        Change(routed={"m_out4": {TWO: "i_b"}}),
        but(maps=(routes("m_out4", one="i_a", two="i_b"),)),
    ),
    Case("a route goes", START, Change(unrouted={"m_out4": {ONE: "i_a"}}), but(maps=(routes("m_out4"),))),
    Case(
        "a route turns",
        START,
        Change(routed={"m_out4": {ONE: "i_b"}}, unrouted={"m_out4": {ONE: "i_a"}}),
        but(maps=(routes("m_out4", one="i_b"),)),
    ),
    Case(
        "a route to a new chain, and the old one goes",
        START,
        Change(
            chains=(chain("i_c"),),
            gone_chains=("i_a",),
            routed={"m_out4": {ONE: "i_c"}},
            unrouted={"m_out4": {ONE: "i_a"}},
        ),
        without(but(chains=(chain("i_c"),), maps=(routes("m_out4", one="i_c"),)), "i_a"),
    ),
    Case("a route that is there, elsewhere", START, Change(routed={"m_out4": {ONE: "i_b"}}), REFUSED),
    Case("a route that is there", START, Change(routed={"m_out4": {ONE: "i_a"}}), START),
    Case("a route to an unknown chain", START, Change(routed={"m_out4": {TWO: "i_x"}}), REFUSED),
    Case("a route to a base chain", START, Change(routed={"m_out4": {TWO: "c_forward"}}), REFUSED),
    Case("a route of an unknown map", START, Change(routed={"m_x4": {TWO: "i_b"}}), REFUSED),
    Case("a route that is not there goes", START, Change(unrouted={"m_out4": {TWO: "i_a"}}), REFUSED),
    Case("a route goes from an unknown map", START, Change(unrouted={"m_x4": {TWO: "i_a"}}), REFUSED),
    # What a log line may name; the kernel knows nothing of it
    Case("groups", START, Change(groups={"a": Group("a", Direction.INGRESS, ())}), START),
    # The epoch
    Case("a later epoch", START, Change(epoch=LATER), but(epoch=LATER)),
    Case(
        "an element goes, and the epoch",
        START,
        Change(removed={"s_a4": frozenset({TWO})}, epoch=LATER),
        but(sets=(addresses("s_a4", ONE),), epoch=LATER),
    ),
    Case("a chain and the epoch", START, Change(chains=(NEW_A,), epoch=LATER), but(chains=(NEW_A,), epoch=LATER)),
    Case(
        "new rules that know the epoch",
        START,
        Change(chains=(chain("i_b", Rule((Protocol("TCP"), EpochIs()), (Drop(),))),), epoch=LATER),
        but(chains=(chain("i_b", Rule((Protocol("TCP"), EpochIs()), (Drop(),))),), epoch=LATER),
    ),
    Case("an epoch outside of the mask", START, Change(epoch=1), REFUSED),
]


def play(kernel: Kernel, case: Case) -> None:
    """Puts a case through the door of a kernel that has no table yet."""
    if case.start is not None:
        kernel.apply(Change(whole=case.start))
    if case.after is not REFUSED:
        kernel.apply(case.change)
    else:
        with pytest.raises((KernelError, ValueError)):  # the latter for what cannot even be said
            kernel.apply(case.change)
    after = case.start if case.after is REFUSED else case.after
    assert kernel.dump() == (None if after is None else held(after))
