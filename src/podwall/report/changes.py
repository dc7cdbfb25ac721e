"""Changes as text: what to run or to apply, and what else it does."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from msgspec import UNSET, to_builtins

from podwall.report.public_explanation import Change, Edit, Effects, Explanation, PolicyPatch
from podwall.report.wording import counted, place, ports_text, wrapped
from podwall.text.where import parse_field
from podwall.text.write import yaml_text

__all__ = ["REFUSALS", "changes_text", "effect_text"]

_MOST_EFFECTS = 6
REFUSALS = {
    "admin tier": "the Admin tier decides before every NetworkPolicy",
    "ipBlocks": "ipBlocks do not match what is in the cluster, in this profile",
    "loopback": "a pod always reaches itself",
    "not a pod": "policies decide about pods only, and this end is none",
    "own node": "a pod's own node is always let in",
    "nothing found": "no change of a NetworkPolicy was found that does it",
}


def changes_text(answer: Explanation) -> Iterator[str]:
    """The best change, and how many others there are; where there is none, why."""
    aim = "deny" if answer.verdict == "allow" and not isinstance(answer.backends, list) else "allow"
    what = answer.changesFor if isinstance(answer.changesFor, str) else "IT"
    if answer.changes:
        best = answer.changes[0]
        yield ""
        yield from wrapped(f"TO {aim.upper()} {what}: {best.title}", "  ")
        for patch in best.patches:
            yield from _patch(patch)
        yield from _effects("opens", best.opens)
        yield from _effects("closes", best.closes)
        if not best.opens.connections and not best.closes.connections:
            effect = effect_text(best)
            yield from wrapped(f"  {'' if effect.startswith('not') else 'This '}{effect}.", "    ")
        if len(answer.changes) > 1:
            yield f"  {counted(len(answer.changes) - 1, 'other change')}: -o json"
    elif answer.refused and answer.verdict == "deny":
        yield ""
        for refusal in answer.refused:
            yield from wrapped(f"No change of {refusal.direction} can {aim} it: {REFUSALS[refusal.reason]}.", "  ")


def effect_text(change: Change) -> str:
    """All else that a change does, in numbers: `opens 1 other connection and closes 2`."""
    if isinstance(change.notComputed, str):
        return f"not computed: {change.notComputed}"
    parts = []
    for word, effects in (("opens", change.opens), ("closes", change.closes)):
        number = len(effects.connections) + effects.more
        if number:
            parts.append(f"{word} {counted(number, 'other connection')}")
    return f"also {' and '.join(parts)}" if parts else "opens and closes nothing else"


def _patch(patch: PolicyPatch) -> Iterator[str]:
    """As a person would edit it, and as a command; what is to be copied is never wrapped."""
    if isinstance(patch.operations, list) and isinstance(patch.edits, list):
        for edit in patch.edits:
            yield from _edit(patch, edit)
        steps = json.dumps(to_builtins(patch.operations), ensure_ascii=False)
        yield f"  kubectl patch networkpolicy {patch.name} -n {patch.namespace} --type=json -p {shlex.quote(steps)}"
    else:
        yield "---"
        yield from yaml_text(patch.object).splitlines()


def _edit(patch: PolicyPatch, edit: Edit) -> Iterator[str]:
    at = f"{place(patch.policy, edit.line)}  " if patch.policy is not None else ""
    yield from wrapped(f"  {at}{edit.field}", "    ")
    for sign, value in (("-", edit.old), ("+", edit.new)):
        if value is not UNSET:
            yield from (f"    {sign} {line}" for line in yaml_text(_shown(edit.field, value)).splitlines())


def _shown(field: str, value: object) -> object:
    """An entry of a list as one, another field with its name."""
    last = parse_field(field)[-1]
    return [value] if isinstance(last, int) else {last: value}


def _effects(word: str, effects: Effects) -> Iterator[str]:
    if effects.connections:
        yield f"  It also {word}"
    for pair in effects.connections[:_MOST_EFFECTS]:
        yield from wrapped(f"    {pair.src} -> {pair.dst}  {ports_text(pair.ports, {})}", "      ")
    more = len(effects.connections) - _MOST_EFFECTS + effects.more
    if more > 0:
        yield f"    and {more:,} more: -o json"
