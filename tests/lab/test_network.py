"""Plans brought up: real namespaces and real packets, as root and without its rights."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podwall.lab.dns import nameservers
from podwall.lab.nameserver import Nameserver
from podwall.lab.network import Network
from podwall.lab.plan import Link, Plan, SeatKind
from podwall.lab.planning import LabOptions, plan_of
from tests.lab.conftest import Enclosed
from tests.lab.talking import connect, family, listening, seen_from
from tests.lab.worlds import BLOCK, deployment, model, node, pod, service

DUAL = ("10.244.0.0/16", "fd00:10:244::/64")


def planned(link: Link = Link.ROUTED, nodes: int = 2, **options: Any) -> Plan:
    objects = [deployment(name, ("http", 8080)) for name in ("api", "db", "web")]
    return plan_of(model([*objects, BLOCK], DUAL), LabOptions(nodes=nodes, link=link, **options))


def all_pairs(plan: Plan) -> list[str]:
    """Every pair that does not reach each other, or is seen with another address than its own."""
    wrong = []
    with Network(plan) as network:
        for destination in plan.seats:
            for address in destination.endpoint.addresses:
                with listening(network, destination.name, address, 8080) as listener:
                    for source in plan.seats:
                        for own in source.endpoint.addresses:
                            if family(own) == family(address):
                                seen = seen_from(network, source.name, (address, 8080), listener, own)
                                if seen != own:
                                    wrong.append(f"{source.name} -> {destination.name}: {own} is seen as {seen}")
    return wrong


@pytest.mark.parametrize("link", Link)
def test_everyone_reaches_everyone_under_their_own_address(namespaces: Enclosed[list[str]], link: Link) -> None:
    plan = planned(link, replicas=2)
    assert {seat.kind for seat in plan.seats} == set(SeatKind)
    assert namespaces(lambda: all_pairs(plan)) == []


def test_pods_of_one_bridge_are_switched_but_cross_the_forward_hook(namespaces: Enclosed[str]) -> None:
    plan = planned(Link.BRIDGED, nodes=1)
    web, db = (next(s.endpoint.addresses[0] for s in plan.seats if s.name == f"default/{n}") for n in ("web", "db"))
    rules = (
        "table inet t { chain c { type filter hook forward priority 0; policy accept;"
        f" ip saddr {web} ip daddr {db} counter drop;\n}}\n}}\n"
    )

    def work() -> str:
        with Network(plan) as network:
            assert network.run_on_node("node-1", ["nft", "-f", "-"], rules).returncode == 0
            with listening(network, "default/db", db, 8080), network.inside("default/web"):
                client = socket.socket()
                client.settimeout(0.5)
                with pytest.raises(TimeoutError):
                    client.connect((db, 8080))
                client.close()
            return network.run_on_node("node-1", ["nft", "list", "table", "inet", "t"]).stdout

    assert "counter packets 0" not in namespaces(work)


def hosted() -> Plan:
    """Nodes of the input, a Pod on the host's network, one that has its node by name."""
    objects = [
        node("a", "192.168.7.1", "192.168.7.2", zone="x"),
        node("b", "192.168.7.3"),
        pod("agent", "192.168.7.1", node="a", host=True, app="agent"),
        pod("web", "10.244.3.4", node="b", app="web"),
        deployment("proxy", ("http", 8080), hostNetwork=True),
    ]
    return plan_of(model(objects), LabOptions())


def test_the_host_network(namespaces: Enclosed[list[str]]) -> None:
    assert namespaces(lambda: all_pairs(hosted())) == []


# Services


def served(link: Link) -> Plan:
    objects = [
        deployment("web", ("http", 8080)),
        deployment("client"),
        service("web", 80, "http", externalIPs=["198.51.100.7"]),
        service("none", 80, 8080),
        BLOCK,
    ]
    return plan_of(model(objects, DUAL), LabOptions(nodes=2, replicas=2, link=link))


def addresses_of(plan: Plan, name: str) -> list[str]:
    return [t.address for t in plan.translations if t.service == name]


@pytest.mark.parametrize("link", Link)
def test_a_service_leads_to_a_named_port_of_every_backend(namespaces: Enclosed[Any], link: Link) -> None:
    plan = served(link)
    backends = [seat for seat in plan.seats if seat.stands_for == "default/web"]

    def work() -> list[tuple[str, set[str]]]:
        out = []
        with Network(plan) as network, contextlib.ExitStack() as stack:
            for address in addresses_of(plan, "default/web"):
                if address == "198.51.100.7":
                    continue
                listeners = {}
                for seat in backends:
                    own = next(a for a in seat.endpoint.addresses if family(a) == family(address))
                    listeners[seat.name] = stack.enter_context(listening(network, seat.name, own, 8080))
                hit = set()
                for _ in range(40):
                    with connect(network, "default/client", address, 80) as client:
                        hit.add(client.getpeername()[0])
                        hit.update(accepted(listeners))
                out.append((address, hit))
        return out

    for address, hit in namespaces(work):
        assert hit == {address, *(seat.name for seat in backends)}


def accepted(listeners: dict[str, socket.socket]) -> Iterator[str]:
    for name, listener in listeners.items():
        listener.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            listener.accept()[0].close()
            yield name


@pytest.mark.parametrize("link", Link)
def test_a_pod_that_reaches_itself_through_a_service_comes_as_its_node(namespaces: Enclosed[Any], link: Link) -> None:
    plan = plan_of(model([deployment("web", ("http", 8080)), service("web", 80, "http")], DUAL), LabOptions(link=link))
    (seat,) = (s for s in plan.seats if s.name == "default/web")
    nodes = plan.nodes[0].addresses

    def work() -> list[str]:
        with Network(plan) as network:
            out = []
            for own, address in zip(seat.endpoint.addresses, addresses_of(plan, "default/web"), strict=True):
                with listening(network, seat.name, own, 8080) as listener:
                    out.append(seen_from(network, seat.name, (address, 80), listener))
            return out

    assert namespaces(work) == list(nodes)


def test_a_service_without_endpoints_refuses(namespaces: Enclosed[Any]) -> None:
    plan = served(Link.ROUTED)

    def work() -> list[str]:
        out = []
        with Network(plan) as network:
            for seat in ("default/client", "node/node-1"):
                for address in addresses_of(plan, "default/none"):
                    try:
                        connect(network, seat, address, 80).close()
                        out.append("open")
                    except ConnectionRefusedError:
                        out.append("refused")
        return out

    assert namespaces(work) == ["refused"] * 4


def test_clients_outside_come_by_a_node(namespaces: Enclosed[Any]) -> None:
    plan = served(Link.ROUTED)
    backends = [s for s in plan.seats if s.stands_for == "default/web"]
    outside = next(s for s in plan.seats if s.kind is SeatKind.EXTERNAL and ":" not in s.name)

    def work() -> set[str]:
        seen = set()
        with Network(plan) as network, contextlib.ExitStack() as stack:
            listeners = [
                stack.enter_context(listening(network, s.name, s.endpoint.addresses[0], 8080)) for s in backends
            ]
            for _ in range(20):
                with connect(network, outside.name, "198.51.100.7", 80, outside.name):
                    for listener in listeners:
                        listener.settimeout(0)
                        with contextlib.suppress(BlockingIOError):
                            connection, peer = listener.accept()
                            connection.close()
                            seen.add(peer[0])
        return seen

    assert namespaces(work) == {plan.nodes[0].addresses[0]}


# DNS


def query(network: Network, address: str, *, stream: bool) -> bytes:
    """The answer to a question for web.default.svc.cluster.local, by UDP or TCP."""
    name = b"".join(bytes([len(part)]) + part for part in b"web.default.svc.cluster.local".split(b"."))
    asked = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x00\x01\x00\x01"
    if stream:
        with connect(network, "default/client", address, 53) as client:
            client.sendall(len(asked).to_bytes(2) + asked)
            return client.recv(2000)[2:]
    with network.inside("default/client"):
        client = socket.socket(family(address), socket.SOCK_DGRAM)
    with client:
        client.settimeout(5)
        client.connect((address, 53))
        client.send(asked)
        return client.recv(2000)


@pytest.mark.parametrize("cache", [False, True])
def test_dns_answers(namespaces: Enclosed[Any], cache: bool) -> None:
    objects = [deployment("web", ("http", 8080)), deployment("client"), service("web", 80, "http")]
    plan = plan_of(model(objects, DUAL), LabOptions(nodes=2, dns=True, dns_cache=cache))
    (web,) = (a for a in addresses_of(plan, "default/web") if ":" not in a)

    def work() -> tuple[list[bytes], str]:
        with Network(plan) as network, Nameserver(network):
            ways = [(a, stream) for a in nameservers(plan) for stream in (False, True)]
            answers = [query(network, address, stream=stream) for address, stream in ways]
            conntrack = network.run_on_node(plan.seats[0].node, ["cat", "/proc/net/nf_conntrack"]).stdout
            return answers, conntrack

    answers, conntrack = namespaces(work)
    assert len(answers) == (2 if cache else 4)
    assert all(answer.endswith(socket.inet_aton(web)) for answer in answers)
    assert "169.254.20.10" not in conntrack


def test_the_cache_is_asked_without_conntrack(namespaces: Enclosed[Any]) -> None:
    plan = plan_of(model([deployment("web"), deployment("client")]), LabOptions(dns_cache=True))
    rules = (
        "table inet t { chain c { type filter hook input priority 0; policy accept;"
        " ip daddr 169.254.20.10 ct state untracked counter;"
        " ip daddr 169.254.20.10 ct state new,established counter\n}\n"
        " chain d { type filter hook output priority 0; ip saddr 169.254.20.10 ct state untracked counter\n}\n}\n"
    )

    def work() -> str:
        with Network(plan) as network, Nameserver(network):
            assert network.run_on_node("node-1", ["nft", "-f", "-"], rules).stderr == ""
            query(network, "169.254.20.10", stream=False)
            return network.run_on_node("node-1", ["nft", "list", "table", "inet", "t"]).stdout

    counted = [line.split("packets ")[1].split()[0] for line in namespaces(work).splitlines() if "packets" in line]
    assert counted == ["1", "0", "1"]


def test_the_machine_itself_is_left_alone(namespaces: Enclosed[Any]) -> None:
    def look() -> tuple[list[str], str]:
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout
        return sorted(path.name for path in Path("/sys/class/net").iterdir()), tables

    before = look()
    plan = served(Link.BRIDGED)

    def work() -> tuple[list[str], str]:
        with Network(plan):
            return look()

    assert namespaces(work)[1] == ""
    assert look() == before
