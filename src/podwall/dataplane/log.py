"""How denials are told: counters, and lines in an NFLOG group whose prefix says what, on which side and of which group.

A flood of denied packets does not become a flood of lines: each flow has so many a second, and so have all that
conntrack does not track together. Counters stay exact.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from podwall.dataplane.ruleset import Count, Drop, Key, Log, Rule, Set, State
from podwall.engine.rules import Direction

__all__ = ["Logging", "flow_sets", "prefix", "refusal", "telling"]

_FLOWS = {4: "l_flows_4", 6: "l_flows_6"}
_LETTERS = {Direction.EGRESS: "E", Direction.INGRESS: "I"}


class Logging(Struct, frozen=True):
    """The NFLOG group, and how many lines a second one flow may have (0: each packet has its line)."""

    group: int = 11
    rate: int = 5


def prefix(letter: str, direction: Direction | None = None, group: str = "") -> str:
    """What a line begins with; of a packet that conntrack calls invalid neither side nor group is known."""
    return f"pw1|{letter}|{_LETTERS[direction] if direction else '-'}|{group or '-'}"


def flow_sets(families: tuple[int, ...], logging: Logging) -> Iterator[Set]:
    """Where it is kept which flows were told of."""
    for family in families if logging.rate else ():
        yield Set(_FLOWS[family], Key.FLOW4 if family == 4 else Key.FLOW6, flows=True)


def refusal(line: str, families: tuple[int, ...], logging: Logging) -> Iterator[Rule]:
    """Counts, tells and drops."""
    yield from telling(line, families, logging)
    yield Rule((), (Drop(),))


def telling(line: str, families: tuple[int, ...], logging: Logging) -> Iterator[Rule]:
    """Counts and tells."""
    yield Rule((), (Count(),))
    if not logging.rate:
        yield Rule((), (Log(line, logging.group),))
        return
    for family in families:
        yield Rule((), (Log(line, logging.group, _FLOWS[family], family, logging.rate),))
    for state in ("untracked", "invalid"):
        yield Rule((State(state),), (Log(line, logging.group, rate=10 * logging.rate),))
