"""Peers without those that add nothing: one is left out where the others cover all pods that it could ever select."""

from __future__ import annotations

from collections.abc import Iterable

from podwall.engine.boxes import PodBox, TooManyBoxes, gap, pod_box
from podwall.engine.labels import Order
from podwall.engine.rules import InNamespace, Pods

__all__ = ["covered", "reduce"]


def covered(peer: Pods, by: Iterable[Pods]) -> bool:
    """Whether every pod that `peer` could select is one that some of `by` selects. Raises TooManyBoxes."""
    return gap(pod_box(peer), sorted(map(pod_box, by), key=PodBox.order)) is None


def reduce(peers: Iterable[Pods]) -> tuple[Pods, ...]:
    """The peers, the widest first, without those that the rest of them cover: none of what is left can be spared.

    Together they select the same pods as before, always. The narrowest is left out first, so that no peer stays that
    one other contains; of two that select the same, the one that names its namespace stays. The order of `peers` does
    not matter. Where a peer cannot be compared with the rest (TooManyBoxes), it stays.
    """
    kept = sorted(((peer, pod_box(peer)) for peer in set(peers)), key=_order)
    for n in reversed(range(len(kept))):
        if _spared(kept[n][1], [box for m, (_, box) in enumerate(kept) if m != n]):
            del kept[n]
    return tuple(peer for peer, _ in kept)


def _spared(box: PodBox, others: Iterable[PodBox]) -> bool:
    try:
        return gap(box, others) is None
    except TooManyBoxes:
        return False


def _order(item: tuple[Pods, PodBox]) -> tuple[Order, tuple[object, ...]]:
    peer, box = item
    return box.order(), () if isinstance(peer.scope, InNamespace) else peer.scope.selector.order()
