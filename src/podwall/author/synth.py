"""What a workload needs → its one policy, small and always the same for the same needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from podwall.author.compose import metadata, network_policy, ports_word
from podwall.author.grants import merged, rules_for
from podwall.author.marks import WORKLOAD, marked
from podwall.author.recipe import Policy
from podwall.author.scope import Work
from podwall.author.sides import Side
from podwall.author.subjects import choose
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet
from podwall.needs.need import Grant, Need
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["policy_of"]

_MOST_SAID = 3  # places of one need in an annotation
_MOST_WRITTEN = 16_384  # bytes of it: all annotations of an object are 256 KiB at most, kubectl's copy of it among them


def policy_of(
    site: Site, work: Work, sides: Sequence[Side], beside: Sequence[Grant] = (), *, closing: bool = False
) -> tuple[Policy | None, tuple[str, ...]]:
    """The policy of a workload with what no other policy lets through yet, and whom else its selector selects.

    `closing` says that it is to isolate the workload by itself, in both directions; `beside` is egress that is no need.
    None where there is nothing to write.
    """
    written = [side for side in sides if not side.standing]
    rules = {}
    for direction in Direction:
        grants = [Grant(side.peers, side.ports) for side in written if side.direction is direction]
        grants += beside if direction is Direction.EGRESS else ()
        rules[direction] = rules_for(site, direction, merged(grants), work.key[0])
    used = [direction for direction in Direction if rules[direction] or closing]
    if not used:
        return None, ()
    chosen = choose(site, work.party, work.own)
    item = network_policy(metadata(work.unique, work.key[0]), chosen.selector, used, rules)
    return Policy(
        marked(item, WORKLOAD, _noted(_found(written))), (_about(work, written, closing=closing),)
    ), chosen.others


def _noted(lines: Sequence[str]) -> str:
    """The lines as one text, as many as an annotation is to hold."""
    ends = accumulate(len(line.encode()) + 1 for line in lines)
    kept = [line for line, end in zip(lines, ends, strict=True) if end <= _MOST_WRITTEN]
    if len(kept) < len(lines):
        kept.append(f"and {len(lines) - len(kept):,} more")
    return "\n".join([*kept, ""] if len(kept) > 1 else kept)


def _about(work: Work, sides: Sequence[Side], *, closing: bool) -> str:
    who = f"{work.key[0]}/{work.party.name}"
    parts = []
    for direction, verb in ((Direction.INGRESS, "is reached by"), (Direction.EGRESS, "reaches")):
        names = sorted({_name(s.peers, work) for s in sides if s.direction is direction and _name(s.peers, work)})
        if names:
            parts.append(f"{verb} {', '.join(names)}")
    said = f"{who} {', and '.join(parts)}" if parts else f"{who} needs nobody that was found"
    return f"{said}; and nobody else." if closing else f"{said}."


def _found(sides: Iterable[Side]) -> list[str]:
    """One line for each direction, peer and set of ports, with where the need was found."""
    held: dict[tuple[str, str, PortSet], list[Need]] = {}
    for side in sides:
        word = "from" if side.direction is Direction.INGRESS else "to"
        held.setdefault((word, _name(side.peers, side.work), side.ports), []).append(side.need)
    ordered = sorted(held, key=lambda key: (key[0], key[1], key[2].spans))
    return [f"{word} {name} {ports_word(ports)}: {_said(held[word, name, ports])}" for word, name, ports in ordered]


def _said(needs: Iterable[Need]) -> str:
    found = list(dict.fromkeys(_place(e.about, e.says) for need in needs for e in sorted(need.evidence)))
    more = f"; and {len(found) - _MOST_SAID} more" if len(found) > _MOST_SAID else ""
    return "; ".join(found[:_MOST_SAID]) + more


def _place(about: tuple[str, str, str], says: str) -> str:
    kind, _, name = about
    return f"{kind} {name}, {says}" if says else f"{kind} {name}"


def _name(party: Party, work: Work) -> str:
    if party.anyone:
        return "everyone"
    if party.whole:
        return f"every pod of {party.namespace}"
    name = party.name if party.namespace in ("", work.key[0]) else f"{party.namespace}/{party.name}"
    return name if party.endpoints or not party.cidrs else party.listed
