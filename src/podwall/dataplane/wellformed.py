"""What nft or the kernel refuses in a rule set or in a change: everything that can be told without them.

The compiler never makes any of it; `fake` refuses it as the real kernel does, so that tests see what would not load.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from podwall.dataplane import ruleset as ir
from podwall.dataplane.change import Change
from podwall.dataplane.walk import PORTED

__all__ = ["refused_change", "refused_ruleset"]

_VERDICTS = (ir.Accept, ir.Drop, ir.Return, ir.Jump, ir.Goto, ir.Dispatch)
_JUMPS = 16  # NFT_JUMP_STACK_SIZE
_PREFIX = 127  # bytes of a log prefix


def refused_ruleset(ruleset: ir.Ruleset) -> Iterator[str]:
    """Why a table like this cannot be, nothing if it can."""
    for chain in ruleset.chains.values():
        for index, rule in enumerate(chain.rules):
            for reason in _refused_rule(ruleset, rule):
                yield f"chain {chain.name}, rule {index}: {reason}"
    for one in ruleset.sets.values():
        yield from _refused_set(one)
    for held in ruleset.maps.values():
        yield from _refused_map(ruleset, held)
    if ruleset.sets.keys() & ruleset.maps.keys():
        yield f"set and map {min(ruleset.sets.keys() & ruleset.maps.keys())}: one name for both"
    yield from _too_deep(ruleset)
    if not ruleset.epoch or ruleset.epoch & ~ruleset.mask:
        yield f"epoch {ruleset.epoch:#x} is not within {ruleset.mask:#x}"


def _refused_rule(ruleset: ir.Ruleset, rule: ir.Rule) -> Iterator[str]:
    if any(isinstance(statement, _VERDICTS) for statement in rule.statements[:-1]):
        yield "nothing can follow a verdict"
    protocols = [match.name for match in rule.matches if isinstance(match, ir.Protocol)]
    for match in rule.matches:
        if isinstance(match, ir.Lookup):
            yield from _refused_lookup(ruleset, match)
        if _reads_port(match) and not any(ir.PROTOCOL_NUMBERS[name] in PORTED for name in protocols):
            yield "a port is read of no protocol"
    for statement in rule.statements:
        yield from _refused_statement(ruleset, statement)


def _reads_port(match: ir.Match) -> bool:
    return isinstance(match, ir.PortIn) or (isinstance(match, ir.Lookup) and ir.Field.PORT in match.fields)


def _refused_lookup(ruleset: ir.Ruleset, match: ir.Lookup) -> Iterator[str]:
    one = ruleset.sets.get(match.set)
    if one is None:
        yield f"there is no set {match.set}"
    elif _kinds(match) != one.key.value or match.family != one.key.family:
        yield f"set {match.set} has keys of another type"


def _kinds(match: ir.Lookup) -> str:
    """The type of the key that is looked up, as a Key says it."""
    address = "ipv6_addr" if match.family == 6 else "ipv4_addr"
    names = {ir.Field.PROTOCOL: "inet_proto", ir.Field.PORT: "inet_service"}
    return " . ".join(names.get(field, address) for field in match.fields)


def _refused_statement(ruleset: ir.Ruleset, statement: ir.Statement) -> Iterator[str]:
    if isinstance(statement, ir.Jump | ir.Goto):
        yield from _refused_target(ruleset, statement.chain)
    if isinstance(statement, ir.Dispatch):
        held = ruleset.maps.get(statement.map)
        if held is None:
            yield f"there is no map {statement.map}"
        elif held.key.family != statement.family or held.key.size not in {4, 16}:
            yield f"map {statement.map} has keys of another type"
    if isinstance(statement, ir.Log):
        if len(statement.prefix.encode()) > _PREFIX:
            yield f"log prefix over {_PREFIX} bytes"
        seen = ruleset.sets.get(statement.seen)
        if statement.seen and (seen is None or not seen.flows or seen.key.family != statement.family):
            yield f"there is no set {statement.seen} of flows of family {statement.family}"


def _refused_target(ruleset: ir.Ruleset, name: str) -> Iterator[str]:
    chain = ruleset.chains.get(name)
    if chain is None:
        yield f"there is no chain {name}"
    elif chain.hook is not None:
        yield f"{name} is a base chain"


def _refused_set(one: ir.Set) -> Iterator[str]:
    keys = [*one.elements, *(end for interval in one.intervals for end in interval)]
    if any(len(key) != one.key.size for key in keys):
        yield f"set {one.name}: an element is not of its key's type"
    if one.elements and one.intervals:
        yield f"set {one.name}: elements and intervals"
    ordered = sorted(one.intervals)
    if any(first > last for first, last in ordered):
        yield f"set {one.name}: an interval ends before it begins"
    if any(last >= first for (_, last), (first, _) in pairwise(ordered)):
        yield f"set {one.name}: intervals overlap"


def _refused_map(ruleset: ir.Ruleset, held: ir.VerdictMap) -> Iterator[str]:
    if any(len(key) != held.key.size for key in held.elements):
        yield f"map {held.name}: an element is not of its key's type"
    for name in sorted(set(held.elements.values())):
        for reason in _refused_target(ruleset, name):
            yield f"map {held.name}: {reason}"


def _too_deep(ruleset: ir.Ruleset) -> Iterator[str]:
    """Whether jumps from a base chain go round, or deeper than the kernel goes. It looks at no other chains either."""
    reached = {chain.name for chain in ruleset.chains.values() if chain.hook is not None}
    for _ in range(_JUMPS):
        reached = {target for name in reached for target in _targets(ruleset, name)}
        if not reached:
            return
    yield f"chain {min(reached)}: jumps go round, or {_JUMPS} deep"


def _targets(ruleset: ir.Ruleset, name: str) -> Iterator[str]:
    for rule in ruleset.chains[name].rules if name in ruleset.chains else ():
        for statement in rule.statements:
            if isinstance(statement, ir.Jump | ir.Goto):
                yield statement.chain
            elif isinstance(statement, ir.Dispatch) and statement.map in ruleset.maps:
                yield from ruleset.maps[statement.map].elements.values()


def refused_change(old: ir.Ruleset, change: Change) -> Iterator[str]:
    """What cannot be done to a table, although the result might be one; nothing if all can."""
    new = {one.name for one in change.sets} | {one.name for one in change.maps}
    for name in sorted(new & {*old.sets, *old.maps}):
        yield f"{name} exists"
    for chain in change.chains:
        if chain.name in change.gone_chains or old.chains.get(chain.name, chain).hook is not chain.hook:
            yield f"chain {chain.name} cannot get another hook, nor go and come"
    yield from _refused_elements(old, change)


def _refused_elements(old: ir.Ruleset, change: Change) -> Iterator[str]:
    """Routes that go must be there (`applied` looks for sets); one that comes may be there, but not to elsewhere."""
    for name, items in change.unrouted.items():
        if not items.items() <= old.maps[name].elements.items():
            yield f"map {name} has not all elements that are to go"
    for name, items in change.routed.items():
        gone, there = change.unrouted.get(name, {}), old.maps[name].elements
        if any(key not in gone and there.get(key, chain) != chain for key, chain in items.items()):
            yield f"map {name} leads elsewhere from an address that is to come"
