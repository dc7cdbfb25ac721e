"""Changes as text: what to run or to apply, and what else it does."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from msgspec import to_builtins

from podwall.report.public_explanation import Change, Effects, PolicyPatch, Refusal
from podwall.report.wording import counted, place, ports_text, wrapped
from podwall.text.write import yaml_text

__all__ = ["changes_text"]

_MOST_EFFECTS = 6
_REFUSALS = {
    "admin tier": "the Admin tier decides before every NetworkPolicy",
    "ipBlocks": "ipBlocks do not match what is in the cluster, in this profile",
    "loopback": "a pod always reaches itself",
    "not a pod": "policies decide about pods only, and this end is none",
    "own node": "a pod's own node is always let in",
    "nothing found": "no change of a NetworkPolicy was found that does it",
}


def changes_text(verdict: str, changes: Sequence[Change], refused: Sequence[Refusal]) -> Iterator[str]:
    """The smallest change of all, and how many others there are; where there is none, why."""
    aim = "deny" if verdict == "allow" else "allow"
    if changes:
        yield ""
        yield from wrapped(f"TO {aim.upper()} IT: {changes[0].title}", "  ")
        for patch in changes[0].patches:
            yield from _patch(patch)
        yield from _effects("opens", changes[0].opens)
        yield from _effects("closes", changes[0].closes)
        if not changes[0].opens.connections and not changes[0].closes.connections:
            yield "  This opens and closes nothing else."
        if len(changes) > 1:
            yield f"  {counted(len(changes) - 1, 'other change')}: -o json"
    elif refused and verdict == "deny":
        yield ""
        for refusal in refused:
            yield from wrapped(f"No change of {refusal.direction} can {aim} it: {_REFUSALS[refusal.reason]}.", "  ")


def _patch(patch: PolicyPatch) -> Iterator[str]:
    """Never wrapped, to be copied."""
    if isinstance(patch.operations, list):
        if patch.policy is not None:
            yield from wrapped(f"  {place(patch.policy, patch.policy.line)}", "    ")
        steps = json.dumps(to_builtins(patch.operations), ensure_ascii=False)
        yield f"  kubectl patch networkpolicy {patch.name} -n {patch.namespace} --type=json -p {shlex.quote(steps)}"
    else:
        for line in yaml_text(patch.object).splitlines():
            yield f"    {line}"


def _effects(word: str, effects: Effects) -> Iterator[str]:
    if effects.connections:
        yield f"  It also {word}"
    for pair in effects.connections[:_MOST_EFFECTS]:
        yield from wrapped(f"    {pair.src} -> {pair.dst}  {ports_text(pair.ports, {})}", "      ")
    more = len(effects.connections) - _MOST_EFFECTS + effects.more
    if more > 0:
        yield f"    and {more:,} more: -o json"
