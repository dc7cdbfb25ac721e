"""Endpoints that are spelled oddly, or wrongly: judged as packets have it, or refused by name, and never left open."""

from __future__ import annotations

import msgspec
import pytest

from podwall.cluster.endpoints import Endpoint, PortName
from podwall.dataplane.change import Change
from podwall.dataplane.options import Marks, Options
from podwall.dataplane.ruleset import Hook
from podwall.dataplane.walk import walk
from podwall.engine.rules import AnyPeer, NamedPort
from podwall.errors import InputError, InvalidInput
from tests.dataplane.small import EGRESS, INGRESS, app, compiled, only, packet, pod

ONLY_DB = only(INGRESS, "web", app("db"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("0:0:0:0:0:FFFF:0a00:0001", "10.0.0.1"),
        ("FD00::0001", "fd00::1"),
        ("fd00:0:0:0:0:0:0:1", "fd00::1"),
    ],
)
def test_a_pod_is_judged_however_its_address_is_written(written: str, meant: str) -> None:
    outside, db = ("2001:db8::1", "fd00::2") if ":" in meant else ("203.0.113.1", "10.0.0.2")
    for table in (
        compiled(pod("web", written), pod("db", db, node="n2"), ONLY_DB).ruleset(),
        compiled(pod("web", meant), pod("db", db, node="n2"), ONLY_DB).ruleset(),
    ):
        assert not walk(table, Hook.FORWARD, packet(outside, meant)).accepted
        assert walk(table, Hook.FORWARD, packet(db, meant)).accepted


@pytest.mark.parametrize(
    "written", ["", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/32", " 10.0.0.1", "fe80::1%eth0"]
)
@pytest.mark.parametrize("node", ["n1", "n2"])
def test_what_is_no_address_is_refused_by_name_and_changes_nothing(written: str, node: str) -> None:
    compiler = compiled(pod("web", "10.0.0.1"), pod("db", "10.0.0.2", node=node), ONLY_DB)
    for name in ("web", "db", "new"):
        with pytest.raises(InvalidInput, match=f"Pod shop/{name}: status.podIPs: .*not an IP address"):
            compiler.put_endpoint(pod(name, "10.0.0.7", written, node=node))
    assert compiler.flush() == Change()
    assert walk(compiler.ruleset(), Hook.FORWARD, packet("10.0.0.2", "10.0.0.1")).accepted
    assert not walk(compiler.ruleset(), Hook.FORWARD, packet("10.0.0.7", "10.0.0.1")).accepted


def test_a_family_that_is_not_judged_is_refused_of_local_pods() -> None:
    """Its packets would pass whatever policies say; peers elsewhere may have what they want."""
    compiler = compiled(pod("db", "10.0.0.2", "fd00::2", node="n2"), ONLY_DB, options=Options(families=(4,)))
    with pytest.raises(InvalidInput, match=r"Pod shop/web: status\.podIPs: fd00::1: IPv6 is not judged"):
        compiler.put_endpoint(pod("web", "10.0.0.1", "fd00::1"))
    compiler.put_endpoint(Endpoint("Node", "", "n1", {}, ("192.0.2.1", "2001:db8::1"), node="n1"))
    compiler.put_endpoint(pod("web", "10.0.0.1"))
    compiler.flush()
    assert walk(compiler.ruleset(), Hook.FORWARD, packet("10.0.0.2", "10.0.0.1")).accepted


@pytest.mark.parametrize("families", [(), (5,), (6, 4), (4, 4), (4, 6, 4)])
def test_families_that_are_none_are_refused(families: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="address families"):
        Options(families=families)


def test_several_addresses_of_one_family_are_all_judged() -> None:
    addresses = ("10.0.0.1", "10.0.1.1", "fd00::1", "fd00:1::1")
    table = compiled(pod("web", *addresses), pod("db", "10.0.0.2", "10.0.1.2", node="n2"), ONLY_DB).ruleset()
    for address in addresses:
        assert not walk(table, Hook.FORWARD, packet("2001:db8::1" if ":" in address else "9.9.9.9", address)).accepted
    for source in ("10.0.0.2", "10.0.1.2"):
        assert walk(table, Hook.FORWARD, packet(source, "10.0.1.1")).accepted


@pytest.mark.parametrize("odd", [("Foo", 80), ("tcp", 80), ("TCP", 0), ("TCP", 65536), ("TCP", 99999), ("UDP", -1)])
def test_a_port_that_no_packet_has_is_none(odd: tuple[str, int]) -> None:
    named = msgspec.structs.replace(pod("db", "10.0.0.2", node="n2"), ports=(PortName("http", *odd),))
    local = msgspec.structs.replace(named, name="web", labels={"app": "web"}, addresses=("10.0.0.1",), node="n1")
    policies = [only(direction, "web", AnyPeer(), port=NamedPort("", "http")) for direction in (EGRESS, INGRESS)]
    table = compiled(local, named, *policies).ruleset()
    for asked in (packet("10.0.0.1", "10.0.0.2"), packet("10.0.0.2", "10.0.0.1", "UDP", 34463)):
        assert not walk(table, Hook.FORWARD, asked).accepted


@pytest.mark.parametrize(
    "marks",
    [
        {"mask": 0},
        {"mask": 0x1_0000_0000},
        {"first": 0},
        {"first": 0x10},
        {"picked_up": 0},
        {"picked_up": 0x3},
        {"picked_up": 0x8000},
        {"picked_up": 0x1_0000_0000},
    ],
)
def test_marks_that_would_be_read_as_each_other_are_refused(marks: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"marks: .*mask"):
        Marks(**marks)
