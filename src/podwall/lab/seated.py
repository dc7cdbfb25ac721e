"""What the engine says of a lab: its endpoints as they sit there, under the policies of the cluster. Pure.

The same index is what the rules of the nodes are compiled from, so prediction and kernel are about the same things.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from podwall.cluster.objects import namespace_labels
from podwall.engine.index import Index
from podwall.engine.judge import Judge
from podwall.engine.model import Model
from podwall.engine.verdict import End
from podwall.lab.plan import Plan, Seat, SeatKind

__all__ = ["Seated", "seated"]


class Seated(Struct, frozen=True):
    """The index over the seats' pods, verdicts on it, and the end that each seat is, by its name.

    Nodes and external addresses are ends, but not in the index, as everywhere in the engine.
    """

    index: Index
    judge: Judge
    ends: Mapping[str, End]


def seated(model: Model, plan: Plan) -> Seated:
    """The policies of a model over the endpoints of its plan."""
    index = Index(model.profile)
    for bucket in model.cluster.namespaces.values():
        index.put_namespace(bucket.name, bucket.labels)
    for ref in sorted(model.index.policies):
        index.put_policy(model.index.policies[ref])
    for seat in plan.seats:
        if _is_pod(seat):
            if seat.endpoint.namespace not in model.cluster.namespaces:  # of the DNS that is assumed
                index.put_namespace(seat.endpoint.namespace, namespace_labels(seat.endpoint.namespace, None))
            index.put_endpoint(seat.endpoint)
    return Seated(index, Judge(index), {seat.name: _end(index, seat) for seat in plan.seats})


def _is_pod(seat: Seat) -> bool:
    return seat.kind is not SeatKind.EXTERNAL and seat.endpoint.kind != "Node"


def _end(index: Index, seat: Seat) -> End:
    slot = index.slot(seat.endpoint) if _is_pod(seat) else -1
    return End(seat.name, seat.endpoint, slot, node=seat.node or None)
