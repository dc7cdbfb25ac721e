"""Every case of tests/cases on compiled tables in memory: what the case says, not what the engine says, comes out.

The tables are compiled once with every peer wide, and once with none.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.profile import PROFILES
from podwall.dataplane.compiler import Options
from podwall.engine.index import key_of
from podwall.engine.model import Model
from podwall.engine.questions import Question as Asked
from podwall.engine.verdict import Connection, End
from podwall.errors import UnknownReference
from tests.dataplane.world import Question, World
from tests.truth.cases import Case, Line, load_cases
from tests.truth.engine import as_json, known, read_text

CASES = [case for case in load_cases() if case.expect]
# Lines about two replicas of one workload, which is one endpoint here.
REPLICAS = {
    ("d05-a-service-asks-its-own-workload", "x/service/web -> x/web:80 deny"),
    ("d05-a-service-asks-its-own-workload", "x/web-0 -> x/web:80 deny"),
}


@pytest.mark.parametrize("case", CASES, ids=[case.file.stem for case in CASES])
def test_cases(case: Case) -> None:
    for options in (Options(wide=0), Options()):
        world = World(model_of(case), options, homes=("elsewhere",), host_home="far")
        lines = [line for line in case.expect if (case.file.stem, line.text) not in REPLICAS]
        assert [text for line in lines for text in faults(world, line)] == []


def model_of(case: Case) -> Model:
    """The objects of a case through the product's own reader."""
    channel = case.channel or PROFILES[case.cni].channel
    given = read_text(as_json(case.objects), "input.json", case.namespace, channel=channel, admitted=case.admitted)
    return Model(given.assembled.cluster, PROFILES[case.cni], case.pod_cidrs, case.namespace, known(case.resolutions))


def faults(world: World, line: Line) -> Iterator[str]:
    """A line that the tables answer differently, as a connection and as packets that are not tracked."""
    if line.want == "error" or line.port is None:
        return
    asked = Asked(line.src, line.dst, line.port, line.protocol.upper(), line.family)
    try:
        found = world.model.questions.connections(asked).connections
    except UnknownReference as error:
        yield f"{line.text}: {error}"
        return
    questions = [one for connection in found for one in on_the_wire(world, connection)]
    for state in ("new", "untracked") if questions else ():
        passes = all(fate.accepted for one in questions for fate in world.fates(one, state))
        if passes is not (line.want == "allow"):
            yield f"{line.text}: {'passes' if passes else 'is dropped'} as {state}"


def on_the_wire(world: World, connection: Connection) -> Iterator[Question]:
    """The packets of a connection: everyone that an end stands for; none from a pod to itself (N19), nor to a name."""
    for source in members(world, connection.source):
        for destination in members(world, connection.destination):
            if key_of(source) != key_of(destination) and destination.kind != "Domain":
                yield Question(source, destination, connection.protocol, connection.port, connection.family)


def members(world: World, end: End) -> Iterator[Endpoint]:
    placed = {key_of(endpoint): endpoint for endpoint in world.endpoints}
    for member in end.members or (end.member,):
        yield placed.get(key_of(member), member)
