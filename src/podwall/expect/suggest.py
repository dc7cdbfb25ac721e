"""An assertion that would notice what none does: made from a pair that an edit opens or closes."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.engine.rules import PortRange
from podwall.engine.sets import PortSet
from podwall.expect.coverage import Witness
from podwall.expect.ends import Ends
from podwall.expect.expectation import Expectation, Set, Spec, short_text
from podwall.expect.grammar import read_end
from podwall.expect.judge import judge, prepared
from podwall.expect.world import World

__all__ = ["suggestion"]

# Ports that people know, to stand for many.
_FAMILIAR = (("TCP", 443), ("TCP", 80), ("TCP", 22), ("UDP", 53))


def suggestion(world: World, ends: Ends, witness: Witness) -> str | None:
    """An assertion that holds now and would not after the edit; None where names cannot say it."""
    port = PortRange(*_port(world, witness))
    for source in _ends_of(witness, 0):
        for destination in _ends_of(witness, 1):
            verdict = "deny" if witness.opened else "allow"
            text = short_text(source, destination, (port,), verdict)
            asked = Expectation(text, source, destination, (port,), allow=not witness.opened)
            found = prepared(ends, asked)
            if world.knows(found.nodes) and judge(world, found).holds:
                return text
    return None


def _ends_of(witness: Witness, side: int) -> Iterator[Spec]:
    """An end as it may be written, the widest first."""
    outside = witness.outside[side]
    if outside and witness.opened:
        yield Set("internet")
    name = (witness.source, witness.destination)[side]
    yield read_end(name, "", lambda _: None)


def _port(world: World, witness: Witness) -> tuple[str, int, int]:
    """One of the ports: of the destination's own if there is one, else one that people know."""
    own = world.endpoints[witness.number].ports if witness.number >= 0 else ()
    known = [*((port.protocol, port.number) for port in own), *_FAMILIAR]
    protocol, number = next((port for port in known if port in witness.ports), _first(witness.ports))
    return protocol, number, number


def _first(ports: PortSet) -> tuple[str, int]:
    protocol, first, _ = next(ports.ranges())
    return protocol, first
