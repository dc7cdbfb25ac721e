"""Whether rules change anything, decided over all pods that there could be: by containment of what they name.

A rule is covered if each of its ports, for each of its peers, is allowed to all of its subjects by other rules.
Subjects are compared rule by rule, so a cover put together from several subjects is not seen: what is said here is
true, but it is not all that could be said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.engine.boxes import PodBox, gap, pod_box
from podwall.engine.rules import AnyPeer, AnyPort, Block, NamedPort, Peer, Pods, PortRange, Rule
from podwall.engine.sets import ALL_PORTS, NO_ADDRESSES, NO_PORTS, PortSet, cut

__all__ = ["covering", "numbers"]


def covering(rule: Rule, others: Sequence[Rule]) -> tuple[Rule, ...] | None:
    """Those of the others that cover a rule together, in their order; None if they do not. Raises TooManyBoxes.

    The others are of the same direction, and their subjects hold the rule's.
    """
    used: dict[int, Rule] = {}
    for allowing in _coverers(rule, others):
        found = _peers(rule.peers, allowing)
        if found is None:
            return None
        used |= {id(other): other for other in found}
    return tuple(other for other in others if id(other) in used)


def numbers(rule: Rule) -> PortSet:
    """The ports that a rule names by number, or by naming none."""
    found = NO_PORTS
    for term in rule.ports:
        if isinstance(term, AnyPort):
            return ALL_PORTS
        if isinstance(term, PortRange):
            found |= PortSet.of(term.protocol, term.first, term.last)
    return found


def _coverers(rule: Rule, others: Sequence[Rule]) -> Iterator[list[Rule]]:
    """For each piece of the rule's ports, and each of its names, the others that have it."""
    sets = [numbers(other) for other in others]
    own = numbers(rule)
    for piece in cut([*sets, own]):
        if piece <= own:
            yield [other for other, ports in zip(others, sets, strict=True) if piece <= ports]
    for term in rule.ports:
        if isinstance(term, NamedPort):
            whole = ALL_PORTS if not term.protocol else PortSet.of(term.protocol, 1, 65535)
            yield [o for o, ports in zip(others, sets, strict=True) if term in o.ports or whole <= ports]


def _peers(peers: Sequence[Peer], others: Sequence[Rule]) -> list[Rule] | None:
    """The others, as far as needed, whose peers hold all of these."""
    everyone = next((o for o in others if any(isinstance(p, AnyPeer) for p in o.peers)), None)
    if everyone is not None:
        return [everyone]
    found: list[Rule] = []
    for peer in peers:
        match peer:
            case Pods():
                part = _pods(pod_box(peer), others)
            case Block():
                part = _block(peer, others)
            case _:
                part = [o for o in others if peer in o.peers][:1]
        if not part:
            return None
        found += part
    return found


def _pods(box: PodBox, others: Sequence[Rule]) -> list[Rule]:
    """One rule that holds the box if there is one, else all that share in it; none if they do not hold it."""
    boxes = [(o, b) for o in others for p in o.peers if isinstance(p, Pods) and (b := pod_box(p)).overlaps(box)]
    for other, wider in boxes:
        if box <= wider:
            return [other]
    return [] if gap(box, [b for _, b in boxes]) is not None else [o for o, _ in boxes]


def _block(block: Block, others: Sequence[Rule]) -> list[Rule]:
    sharing = [
        (o, p.addresses)
        for o in others
        for p in o.peers
        if isinstance(p, Block) and p.everywhere >= block.everywhere and p.addresses.overlaps(block.addresses)
    ]
    held = NO_ADDRESSES
    for _, addresses in sharing:
        held |= addresses
    return [o for o, _ in sharing] if block.addresses <= held else []
