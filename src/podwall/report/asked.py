"""Questions put together: those that one answer settles, since several workloads ask after the same peer."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from podwall.report.public import Port
from podwall.report.public_lockdown import Place, Question
from podwall.report.wording import listed

__all__ = ["Together", "together"]


class Together(Struct, frozen=True):
    """One or more questions; `key` is what an answer names them by, `asks` says who else asks as the first."""

    key: str
    asks: str
    ports: list[Port]
    drafted: list[str]
    found: list[Place]


def together(questions: Sequence[Question]) -> list[Together]:
    """In the order of the first of each; ports are told where they are those of all."""
    held: dict[str, list[Question]] = {}
    for one in questions:
        held.setdefault(one.shared or one.key, []).append(one)
    return [_one(several) for several in held.values()]


def _one(several: Sequence[Question]) -> Together:
    first, *others = several
    if not others:
        return Together(first.key, first.asks, first.ports, first.drafted, first.found)
    names = [_subject(one) for one in others]
    drafted = list(dict.fromkeys(text for one in several for text in one.drafted))
    places = [place for one in several for place in one.found]
    ports = first.ports if all(one.ports == first.ports for one in others) else []
    return Together(first.shared, f"{first.asks}; and so for {listed(names, 12)}", ports, drafted, places)


def _subject(one: Question) -> str:
    source, _, destination = one.key.partition(" -> ")
    return source if one.shared.startswith("* -> ") else destination
