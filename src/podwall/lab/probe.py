"""One probe as a value: who sends what where, who may answer it, and what was seen.

A probe of a Service has a target for each endpoint behind it. Which of them the kernel takes is its own choice, so the
answer is held against the verdict on whoever gave it: an answer from a denied endpoint is a difference, and so is
silence where every endpoint is allowed. Silence where some are denied is not, nor is an answer of one that is allowed.
"""

from __future__ import annotations

import enum

from msgspec import Struct

__all__ = ["FAMILIES", "Outcome", "Place", "Probe", "Seen", "Target", "place_of"]

FAMILIES = (4, 6)


class Seen(enum.Enum):
    """What came of a probe. Every way but an answer says that nothing came through; only silence is a drop."""

    ALLOW = "allow"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    ERROR = "error"


class Place(Struct, frozen=True, order=True, gc=False):
    """Where a listener stands; `seat` is one of those that share its namespace."""

    seat: str
    protocol: str
    port: int
    family: int


class Target(Struct, frozen=True, gc=False):
    """An endpoint that a probe may come to, after DNAT; `seat` is "" for an address that is nobody's in the lab."""

    seat: str
    address: str
    port: int
    allowed: bool


class Probe(Struct, frozen=True, gc=False):
    """`source` and `destination` are names of seats; that of a Service is `ns/service/name`.

    `address` and `port` are what is dialed; `sender` is the source's own address. `hairpin` as in Connection.
    """

    source: str
    sender: str
    destination: str
    address: str
    protocol: str
    port: int
    family: int
    targets: tuple[Target, ...]
    hairpin: bool = False

    @property
    def allowed(self) -> bool:
        """What is predicted: a Service is allowed only if all that is behind it is (D7)."""
        return all(target.allowed for target in self.targets)


class Outcome(Struct, frozen=True, gc=False):
    """What was seen. `by` is the address and port that answered, ("", 0) where whoever it is did not say.

    `note` says what was wrong where that is not told by `seen`.
    """

    seen: Seen
    by: tuple[str, int] = ("", 0)
    note: str = ""

    def agrees(self, probe: Probe) -> bool:
        """Whether it can be so if the engine is right. Whoever is not in the lab does not answer."""
        if self.seen is not Seen.ALLOW and not all(target.seat for target in probe.targets):
            return True
        if self.seen is Seen.TIMEOUT:
            return not probe.allowed
        if self.seen is not Seen.ALLOW:
            return False
        return any(t.allowed for t in probe.targets if not self.by[0] or (t.address, t.port) == self.by)


def place_of(probe: Probe, target: Target) -> Place:
    """The listener that the target of a probe has."""
    return Place(target.seat, probe.protocol, target.port, probe.family)
