"""The policies of a lab in its kernel: one set of rules on each node, and what they log of the packets they drop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from msgspec import Struct

from podwall.errors import LabUnavailable
from podwall.lab.loop import Handler
from podwall.lab.network import Network
from podwall.lab.plan import Plan
from podwall.lab.seated import Seated

__all__ = ["Denial", "Enforcement", "enforced"]


class Denial(Struct, frozen=True, gc=False):
    """A packet that a node's rules dropped: its addresses and port after DNAT, and the line that the kernel logged."""

    node: str
    source: str
    destination: str
    protocol: str
    port: int
    line: str


class Enforcement(Protocol):
    """Policies that are in the kernel."""

    @property
    def watched(self) -> tuple[tuple[int, Handler], ...]:
        """The sockets that log lines come in by, each with what reads it, for the loop of the probes."""
        ...

    def denials(self) -> list[Denial]:
        """What was read so far."""
        ...


class _Nothing:
    """No policies, so no rules."""

    watched: tuple[tuple[int, Handler], ...] = ()

    def denials(self) -> list[Denial]:
        return []


@contextmanager
def enforced(network: Network, plan: Plan, seated: Seated) -> Iterator[Enforcement]:
    """Puts the policies of the index into the kernel of every node, until the end of the block.

    Raises LabUnavailable where that cannot be.
    """
    if seated.index.policies:
        raise LabUnavailable(f"policies cannot be put into the {len(plan.nodes)} kernels of {network}")
    yield _Nothing()
