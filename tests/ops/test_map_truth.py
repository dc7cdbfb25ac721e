"""The map is the verdict: on random clusters every pair, at every port where what a rule says can begin or end.

That verdicts are true is the oracle's to say (tests/engine/test_random.py). Reasons are the evidence of the verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from podwall.cluster.hosts import domain, external
from podwall.engine.connections import edges, externals_of
from podwall.engine.references import group_end
from podwall.engine.rules import Direction, Rule
from podwall.engine.sets import NO_PORTS, PROTOCOLS
from podwall.engine.verdict import Connection as Asked
from podwall.engine.verdict import End, Side, Verdict
from podwall.ops.inputs import Inputs, Opened, open_cluster
from podwall.ops.mapping import make_map
from podwall.report.public import Map, Port
from tests.truth.compare import boundaries, trial
from tests.truth.engine import as_json

SEEDS = range(40)
Open = dict[tuple[str, str], list[Port]]


def ends_of(cluster: Opened) -> list[End]:
    """Every group without its node (D4), and one address of each family of each external set."""
    model = cluster.model
    groups = [group_end(group) for group in model.groups(model.reach)]
    found = [End(e.name, e.member, e.slot, e.many, None, e.members) for e in groups]
    for cell in externals_of(model.reach):
        for family in (4, 6):
            part = cell.addresses.family(family)
            if part:
                found.append(End(cell.name, external(part.cidrs()[0].partition("/")[0])))
        if cell.domains:
            found.append(End(cell.name, domain(cell.name)))
    return found


def families(end: End) -> frozenset[int]:
    return end.families


def is_pair(source: End, destination: End) -> bool:
    """Two external ends are nobody's, and names are no sources; an end with itself are two of its replicas (D5)."""
    if source.member.kind == "Domain" or source.member.kind == destination.member.kind == "External":
        return False
    if source.member.kind == "External" and destination.member.kind == "Domain":
        return False
    return source.name != destination.name or source.many


def opened(folder: Path, seed: int) -> tuple[Opened, list[int]]:
    found = trial(seed, (3, 4, 1, 0))
    path = folder / "cluster.json"
    path.write_bytes(as_json(found.objects))
    return open_cluster(Inputs((str(path),), cni=found.cni)), sorted({*boundaries(found.objects)})


def questions(cluster: Opened, numbers: list[int]) -> Iterator[tuple[Asked, Verdict]]:
    ends = ends_of(cluster)
    for source in ends:
        for destination in ends:
            if is_pair(source, destination):
                for family in families(source) & families(destination):
                    for protocol in PROTOCOLS:
                        for number in numbers:
                            asked = Asked(source, destination, protocol, number, family)
                            yield asked, cluster.model.judge.verdict(asked)


BOTH = Port("TCP", 1, 1).family


def is_open(ports: list[Port], asked: Asked) -> bool:
    return any(
        port.protocol == asked.protocol
        and port.port <= asked.port <= port.endPort
        and port.family in (asked.family, BOTH)
        for port in ports
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_every_pair_and_port_is_as_its_verdict(seed: int, tmp_path: Path) -> None:
    cluster, numbers = opened(tmp_path, seed)
    drawn: Map = make_map(cluster)
    ports: Open = {(c.src, c.dst): c.ports for c in drawn.connections}
    asked = 0
    for question, verdict in questions(cluster, numbers):
        pair = question.source.name, question.destination.name
        assert is_open(ports.get(pair, []), question) == verdict.allowed, (pair, question.protocol, question.port)
        asked += 1
    assert asked or not drawn.connections


@pytest.mark.parametrize("seed", SEEDS)
def test_reasons_are_the_evidence_of_verdicts(seed: int, tmp_path: Path) -> None:
    """The rules that a connection names are those by which some open port of it is allowed, and no others."""
    cluster, numbers = opened(tmp_path, seed)
    model = cluster.model
    found = {(e.src, e.dst): e for e in edges(model.reach, model.groups(model.reach), model.judge)}
    evidence: dict[tuple[str, str, Direction], set[tuple[object, str]]] = {}
    for question, verdict in questions(cluster, numbers):
        pair = question.source.name, question.destination.name
        if verdict.allowed:
            assert (question.protocol, question.port) in found[pair].ports.get(question.family, NO_PORTS)
            for side in (verdict.egress, verdict.ingress):
                evidence.setdefault((*pair, side.direction), set()).update(map(named, allowing(side)))
    for pair, edge in found.items():
        for direction, by in ((Direction.EGRESS, edge.egress_by), (Direction.INGRESS, edge.ingress_by)):
            assert set(map(named, by or ())) == evidence.get((*pair, direction), set()), (pair, direction)


def allowing(side: Side) -> Iterator[Rule]:
    return (match.rule for match in side.matches)


def named(rule: Rule) -> tuple[object, str]:
    return rule.policy, rule.path
