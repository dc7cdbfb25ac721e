"""The report of a lockdown as Markdown, for whoever reviews the policies: needs, questions, proof, and how to apply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from podwall.report.asked import together
from podwall.report.lockdown import place_text
from podwall.report.public_lockdown import Lockdown, Place
from podwall.report.wording import counted, listed, ports_text

__all__ = ["lockdown_markdown"]

_MOST_OTHERS = 20


def lockdown_markdown(found: Lockdown) -> str:
    """The whole report: what people have to answer first."""
    parts = (_head, _questions, _claim, _apply, _needs, _unseen, _beyond)
    texts = ("\n".join(part(found)) for part in parts)
    return "\n".join(f"{text}\n" for text in texts if text)


def _head(found: Lockdown) -> Iterator[str]:
    yield f"# Lockdown of {listed([f'`{name}`' for name in found.namespaces], 20)}"
    yield ""
    yield f"Written by `{found.command}`: {counted(found.workloads, 'workload')}, policies: {found.policies:,}."
    yield from (f"\nNote: {note}" for note in found.notes)


def _claim(found: Lockdown) -> Iterator[str]:
    said = "Every need that was found is open" if found.ok else "**Not proved: a need that was found would be closed**"
    yield f"## Proof\n\n{said}; the engine was asked {found.asked:,} times, about the policies as they are written.\n"
    yield "| | |\n|---|---|"
    yield f"| open pairs of workloads without these policies | {found.before:,} of {found.pairs:,} |"
    yield f"| open pairs of workloads with them, DNS among them | {found.after:,} |"
    yield f"| open pairs beside DNS, addresses among them | {found.open:,} |"
    yield f"| of these needed | {found.needed:,} |"
    for one in found.closed:
        pair = f"{one.src} → {one.dst} {ports_text([one.port], {})}"
        yield f"| **closed** | {pair}: {one.direction} denied by {listed(one.by)} |"
    for who, why in sorted(found.unwritten.items()):
        yield f"| **no policy** | {who}: {why} |"
    if found.others:
        named = listed([f"`{name}`" for name in found.others], _MOST_OTHERS)
        yield f"\nIt rests on policies that were there before: {named}."
        yield "Run it again where one of these changes or goes."


def _apply(found: Lockdown) -> Iterator[str]:
    yield "## How to apply it\n"
    if not found.files:
        yield "There is nothing to apply: the policies that are there do all of it."
        return
    yield from _bracketed(found) if found.bracket else _unbracketed(found)
    yield "\n`kubectl apply` deletes nothing. What an earlier run wrote and a later one does not is named at the"
    yield "terminal; `kubectl get netpol -A -l app.kubernetes.io/managed-by=podwall` lists all that is there."


def _bracketed(found: Lockdown) -> Iterator[str]:
    yield "1. `kubectl apply -f .` in the folder above this one. The bracket comes first and lets everything"
    yield "   through, so that no moment of it closes anything."
    yield "2. Watch the application with whatever you have. Nothing is denied yet."
    yield "3. Lift the bracket, one namespace after the other: that is the default deny."
    yield from (f"   `kubectl delete netpol {words}`" for words in found.brackets)
    yield "   and delete its file `00-bracket-….yaml`, so that the next run does not write it again."
    yield "4. Something is missing? `kubectl apply -f 00-bracket-….yaml` is the way back."
    if found.enforced:
        yield f"\nThe default deny is in force already in {listed(found.enforced)}: what it closes is in no bracket."


def _unbracketed(found: Lockdown) -> Iterator[str]:
    yield "`kubectl apply -f .` in the folder above this one."
    if not found.enforced:
        yield "No bracket is needed: whom these policies select is isolated already, so that they only open."
        return
    yield f"The bracket is lifted in {listed(found.enforced)}, so that each policy counts once it is applied. What was"
    yield "needed and still is stays open meanwhile. Where a rollout changes labels or ports, old pods need the old"
    yield "policies and new pods the new ones: put the bracket back for it (`--bracket`)."


def _needs(found: Lockdown) -> Iterator[str]:
    yield f"## Needs ({len(found.needs)})\n"
    yield "| from | to | ports | found in | sure |\n|---|---|---|---|---|"
    for need in found.needs:
        sure = f"{need.sure}, allowed before" if need.standing else need.sure
        yield f"| {need.src} | {need.dst} | {ports_text(need.ports, {})} | {_places(need.found)} | {sure} |"


def _places(found: Sequence[Place]) -> str:
    return "<br>".join(_cell(place_text(place)) for place in found)


def _cell(text: str) -> str:
    return f"`{text.replace('|', '/').replace('`', chr(39))}`"


def _questions(found: Lockdown) -> Iterator[str]:
    if found.questions:
        asked = together(found.questions)
        yield f"## Questions ({len(asked)})\n"
        yield "What the manifests leave open. `questions.yaml` beside this report has them to be filled in, and"
        yield "`questions-more.yaml` those that came later, to be copied over; give the first back with `--answers`."
        yield "Until then no policy is written for them.\n"
        for question in asked:
            yield f"- **{question.key}**: {question.asks}. {_places(question.found)}"
    if found.denied:
        yield "\nAnswered with no: " + ", ".join(found.denied)


def _unseen(found: Lockdown) -> Iterator[str]:
    if found.unseen:
        held: dict[str, list[Place]] = {}
        for one in found.unseen:
            held.setdefault(one.what, []).append(one.place)
        yield f"## Not seen ({len(held)})\n"
        yield "The claim is about every need that was found. What is in these was not read, and may need more:\n"
        yield from (f"- {what} {_places(places)}" for what, places in held.items())


def _beyond(found: Lockdown) -> Iterable[str]:
    if not found.surplus and not found.wide:
        return
    yield "## Open beyond the needs\n"
    for one in found.surplus:
        yield f"- {one.src} → {one.dst} {ports_text(one.ports, {})}, by {listed(one.by)}"
    if found.more_surplus:
        yield f"- and {found.more_surplus:,} more"
    for who, others in sorted(found.wide.items()):
        yield f"- no label tells {who} from {listed(others)}: its policy is for these as well"
