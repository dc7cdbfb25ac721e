"""Needs of pods that nobody can point at: on their hosts' network, and the input does not say on which nodes.

No rule can name them, and no verdict be asked about them: they are no needs, but questions where they come from.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from podwall.cluster.endpoints import Endpoint
from podwall.engine.rules import Direction
from podwall.needs.need import Found, Need, Question
from podwall.needs.party import Party

__all__ = ["asked_about"]

_WHY = "is on the network of its nodes, and the input does not say which nodes these are"
_MOST_DRAFTED = 8


def asked_about(found: Found, nodes: Iterable[Endpoint]) -> Found:
    """What was found with those needs as questions to whoever they reach; what is no pod is reached by them anyway.

    The nodes that there are, unless these are many, are a draft of the answer.
    """
    names = sorted({f"node/{node.node}" for node in nodes})
    drafted = tuple(names) if len(names) <= _MOST_DRAFTED else ()
    needs, questions = [], list(found.questions)
    for need in found.needs:
        if not _is_nobody(need.sources):
            needs.append(need)
        elif need.destinations.endpoints:
            questions.append(_question(need, drafted))
    return structs.replace(found, needs=tuple(needs), questions=tuple(questions))


def _is_nobody(party: Party) -> bool:
    return not (party.endpoints or party.cidrs or party.whole or party.everywhere or party.outside or party.anyone)


def _question(need: Need, drafted: tuple[str, ...]) -> Question:
    who = f"{need.sources.namespace}/{need.sources.name}"
    return Question(need.destinations, Direction.INGRESS, who, need.ports, f"{who} {_WHY}", need.evidence, drafted)
