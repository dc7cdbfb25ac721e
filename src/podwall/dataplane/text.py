"""Rule sets and changes said to nft: every text here is one transaction. No other file knows nft's language.

The first rule of a chain carries a comment by which the chain is known when the table is read back (`told`), and two
small sets say which epoch the rules are in. There are no anonymous sets (dataplane.md 0.5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from podwall.dataplane.change import Change
from podwall.dataplane.door import digest
from podwall.dataplane.phrases import Marks, asked, done, named
from podwall.dataplane.ruleset import (
    TABLE,
    Chain,
    EpochIs,
    Key,
    Log,
    Rule,
    Ruleset,
    Set,
    SetEpoch,
    Statement,
    VerdictMap,
)

__all__ = [
    "EPOCH_SET",
    "MASK_SET",
    "REMOVE",
    "alteration",
    "block",
    "bump",
    "element",
    "load",
    "stages",
    "structure",
    "taking_over",
    "told",
    "uses_epoch",
]

# Sets of ours that hold one mark each: the epoch that the rules are in, and the mask of the bits that are for epochs.
EPOCH_SET, MASK_SET = "c_epoch", "c_mask"

# Dropped flows that are remembered so that each is not logged too often, and for how long (dataplane.md 3.3).
_FLOWS = "size 65536; flags dynamic,timeout; timeout 1m;"
_HOOKED = "type filter hook {} priority filter; policy accept;"
_COMMENT = re.compile(r"pw1 ([0-9a-f]+) ([0-9]+)", re.ASCII)

REMOVE = f"add table inet {TABLE}\ndelete table inet {TABLE}\n"
"""No table, whether there was one or not."""


def load(ruleset: Ruleset) -> str:
    """The whole table, in place of the one that is there, if any; the packets in between are judged by the old one."""
    inner, hooked = stages(ruleset, filled=True)
    return REMOVE + block([*inner, *hooked])


def stages(ruleset: Ruleset, *, filled: bool = False) -> tuple[list[str], list[str]]:
    """The parts of a table that no packet comes by, in an order in which they may be added one by one, and the base
    chains that lead to them. Hash sets and maps have their elements only if they are to be `filled`.
    """
    marks = Marks.of(ruleset).at(ruleset.epoch)
    chains = [chain for _, chain in sorted(ruleset.chains.items())]
    inner = [chain for chain in chains if not chain.hook]
    parts = [_mark_set(EPOCH_SET, marks.epoch), _mark_set(MASK_SET, marks.mask)]
    parts += [f"chain {named(chain.name)} {{ }}" for chain in inner]
    parts += [_set(one if filled else _emptied(one)) for _, one in sorted(ruleset.sets.items())]
    parts += [_map(one if filled else _unrouted(one)) for _, one in sorted(ruleset.maps.items())]
    parts += [_chain(chain, marks) for chain in inner]
    return parts, [_chain(chain, marks) for chain in chains if chain.hook]


def block(parts: Iterable[str]) -> str:
    """One transaction that adds parts to the table."""
    return "\n".join([f"table inet {TABLE} {{", *parts, "}", ""])


def structure(ruleset: Ruleset) -> str:
    """As `load`, without elements: short, and all that nft could refuse."""
    inner, hooked = stages(ruleset)
    return REMOVE + block([*inner, *hooked])


def _emptied(one: Set) -> Set:
    return msgspec.structs.replace(one, elements=frozenset())


def _unrouted(one: VerdictMap) -> VerdictMap:
    return msgspec.structs.replace(one, elements={})


def alteration(change: Change, marks: Marks, keys: Mapping[str, Key]) -> str:
    """A change's structure and elements; the rules stay in the epoch that they are in. `keys` are those of the sets
    and maps that are there; KeyError where the change adds to another one, which nft would make instead.
    """
    new = [f"chain {named(chain.name)} {{ {_hook(chain)} }}" for chain in change.chains]
    parts = [block([*new, *map(_set, change.sets), *map(_map, change.maps)])]
    parts += [_flush(name) for name in (*(chain.name for chain in change.chains), *change.gone_chains)]
    parts += [block(_chain(chain, marks) for chain in change.chains)]
    # What goes comes first: a key of a map that gets another chain is in both.
    parts += [*_gone_elements(change), block(_new_elements(change, keys))]
    # What refers goes before what it refers to: maps to chains, and chains (flushed above) to sets.
    gone = (("map", change.gone_maps), ("chain", change.gone_chains), ("set", change.gone_sets))
    parts += [f"delete {kind} inet {TABLE} {named(name)}" for kind, names in gone for name in names]
    return "\n".join([*parts, ""])


def taking_over(change: Change, ruleset: Ruleset) -> str:
    """The part of a takeover that is seen: as `alteration`, and from now on the epoch and its mask are others."""
    marks = Marks.of(ruleset).at(ruleset.epoch)
    keys = {name: one.key for name, one in ruleset.sets.items()} | {name: one.key for name, one in ruleset.maps.items()}
    own = {EPOCH_SET: marks.epoch, MASK_SET: marks.mask}
    parts = [block(f"set {name} {{ type mark; }}" for name in own)]
    parts += [f"flush set inet {TABLE} {name}" for name in own]
    parts += [block(_mark_set(name, mark) for name, mark in own.items()), alteration(change, marks, keys)]
    return "\n".join(parts)


def bump(chains: Iterable[Chain], marks: Marks, epoch: int) -> str:
    """The rules that know the epoch, and the set that says it, at another one: nothing else changes."""
    later = marks.at(epoch)
    using = sorted((chain for chain in chains if uses_epoch(chain)), key=lambda chain: chain.name)
    parts = [f"flush set inet {TABLE} {EPOCH_SET}", *(_flush(chain.name) for chain in using)]
    parts += [block([_mark_set(EPOCH_SET, epoch), *(_chain(chain, later) for chain in using)])]
    return "\n".join([*parts, ""])


def uses_epoch(chain: Chain) -> bool:
    """Whether the rules of a chain are others in every epoch."""
    return any(
        isinstance(part, EpochIs | SetEpoch) for rule in chain.rules for part in (*rule.matches, *rule.statements)
    )


def told(comment: str) -> tuple[str, int]:
    """What the comment of a chain's first rule tells: the digest of its rules, and how many nft made of them."""
    match = _COMMENT.fullmatch(comment)
    return (match[1], int(match[2])) if match else ("", 0)


def element(value: bytes) -> str:
    """An element of a set as nft writes it, for messages as well. Its length says what it is made of."""
    write = _ELEMENT.get(len(value))
    return write(value) if write else value.hex()


def _address4(value: bytes) -> str:
    return f"{value[0]}.{value[1]}.{value[2]}.{value[3]}"


def _address6(value: bytes) -> str:
    return value.hex(":", 2)


def _service(value: bytes) -> str:
    """The protocol and the port that a key ends with."""
    return f"{value[-8]} . {value[-4] << 8 | value[-3]}"


# By length of the key. A set of flows has keys of others' lengths, and no elements of ours.
_ELEMENT: dict[int, Callable[[bytes], str]] = {
    4: _address4,
    16: _address6,
    8: _service,
    12: lambda value: f"{_address4(value)} . {_service(value)}",
    24: lambda value: f"{_address6(value[:16])} . {_service(value)}",
}


# Sets and maps


def _mark_set(name: str, mark: int) -> str:
    return f"set {name} {{ type mark; elements = {{ {mark:#x} }} }}"


def _set(one: Set) -> str:
    start = f"set {named(one.name)} {{ type {one.key.value};"
    if one.flows:
        return f"{start} {_FLOWS} }}"
    if one.intervals:
        ranges = (f"{element(first)}-{element(last)}" for first, last in one.intervals)
        return f"{start} flags interval; {_initial(ranges)}}}"
    return f"{start} {_initial(map(element, sorted(one.elements)))}}}"


def _map(one: VerdictMap) -> str:
    return f"map {named(one.name)} {{ type {one.key.value} : verdict; {_initial(_routes(one.elements))}}}"


def _routes(elements: Mapping[bytes, str]) -> Iterator[str]:
    return (f"{element(value)} : jump {named(chain)}" for value, chain in sorted(elements.items()))


def _initial(elements: Iterable[str]) -> str:
    # One a line, so that nft's complaint names the line of the very element.
    inside = ",\n".join(elements)
    return f"elements = {{\n{inside}\n}} " if inside else ""


def _gone_elements(change: Change) -> Iterator[str]:
    for name, values in (*change.removed.items(), *change.unrouted.items()):
        inside = ",\n".join(map(element, sorted(values)))
        yield f"delete element inet {TABLE} {named(name)} {{\n{inside}\n}}"


def _new_elements(change: Change, keys: Mapping[str, Key]) -> Iterator[str]:
    """Elements of sets that are there, as declarations: for `add element` nft reads the interval sets of all tables."""
    yield from (_set(Set(name, keys[name], values)) for name, values in change.added.items())
    yield from (_map(VerdictMap(name, keys[name], routes)) for name, routes in change.routed.items())


# Chains


def _hook(chain: Chain) -> str:
    return _HOOKED.format(chain.hook.value) if chain.hook else ""


def _chain(chain: Chain, marks: Marks) -> str:
    lines = [line for rule in chain.rules for line in _rule(rule, marks) if line]
    if lines:
        lines[0] += f' comment "pw1 {digest(chain)} {len(lines)}"'
    return "\n".join([f"chain {named(chain.name)} {{ {_hook(chain)}", *lines, "}"])


def _rule(rule: Rule, marks: Marks) -> Iterator[str]:
    matches = [asked(match, marks) for match in rule.matches]
    for piece in _pieces(rule):
        yield " ".join([*matches, *(done(statement, marks) for statement in piece)])


def _pieces(rule: Rule) -> Iterator[tuple[Statement, ...]]:
    """The statements of each of nft's rules that say one of ours. A limit that is exceeded ends nft's rule, and it
    must not end ours: what comes after a bounded Log, a Drop above all, is a rule of its own.
    """
    first = 0
    for place, statement in enumerate(rule.statements[:-1], start=1):
        if isinstance(statement, Log) and (statement.seen or statement.rate):
            yield rule.statements[first:place]
            first = place
    yield rule.statements[first:]


def _flush(name: str) -> str:
    return f"flush chain inet {TABLE} {named(name)}"
