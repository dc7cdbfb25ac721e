"""The policies of a lab in its kernel: one set of rules on each node, and what they log of the packets they drop."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from msgspec import Struct

from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.kernel import NftKernel
from podwall.dataplane.log import Logging
from podwall.dataplane.nflog import Logged, Reader
from podwall.dataplane.ruleset import PROTOCOL_NUMBERS, Ruleset
from podwall.lab.loop import Handler
from podwall.lab.network import Network
from podwall.lab.plan import Plan, SeatKind
from podwall.lab.seated import Seated

__all__ = ["Denial", "Enforcement", "enforced", "table"]


_MOST = 200_000  # denials that are kept of one node
_PROTOCOLS = {number: name for name, number in PROTOCOL_NUMBERS.items()}


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


class _Node:
    """One node's table, and the reader of what it logs."""

    def __init__(self, network: Network, name: str, rules: Ruleset) -> None:
        self._name = name
        self._groups = rules.groups
        self._kernel = NftKernel(lambda: network.inside_node(name))
        self._kernel.apply(Change(whole=rules))
        self.reader = Reader(Logging().group, lambda: network.inside_node(name))
        self.denials: list[Denial] = []

    def read(self, _: int = 0) -> None:
        """Takes in what is there."""
        for logged in self.reader.read(0):
            packet = logged.packet
            if packet is not None and len(self.denials) < _MOST:
                source, destination = (str(ipaddress.ip_address(a)) for a in (packet.source, packet.destination))
                protocol = _PROTOCOLS.get(packet.protocol, str(packet.protocol))
                line = self._meant(logged)
                self.denials.append(Denial(self._name, source, destination, protocol, packet.destination_port, line))

    def _meant(self, logged: Logged) -> str:
        """The line, with the policies that its group stands for."""
        group = self._groups.get(logged.prefix.group) if logged.prefix else None
        if group is None:
            return logged.text
        names = (f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name for ref in group.policies)
        return f"{logged.text} ({group.direction.value}: {', '.join(names)})"

    def close(self) -> None:
        """Frees the sockets."""
        self.reader.close()
        self._kernel.close()


class _Loaded:
    """The tables of all nodes."""

    def __init__(self, nodes: list[_Node]) -> None:
        self._nodes = nodes
        self.watched = tuple((node.reader.fileno(), node.read) for node in nodes)

    def denials(self) -> list[Denial]:
        for node in self._nodes:
            node.read()
        return [denial for node in self._nodes for denial in node.denials]


@contextmanager
def enforced(network: Network, plan: Plan, seated: Seated) -> Iterator[Enforcement]:
    """Puts the policies of the index into the kernel of every node, until the end of the block.

    Raises KernelError where a kernel refuses them.
    """
    with ExitStack() as stack:
        nodes: list[_Node] = []
        for node in plan.nodes:
            nodes.append(_Node(network, node.name, table(plan, seated, node.name)))
            stack.callback(nodes[-1].close)
        yield _Loaded(nodes)


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
    return tuple(sorted({6 if ":" in a else 4 for seat in plan.seats for a in seat.endpoint.addresses})) or (4,)
