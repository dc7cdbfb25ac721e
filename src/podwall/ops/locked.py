"""A lockdown → public: names, and the file and line of every place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podwall.author.lockdown import BRACKET_STAGE
from podwall.author.marks import BRACKET
from podwall.author.tightness import Surplus
from podwall.engine.sets import PortSet
from podwall.needs.met import Closed
from podwall.needs.need import Evidence, Need, Question
from podwall.needs.party import Party
from podwall.ops.inputs import Opened
from podwall.ops.locking import Locked
from podwall.ops.ports import public_ports
from podwall.report import public_lockdown as public
from podwall.report.public import Port, Ref
from podwall.text.where import field

__all__ = ["public_lockdown"]

_MOST_SURPLUS = 200


def public_lockdown(locked: Locked, command: str) -> public.Lockdown:
    """All that the report says."""
    places = _Places(locked)
    made, found = locked.plan, locked.settled.found
    standing = {id(side.need) for side in made.sides} - {id(side.need) for side in made.sides if not side.standing}
    surplus = locked.tightness.surplus
    return public.Lockdown(
        namespaces=list(made.scope.namespaces),
        workloads=len(made.scope.works),
        policies=sum(len(part.policies) for part in made.parts if part.stage != BRACKET_STAGE),
        pairs=locked.pairs,
        before=locked.before,
        after=locked.after,
        needed=locked.tightness.needed,
        open=locked.tightness.open,
        asked=locked.asked,
        needs=sorted(_needs(places, found.needs, standing), key=lambda n: (n.src, n.dst, n.ports[0].port)),
        closed=[_closed(one) for one in locked.closed],
        surplus=[_surplus(one) for one in surplus[:_MOST_SURPLUS]],
        more_surplus=max(len(surplus) - _MOST_SURPLUS, 0),
        questions=[places.question(one) for one in found.questions],
        denied=[question.key for question in locked.settled.denied],
        unseen=[public.Unseen(one.what, places[one.evidence]) for one in found.unseen],
        wide={name: list(others) for name, others in made.wide.items()},
        unwritten=made.unwritten,
        notes=[*made.notes, *_unused(locked.settled.unused)],
        brackets=list(_brackets(locked)),
        enforced=list(made.enforced),
        gone=[f"{namespace}/{name}" for namespace, name in locked.gone],
        others=[f"{namespace}/{name}".removeprefix("/") for namespace, name in locked.others],
        files=sorted(locked.texts),
        command=command,
    )


def _brackets(locked: Locked) -> Iterable[str]:
    """How each bracket is lifted: by its label, but by name where another workload may have one beside it."""
    for part in locked.plan.parts:
        if part.stage == BRACKET_STAGE:
            names = sorted(policy.object["metadata"]["name"] for policy in part.policies)
            one = locked.plan.scope.only is not None
            yield f"-n {part.policies[0].object['metadata']['namespace']} " + (
                " ".join(names) if one else f"-l {BRACKET}=true"
            )


class _Places:
    """Where everything was found; looked up together."""

    def __init__(self, locked: Locked) -> None:
        found = locked.settled.found
        self._opened: Opened = locked.opened
        every: Sequence[Evidence] = [
            *(e for need in found.needs for e in need.evidence),
            *(e for question in found.questions for e in question.evidence),
            *(one.evidence for one in found.unseen),
        ]
        self._opened.positions.prepare((e.origin, e.path) for e in every)

    def __getitem__(self, evidence: Evidence) -> public.Place:
        kind, namespace, name = evidence.about
        line = self._opened.positions.line(evidence.origin, evidence.path) or None
        ref = Ref(kind, namespace, name, None, evidence.origin.source, line)
        return public.Place(ref, field(evidence.path), evidence.says, line)

    def question(self, one: Question) -> public.Question:
        """A question with its places."""
        return public.Question(
            one.key, one.shared, one.asks, _ports(one.ports), list(one.drafted), [self[e] for e in sorted(one.evidence)]
        )


def _needs(places: _Places, needs: Iterable[Need], standing: set[int]) -> Iterable[public.Need]:
    held: dict[tuple[str, str, PortSet], list[Need]] = {}
    for need in needs:
        held.setdefault((_name(need.sources), _name(need.destinations), need.ports), []).append(need)
    for (src, dst, ports), alike in held.items():
        found = sorted({e for need in alike for e in need.evidence})
        sure = max(need.sureness for need in alike).name.lower()
        yield public.Need(
            src, dst, _ports(ports), sure, [places[e] for e in found], all(id(n) in standing for n in alike)
        )


def _name(party: Party) -> str:
    if party.anyone:
        return "everyone"
    if party.whole:
        return f"{party.namespace}/*"
    if party.cidrs and not party.endpoints:
        return party.listed
    return f"{party.namespace}/{party.name}" if party.namespace else party.name


def _ports(ports: PortSet) -> list[Port]:
    return [Port(*span) for span in ports.ranges()]


def _closed(one: Closed) -> public.Closed:
    port = Port(one.protocol, one.port, one.port)
    return public.Closed(one.src, one.dst, port, one.direction.value, list(one.by))


def _surplus(one: Surplus) -> public.Surplus:
    return public.Surplus(one.src, one.dst, public_ports(one.ports), list(one.by))


def _unused(words: Iterable[str]) -> list[str]:
    return [f"an answer is to no question: {one}" for one in words]
