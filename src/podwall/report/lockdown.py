"""What a lockdown found and proved, for a terminal of 80 columns: the needs, the questions, and the proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from podwall.report.asked import together
from podwall.report.public_lockdown import Closed, Lockdown, Need, Place, Question, Surplus
from podwall.report.wording import counted, cut, listed, ports_text, where, wrapped

__all__ = ["lockdown_text", "place_text"]

_MOST_NEEDS = 40
_MOST_LISTED = 12
_MOST_PLACES = 2
_WIDTH = 80


def lockdown_text(found: Lockdown) -> Iterator[str]:
    """Line by line."""
    parts = (_head(found), _needs(found.needs), _questions(found.questions), _unseen(found), _proof(found))
    for block in (*parts, _gone(found.gone)):
        lines = list(block)
        if lines:
            yield from (f"{line}\n" for line in lines)
            yield "\n"
    yield f"{_verdict(found)}\n"


def _head(found: Lockdown) -> Iterator[str]:
    where_to = listed(found.namespaces, 6)
    said = f"lockdown of {where_to}: {counted(found.workloads, 'workload')}, {counted(len(found.needs), 'need')} found"
    yield from wrapped(said, "  ")
    yield from (line for note in found.notes for line in wrapped(f"  note: {note}", "    "))


def _needs(needs: Sequence[Need]) -> Iterator[str]:
    missing = [need for need in needs if not need.standing]
    if missing:
        yield "needs"
    for need in missing[:_MOST_NEEDS]:
        sure = "" if need.sure == "stated" else f" ({need.sure})"
        yield from wrapped(f"  {need.src} -> {need.dst} {ports_text(need.ports, {})}{sure}", "    ")
        yield from _places(need.found)
    if len(missing) > _MOST_NEEDS:
        yield f"  and {len(missing) - _MOST_NEEDS} more: the report of -d has them all"
    if len(missing) < len(needs):
        met = counted(len(needs) - len(missing), "need")
        yield from wrapped(f"{met} met already by policies that are there; the report of -d has them", "")


def _places(found: Sequence[Place]) -> Iterator[str]:
    for place in found[:_MOST_PLACES]:
        whole = f"      {place_text(place)}"
        apart = (f"      {where(place.ref, place.line)}", f"        {_says(place)}")
        yield from [whole] if len(whole) <= _WIDTH or not place.says else map(cut, apart)
    if len(found) > _MOST_PLACES:
        yield f"      and {len(found) - _MOST_PLACES} more"


def place_text(place: Place) -> str:
    """`file:line  what it says`."""
    return f"{where(place.ref, place.line)}  {_says(place)}"


def _says(place: Place) -> str:
    return place.says or f"{place.ref.kind} {place.ref.name}"


def _questions(questions: Sequence[Question]) -> Iterator[str]:
    if not questions:
        return
    yield "questions that manifests leave open (answer them with --answers)"
    asked = together(questions)
    for question in asked[:_MOST_LISTED]:
        ports = f" {ports_text(question.ports, {})}" if question.ports else ""
        yield from wrapped(f"  {question.key}{ports}", "    ")
        perhaps = f"; perhaps {listed(question.drafted, 3)}" if question.drafted else ""
        yield from wrapped(f"      {question.asks}{perhaps}", "      ")
        yield from _places(question.found)
    if len(asked) > _MOST_LISTED:
        yield f"  and {len(asked) - _MOST_LISTED} more"


def _unseen(found: Lockdown) -> Iterator[str]:
    if not found.unseen:
        return
    yield "not seen: what is in there may need more"
    held: dict[str, list[Place]] = {}
    for one in found.unseen:
        held.setdefault(one.what, []).append(one.place)
    for what, places in list(held.items())[:_MOST_LISTED]:
        names = list(dict.fromkeys(_workload(place) for place in places))
        yield from wrapped(f"  {what}", "    ")
        yield from wrapped(f"      {where(places[0].ref, places[0].line)}  of {listed(names, 6)}", "        ")
    if len(held) > _MOST_LISTED:
        yield f"  and {len(held) - _MOST_LISTED} more"


def _workload(place: Place) -> str:
    return f"{place.ref.namespace}/{place.ref.name}" if place.ref.namespace else f"{place.ref.kind} {place.ref.name}"


def _proof(found: Lockdown) -> Iterator[str]:
    yield f"proof: the policies as they are written, put to the engine ({found.asked:,} verdicts)"
    yield f"  open pairs of workloads: {found.before:,} of {found.pairs:,} without them, {found.after:,} with them"
    yield from _closed(found.closed)
    for who, why in sorted(found.unwritten.items()):
        yield from wrapped(f"  NO POLICY {who}: {why}", "    ")
    if found.surplus:
        yield "  open beyond the needs:"
        yield from _surplus(found.surplus, found.more_surplus)
    else:
        yield "  beyond the needs and DNS nothing is open"
    for who, others in sorted(found.wide.items()):
        yield from wrapped(f"  no label tells {who} from {listed(others)}: its policy is for these as well", "    ")


def _gone(found: Sequence[str]) -> Iterator[str]:
    if found:
        yield "written no more, and kubectl apply deletes nothing: delete these last"
        for namespace, pairs in groupby((one.split("/") for one in found), key=lambda pair: pair[0]):
            names = " ".join(name for _, name in pairs)
            yield from wrapped(f"  kubectl delete netpol -n {namespace} {names}", "    ")


def _closed(found: Sequence[Closed]) -> Iterator[str]:
    for one in found[:_MOST_LISTED]:
        by = f" by {listed(one.by, 2)}" if one.by else ""
        yield from wrapped(
            f"  CLOSED {one.src} -> {one.dst} {ports_text([one.port], {})}: {one.direction} is denied{by}", "    "
        )
    if len(found) > _MOST_LISTED:
        yield f"  and {len(found) - _MOST_LISTED} more needs that would be closed"


def _surplus(found: Sequence[Surplus], more: int) -> Iterable[str]:
    for one in found[:_MOST_LISTED]:
        by = f", by {listed(one.by, 2)}" if one.by else ""
        yield from wrapped(f"    {one.src} -> {one.dst} {ports_text(one.ports, {})}{by}", "      ")
    left = len(found) - _MOST_LISTED + more
    if left > 0:
        yield f"    and {left:,} more"


def _verdict(found: Lockdown) -> str:
    if not found.ok:
        return "NOT PROVED: a need that was found would be closed"
    beside = [
        *([counted(len(together(found.questions)), "question")] if found.questions else []),
        *([f"{len({one.what for one in found.unseen})} not seen"] if found.unseen else []),
    ]
    return f"proved: every need found is open{f'; open beside it: {listed(beside)}' if beside else ''}"
