"""Every case of tests/cases with real packets: what the case says, not what the engine says, is what has to be seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import msgspec
import pytest

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.hosts import external
from podwall.cluster.profile import PROFILES
from podwall.engine.index import key_of
from podwall.engine.model import Model
from podwall.engine.questions import Question
from podwall.engine.verdict import Connection, End
from podwall.errors import InputError
from podwall.lab.asking import Asker
from podwall.lab.hosting import family_of
from podwall.lab.plan import Plan, Seat, SeatKind
from podwall.lab.planning import LabOptions, plan_of
from podwall.lab.probe import Outcome, Probe, Seen, Target
from podwall.lab.seated import seated
from podwall.lab.session import Extras, Lab, probed
from podwall.lab.spaces import enclosed
from tests.lab.conftest import possible
from tests.truth.cases import Case, Line, load_cases
from tests.truth.engine import as_json, known, read_text

# Lines that no lab can be about, and why: every other line is asked of the kernel.
_NODELESS = "a pod on no node: in a lab everyone is on one, and its own node may always come in"
NOT_SEATED = {
    ("c08-networks-in-every-profile", "node/n1 -> x/api:80 deny"): _NODELESS,
    ("d05-a-service-asks-its-own-workload", "x/service/web -> x/web:80 deny"): "a replica that is not in the input",
    ("d05-a-service-asks-its-own-workload", "x/web-0 -> x/web:80 deny"): "a replica that is not in the input",
}
TRANSLATED = {("d19-service-before-node", "x/web -> node/n1:80 deny")}  # every packet to this address is the Service's
CASES = [case for case in load_cases() if any(line.want != "error" for line in case.expect)]


@pytest.fixture(scope="module", autouse=True)
def _kernel() -> None:
    if reason := possible(enclosed):
        pytest.skip(reason)


def model_of(case: Case) -> Model:
    """The objects of a case through the product's own reader."""
    channel = case.channel or PROFILES[case.cni].channel
    given = read_text(as_json(case.objects), "input.json", case.namespace, channel=channel, admitted=case.admitted)
    return Model(given.assembled.cluster, PROFILES[case.cni], case.pod_cidrs, case.namespace, known(case.resolutions))


class World:
    """A case as it is brought up, with every address outside that a line names.

    Where nodes matter and the case does not say who is on which, the number of nodes is one that fits it.
    """

    def __init__(self, case: Case, nodes: int, replicas: int) -> None:
        self.model = model_of(case)
        self.lines = [line for line in case.expect if line.want != "error"]
        self.asked = {line.text: self.connections(line) for line in self.lines}
        plan = plan_of(self.model, LabOptions(nodes=nodes, replicas=replicas))
        seats = {seat.name: seat for seat in plan.seats}
        for seat in (seat for connections in self.asked.values() for seat in outside(connections)):
            seats.setdefault(seat.name, seat)
        self.plan = msgspec.structs.replace(plan, seats=tuple(seats.values()))
        self.seated = seated(self.model, self.plan)
        probes = [
            (line, probe)
            for line in self.lines
            for one in self.asked[line.text]
            if (probe := probe_of(self.plan, one, want=line.want == "allow")) is not None
        ]
        self.sent = probes

    def connections(self, line: Line) -> Sequence[Connection]:
        """What has to be allowed for the line to be."""
        protocol = line.protocol.upper()
        asked = Question(src=line.src, dst=line.dst, port=line.port or 0, protocol=protocol, family=line.family)
        return self.model.questions.connections(asked).connections

    def unfit(self) -> set[str]:
        """The lines that are about something else here: the engine says of these seats what the case does not."""
        asker = Asker(self.plan, self.seated)
        said: dict[str, list[bool]] = {line.text: [] for line in self.lines}
        for line, probe in self.sent:
            verdict = self.seated.judge.verdict(asker.connection(probe, probe.targets[0]))
            said[line.text].append(verdict.allowed)
        return {line.text for line in self.lines if all(said[line.text]) is not (line.want == "allow")}


def world_of(case: Case) -> World:
    """The case, brought up in the way that fits it best."""
    worlds = []
    for replicas, nodes in product((2, 1), (2, 3, 4, 1)):
        try:
            worlds.append(World(case, nodes, replicas))
        except InputError:  # its Pod CIDR has no room for replicas
            continue
        if not worlds[-1].unfit():
            break
    return min(worlds, key=lambda world: len(world.unfit()))


def seats_of(plan: Plan, end: End) -> list[Seat]:
    """The seats that an end may be, those of its own first."""
    keys = {key_of(member) for member in (end.members or (end.member,))}
    exact = [seat for seat in plan.seats if key_of(seat.endpoint) in keys]
    named = [seat for seat in plan.seats if seat.stands_for == stands_for(end.member)]
    return list({seat.name: seat for seat in (*exact, *named)}.values())


def stands_for(endpoint: Endpoint) -> str:
    if endpoint.kind == "Node":
        return f"node/{endpoint.name}"
    return endpoint.addresses[0] if endpoint.kind == "External" else f"{endpoint.namespace}/{endpoint.name}"


def outside(connections: Sequence[Connection]) -> Iterator[Seat]:
    for end in (end for c in connections for end in (c.source, c.destination)):
        if end.member.kind == "External":
            for address in end.member.addresses:
                yield Seat(address, address, SeatKind.EXTERNAL, external(address), "")


def probe_of(plan: Plan, asked: Connection, *, want: bool) -> Probe | None:
    """One connection as a probe; None for one between ends that a lab cannot have."""
    sources, destinations = seats_of(plan, asked.source), seats_of(plan, asked.destination)
    itself = key_of(asked.source.member) == key_of(asked.destination.member) and not asked.source.many
    pairs = [(one, two) for one in sources for two in destinations if (one.name == two.name) is itself]
    for one, two in pairs:
        sender, address = at(one.endpoint, asked.family), at(two.endpoint, asked.family)
        dialed = (address, asked.port)
        if asked.hairpin and itself:
            dialed = next(
                (t.address, t.port)
                for t in plan.translations
                if t.targets == ((address, asked.port),) and t.protocol == asked.protocol
            )
        target = Target(two.name, address, asked.port, want)
        return Probe(
            one.name, sender, two.name, *dialed[:1], asked.protocol, dialed[1], asked.family, (target,), asked.hairpin
        )
    return None


def nameless(world: World) -> set[str]:
    """The lines about domain names that have no address: nothing can be sent to them."""
    return {text for text, asked in world.asked.items() for c in asked if c.destination.member.kind == "Domain"}


def at(endpoint: Endpoint, family: int) -> str:
    return next(a for a in endpoint.addresses if family_of(a) == family)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file.stem)
def test_case(case: Case) -> None:
    world = world_of(case)
    named = {text for stem, text in NOT_SEATED if stem == case.file.stem}
    assert world.unfit() - nameless(world) == named
    left_out = {*named, *nameless(world), *(text for stem, text in TRANSLATED if stem == case.file.stem)}
    sent = [(line, probe) for line, probe in world.sent if line.text not in left_out]
    if not sent:
        pytest.skip("none of its lines can be brought up")
    ran = probed(Lab(world.plan, world.seated), [probe for _, probe in sent], Extras(), lambda _: None)
    seen: dict[str, list[Outcome]] = {}
    for (line, _), outcome in zip(sent, ran.outcomes, strict=True):
        seen.setdefault(line.text, []).append(outcome)
    got = {text: "allow" if all(o.seen is Seen.ALLOW for o in outcomes) else "deny" for text, outcomes in seen.items()}
    assert got == {line.text: line.want for line in world.lines if line.text not in left_out}
