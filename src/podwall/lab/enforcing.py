"""The policies of a lab in its kernel: one set of rules on each node, and what they log of the packets they drop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from msgspec import Struct

from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.kernel import NftKernel
from podwall.dataplane.log import Logging
from podwall.dataplane.ruleset import Ruleset
from podwall.lab.loop import Handler
from podwall.lab.network import Network
from podwall.lab.plan import Plan, SeatKind
from podwall.lab.seated import Seated

__all__ = ["Denial", "Enforcement", "enforced", "table"]


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


class _Loaded:
    """Tables that are loaded."""

    watched: tuple[tuple[int, Handler], ...] = ()

    def denials(self) -> list[Denial]:
        return []


@contextmanager
def enforced(network: Network, plan: Plan, seated: Seated) -> Iterator[Enforcement]:
    """Puts the policies of the index into the kernel of every node, until the end of the block.

    Raises KernelError where a kernel refuses them.
    """
    for node in plan.nodes:
        kernel = NftKernel(lambda name=node.name: network.inside_node(name))  # type: ignore[misc]
        kernel.apply(Change(whole=table(plan, seated, node.name)))
    yield _Loaded()


def table(plan: Plan, seated: Seated, node: str) -> Ruleset:
    """The compiled table of one node; every denial is told of."""
    index = seated.index
    compiler = Compiler(node, index.profile, Options(_families(plan), Logging(rate=0)))
    for seat in plan.seats:
        if seat.kind is not SeatKind.EXTERNAL:
            compiler.put_namespace(seat.endpoint.namespace, index.labels_of(seat.endpoint.namespace))
            compiler.put_endpoint(seat.endpoint)
    for ref in sorted(index.policies):
        compiler.put_policy(index.policies[ref])
    compiler.flush()
    return compiler.ruleset()


def _families(plan: Plan) -> tuple[int, ...]:
    return tuple(sorted({6 if ":" in a else 4 for seat in plan.seats for a in seat.endpoint.addresses}))
