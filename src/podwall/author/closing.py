"""What several recipes close: whole namespaces, in one direction or both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podwall.admission.names import dns_label
from podwall.author.compose import metadata, network_policy
from podwall.author.recipe import Claim, Draft, Policy
from podwall.cluster.wellknown import SYSTEM_NAMESPACES
from podwall.engine.rules import Direction
from podwall.errors import CannotWrite
from podwall.needs.party import Party

__all__ = ["directions", "left_out", "refuse_system", "shut"]

_WORDS = {
    (Direction.INGRESS,): ("default-deny-ingress", "Nobody reaches a pod of {} unless another policy allows it."),
    (Direction.EGRESS,): ("default-deny-egress", "No pod of {} reaches anybody unless another policy allows it."),
    (Direction.INGRESS, Direction.EGRESS): (
        "default-deny",
        "No pod of {} reaches anybody, or is reached by anybody, unless another policy allows it.",
    ),
}


def directions(word: str) -> tuple[Direction, ...]:
    """`ingress`, `egress` or `both`."""
    return (Direction.INGRESS, Direction.EGRESS) if word == "both" else (Direction(word),)


def refuse_system(namespace: str) -> None:
    """Raises CannotWrite for a namespace that the cluster itself runs in."""
    if namespace in SYSTEM_NAMESPACES:
        raise CannotWrite(
            f"{namespace}: a default deny there cuts off what the cluster itself runs on, as its DNS: protect single "
            "workloads of it instead (podwall new allow)"
        )


def left_out(given: Iterable[str]) -> frozenset[str]:
    """The namespaces that a policy for all of them spares: the system's, and those of --except. Raises CannotWrite."""
    names = [name for text in given for name in text.split(",")]
    for name in names:
        wrong = dns_label(name)
        if wrong:
            raise CannotWrite(f"--except {name!r}: not the name of a namespace: {wrong[0]}")
    return SYSTEM_NAMESPACES | frozenset(names)


def shut(party: Party, closed: Sequence[Direction]) -> Draft:
    """The default deny of a namespace."""
    name, says = _WORDS[tuple(closed)]
    item = network_policy(metadata(name, party.namespace), {}, closed, {})
    claims = tuple(Claim(direction, party) for direction in closed)
    return Draft((Policy(item, (says.format(party.namespace),)),), claims, sudden=False)
