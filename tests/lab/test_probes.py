"""Probes in real namespaces: what comes through, what does not, and that silence is never taken for a drop unproved."""

from __future__ import annotations

import resource
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from podwall.lab.nameserver import Nameserver
from podwall.lab.network import Network
from podwall.lab.plan import Link, Plan, Seat, SeatKind
from podwall.lab.planning import LabOptions, plan_of
from podwall.lab.probe import Outcome, Probe, Seen, Target
from podwall.lab.probes import Prober, Setting
from tests.lab.conftest import Enclosed
from tests.lab.worlds import deployment, model, service

DUAL = ("10.244.0.0/16", "fd00:10:244::/64")
PROTOCOLS = ("TCP", "UDP", "SCTP")
# On every node, ahead of nothing else: what is for port 81 goes no further.
CLOSED = """
table inet t {
  chain c {
    type filter hook forward priority 0
    meta l4proto { tcp, udp, sctp } th dport 81 drop
  }
}
"""


def planned(**options: Any) -> Plan:
    objects = [*(deployment(name, ("http", 8080)) for name in ("api", "db", "web")), service("web", 80, "http")]
    return plan_of(model(objects, DUAL), LabOptions(nodes=2, **options))


def address_of(seat: Seat, family: int) -> str:
    return next((a for a in seat.endpoint.addresses if (":" in a) == (family == 6)), "")


def probe(
    plan: Plan, ends: tuple[str, str], protocol: str, port: int, *, allowed: bool = True, family: int = 4
) -> Probe:
    source, destination = (next(s for s in plan.seats if s.name == name) for name in ends)
    sender, address = address_of(source, family), address_of(destination, family)
    target = Target(destination.name, address, port, allowed)
    return Probe(source.name, sender, destination.name, address, protocol, port, family, (target,))


def all_probes(plan: Plan, ports: Sequence[int], closed: Sequence[int] = (), *, hosts: bool = True) -> list[Probe]:
    seats = [seat for seat in plan.seats if hosts or seat.kind is not SeatKind.HOST]
    return [
        probe(plan, (one.name, other.name), protocol, port, allowed=port not in closed, family=family)
        for one in seats
        for other in seats
        for family in (4, 6)
        if one != other and address_of(one, family) and address_of(other, family)
        for protocol in PROTOCOLS
        for port in ports
    ]


def setting(network: Network) -> Setting:
    return Setting(network, {seat.name: seat.endpoint.addresses for seat in network.plan.seats})


def run(
    plan: Plan, probes: Sequence[Probe], rules: str = "", occupy: Callable[[Network], Any] | None = None
) -> list[Outcome]:
    with Network(plan) as network, Nameserver(network):
        for node in plan.nodes:
            if rules:
                assert network.run_on_node(node.name, ["nft", "-f", "-"], rules).returncode == 0
        occupied = occupy(network) if occupy else None
        outcomes = Prober(setting(network)).run(probes)
        del occupied
        return outcomes


@pytest.mark.parametrize("link", Link)
def test_all_that_is_open_answers_and_says_who_it_is(namespaces: Enclosed[list[Outcome]], link: Link) -> None:
    plan = planned(link=link)
    probes = all_probes(plan, [80, 8080])
    outcomes = namespaces(lambda: run(plan, probes))
    assert [(o.seen, o.by) for o in outcomes] == [(Seen.ALLOW, (p.address, p.port)) for p in probes]
    assert all(outcome.agrees(p) for p, outcome in zip(probes, outcomes, strict=True))


def test_what_is_dropped_is_silent_and_nothing_else(namespaces: Enclosed[list[Outcome]]) -> None:
    plan = planned()
    pods = all_probes(plan, [80, 81], closed=[81], hosts=False)
    outcomes = namespaces(lambda: run(plan, pods, CLOSED))
    assert Counter(o.seen for o in outcomes) == {Seen.ALLOW: len(pods) // 2, Seen.TIMEOUT: len(pods) // 2}
    assert all(outcome.agrees(p) for p, outcome in zip(pods, outcomes, strict=True))


def test_a_kernel_that_does_otherwise_is_seen(namespaces: Enclosed[list[Outcome]]) -> None:
    plan = planned()
    ends = ("default/web", "default/db")
    dropped = [probe(plan, ends, protocol, 81) for protocol in PROTOCOLS]
    leaked = [probe(plan, ends, protocol, 80, allowed=False) for protocol in PROTOCOLS]
    outcomes = namespaces(lambda: run(plan, [*dropped, *leaked], CLOSED))
    assert [outcome.seen for outcome in outcomes] == [Seen.TIMEOUT] * 3 + [Seen.ALLOW] * 3
    assert not any(outcome.agrees(p) for p, outcome in zip([*dropped, *leaked], outcomes, strict=True))


def test_a_nameserver_that_has_the_port_answers_for_itself(namespaces: Enclosed[list[Outcome]]) -> None:
    plan = planned(dns=True)
    probes = [
        probe(plan, ("default/web", "kube-system/podwall-dns"), p, 53, family=f) for p in PROTOCOLS for f in (4, 6)
    ]
    outcomes = namespaces(lambda: run(plan, probes))
    assert [outcome.seen for outcome in outcomes] == [Seen.ALLOW] * 6
    assert [outcome.by[0] for outcome in outcomes[:4]] == [""] * 4  # not one of our listeners


def test_silence_of_a_dead_listener_is_an_error(namespaces: Enclosed[list[Outcome]]) -> None:
    """Somebody has the port, and says nothing: whether a policy drops the question cannot be told."""
    plan = planned()
    denied = probe(plan, ("default/web", "default/db"), "UDP", 81, allowed=False)

    def occupy(network: Network) -> socket.socket:
        with network.inside("default/db"):
            mute = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        mute.bind((address_of(next(s for s in plan.seats if s.name == "default/db"), 4), 81))
        return mute

    (outcome,) = namespaces(lambda: run(plan, [denied], CLOSED, occupy))
    assert (outcome.seen, outcome.agrees(denied)) == (Seen.ERROR, False)
    assert outcome.note == f"nothing listens on {denied.address} UDP 81"


def test_no_way_to_an_address_is_an_error_that_says_so(namespaces: Enclosed[list[Outcome]]) -> None:
    plan = planned()
    there = probe(plan, ("default/web", "default/db"), "TCP", 80)
    lost = [
        Probe(there.source, "192.0.2.99", there.destination, there.address, p, 80, 4, there.targets) for p in PROTOCOLS
    ]
    outcomes = namespaces(lambda: run(plan, lost))
    assert [outcome.seen for outcome in outcomes] == [Seen.ERROR] * 3
    assert ["Cannot assign requested address" in outcome.note for outcome in outcomes] == [True] * 3


def test_few_descriptors_make_it_slower_and_not_wrong(namespaces: Enclosed[list[Outcome]]) -> None:
    plan = planned()
    probes = all_probes(plan, range(80, 110))

    def scarce() -> list[Outcome]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
        return run(plan, probes)

    outcomes = namespaces(scarce)
    assert Counter(outcome.seen for outcome in outcomes) == {Seen.ALLOW: len(probes)}
