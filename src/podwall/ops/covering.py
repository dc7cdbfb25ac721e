"""What assertions would notice: every edit of every policy, with where it is and what would notice it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from podwall.cluster.objects import name_of
from podwall.engine.policies.excepts import without_excepts
from podwall.engine.rules import PolicyRef
from podwall.expect.coverage import Checked, Coverage, Witness
from podwall.expect.ends import Ends
from podwall.expect.judge import Outcome
from podwall.expect.mutants import Edit, Mutant, mutants
from podwall.expect.suggest import suggestion
from podwall.expect.world import World
from podwall.ops.inputs import Opened
from podwall.ops.references import Refs
from podwall.report import public_testing as public
from podwall.report.public import Port
from podwall.report.selectors import term_text
from podwall.text.where import parse_field

__all__ = ["Judged", "covered", "percent"]


class Judged(Struct, frozen=True):
    """Assertions that were judged, and the cluster that they were judged on."""

    world: World
    ends: Ends
    outcomes: Sequence[Outcome]


def covered(opened: Opened, judged: Judged, minimum: float | None) -> public.Coverage:
    """All edits, in order of policy and place."""
    coverage = Coverage(judged.world, judged.outcomes)
    checked = [coverage.check(mutant) for mutant in _mutants(opened)]
    places = _Places(opened)
    places.prepare(one.mutant for one in checked if not one.noticed)
    counted = [one for one in checked if one.changes]
    noticed = sum(one.noticed for one in counted)
    return public.Coverage(
        percent=percent(noticed, len(counted)),
        mutants=len(counted),
        noticed=noticed,
        unnoticed=[_unnoticed(one, places, judged) for one in counted if not one.noticed],
        withoutEffect=[places.edit(one.mutant) for one in checked if not one.changes],
        minimum=minimum,
    )


def percent(noticed: int, edits: int) -> float:
    """To a tenth, rounded down: all of it is said only where that is true. Nothing to notice is all of it."""
    return noticed * 1000 // edits / 10 if edits else 100.0


def _mutants(opened: Opened) -> Iterator[Mutant]:
    """Those of every policy, in order of namespace and name, then of their rules."""
    model = opened.model
    objects = {
        PolicyRef("NetworkPolicy", bucket.name, name_of(policy.object.metadata)): policy.object
        for bucket in model.cluster.namespaces.values()
        for policy in bucket.policies
    }
    for ref in sorted(model.index.policies, key=lambda ref: (ref.namespace, ref.name, ref.kind)):
        policy = objects.get(ref)
        yield from mutants(model.index.policies[ref], without_excepts(policy) if policy is not None else ())


def _unnoticed(one: Checked, places: _Places, judged: Judged) -> public.Unnoticed:
    witness = one.witness
    if witness is None:
        raise LookupError("an edit that is not noticed has a pair that shows it")
    pair = _pair(witness)
    return public.Unnoticed(
        edit=places.edit(one.mutant),
        opens=pair if witness.opened else None,
        closes=None if witness.opened else pair,
        suggestion=suggestion(judged.world, judged.ends, witness),
    )


def _pair(witness: Witness) -> public.Pair:
    return public.Pair(witness.source, witness.destination, [Port(*span) for span in witness.ports.ranges()])


class _Places:
    """Where edits are."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._refs = Refs(opened)

    def prepare(self, found: Iterator[Mutant]) -> None:
        """Looks all lines up at once."""
        places = ((self._refs.origin(self._refs[m.rules.policy]), m) for m in found)
        self._opened.positions.prepare((o, parse_field(m.path)) for o, m in places if o is not None)

    def edit(self, mutant: Mutant) -> public.Edit:
        """An edit in its public form; its line is the rule's, or the policy's."""
        ref = self._refs[mutant.rules.policy]
        origin = self._refs.origin(ref)
        line = ref.line
        if origin is not None and mutant.edit not in (Edit.POLICY_REMOVED, Edit.SUBJECT_WIDENED):
            line = self._opened.positions.line(origin, parse_field(mutant.path)) or None
        dropped = term_text(mutant.term) if mutant.term is not None else mutant.excepted or None
        return public.Edit(ref, mutant.path, line, mutant.edit.value, _part(mutant), dropped)


def _part(mutant: Mutant) -> str | None:
    if mutant.edit is Edit.SUBJECT_WIDENED:
        return "subject" if not mutant.rules.policy.namespace else "podSelector"
    if mutant.peer is None:
        return None
    list_ = "to" if mutant.path.startswith("spec.egress") else "from"
    return f"{list_}[{mutant.peer}].{mutant.field}"
