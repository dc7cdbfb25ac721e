"""podwall lab, and podwall test --lab: real packets between namespaces, through the program itself."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from podwall.cli.running import Streams
from podwall.errors import LabUnavailable
from podwall.lab.spaces import Space, enclosed, program
from tests.cli.program import Done, finish, podwall

WORLD = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""
EXPECTED = """
apiVersion: podwall.io/v1
kind: Expectations
metadata: {namespace: shop}
expect:
- web -> db:5432 allow
- shop/* -> shop/* allow
- 203.0.113.0/24 -> web:8080 allow
"""


def impossible() -> str:
    try:
        program("ip")
        program("nft")
        enclosed(lambda: Space().close())
    except LabUnavailable as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def possible() -> None:
    if reason := impossible():
        pytest.skip(reason)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    path = tmp_path / "world.yaml"
    path.write_text(WORLD)
    return path


def run(*arguments: str | Path) -> Done:
    return finish("lab", "--no-project", *arguments)


KEYS = [
    "apiVersion",
    "kind",
    "profile",
    "endpoints",
    "probes",
    "allowed",
    "denied",
    "mismatches",
    "seconds",
    "incomplete",
]


def test_the_public_report(world: Path, possible: None) -> None:
    done = run("-f", world, "-o", "json")
    assert (done.code, done.err) == (0, "")
    report = done.json
    assert list(report) == KEYS
    assert (report["apiVersion"], report["kind"], report["profile"]) == ("podwall.io/v1", "LabReport", "kubernetes")
    assert (report["endpoints"], report["denied"], report["mismatches"]) == (2, 0, [])
    # 8 ordered pairs of pods and nodes but for the two nodes' own, outside both ways; 3 ports by TCP and UDP, 1 by SCTP
    assert report["probes"] == report["allowed"] == (4 * 3 + 4 * 2) * 7 + 4


def test_the_table(world: Path, possible: None) -> None:
    done = run("-f", world)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "2 pods on 2 nodes, 1 address outside, 1 Service; profile kubernetes"
    assert lines[4].split() == ["pods", "pods", "14", "0", "14", "0", "0"]
    assert lines[-1] == "The kernel does what the engine says."
    assert max(map(len, lines)) <= 80


FLAGS: list[Sequence[str]] = [
    ("--nodes", "1"),
    ("--replicas", "2", "--nodes", "3"),
    ("--link", "bridged", "--pod-cidr", "10.7.0.0/16,fd07::/64"),
    ("--dns-cache",),
]


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_every_shape_of_a_lab(world: Path, possible: None, flags: Sequence[str]) -> None:
    done = run("-f", world, *flags, "-o", "json")
    if "br_netfilter" in done.err:
        pytest.skip(done.err)
    assert (done.code, done.err, done.json["mismatches"]) == (0, "", [])


def test_a_sample(world: Path, possible: None) -> None:
    report = run("-f", world, "--sample", "50", "-o", "json").json
    assert (report["probes"], report["sampledFrom"]) == (50, 144)


def test_a_command_inside(world: Path, possible: None) -> None:
    done = run("-f", world, "--shell", "shop/web", "--", "sh", "-c", "echo $PODWALL_ENDPOINT; exit 7")
    assert (done.code, done.out, done.err) == (7, "shop/web\n", "")
    assert run("-f", world, "-n", "shop", "--shell", "web", "--", "true").code == 0


def test_a_file_of_packets_for_each_endpoint(world: Path, possible: None, tmp_path: Path) -> None:
    assert run("-f", world, "--capture", tmp_path / "packets").code == 0
    files = sorted(path.name for path in (tmp_path / "packets").iterdir())
    assert files == ["external.pcap", "node_node-1.pcap", "node_node-2.pcap", "shop_db.pcap", "shop_web.pcap"]


@pytest.mark.parametrize("command", [("test", "FILE", "--lab"), ("lab", "--expect", "FILE")], ids=["test", "lab"])
def test_assertions(world: Path, possible: None, tmp_path: Path, command: Sequence[str]) -> None:
    file = tmp_path / "expectations.yaml"
    file.write_text(f"{EXPECTED}- db -> web deny\n")
    typed = [str(file) if word == "FILE" else word for word in command]
    done = finish(*typed, "--no-project", "-f", world, "-o", "json")
    report = done.json
    assert (done.code, report["kind"], report["mismatches"]) == (1, "TestReport", [])
    assert [(e["got"], e["ok"]) for e in report["expectations"]] == [*[("allow", True)] * 3, ("allow", False)]
    assert [(e["pairs"], e["open"]) for e in report["expectations"]] == [(1, 1), (2, 2), (1, 1), (1, 1)]
    (failure,) = report["expectations"][3]["failures"]
    assert (failure["src"], failure["dst"], failure["family"]) == ("shop/db", "shop/web", 4)
    assert {"protocol": "TCP", "port": 8080, "endPort": 8080} in failure["ports"]
    text = finish(*typed, "--no-project", "-f", world).out
    assert "FAILED db -> web deny" in text
    assert text.splitlines()[-1].startswith("4 assertions: 1 FAILED (")


def test_what_has_no_two_ends_in_the_lab_is_said(world: Path, possible: None, tmp_path: Path) -> None:
    file = tmp_path / "expectations.yaml"
    file.write_text("kind: Expectations\napiVersion: podwall.io/v1\nexpect: [shop/web -> shop/web allow]\n")
    done = run("-f", world, "--expect", file)
    assert (done.code, done.err) == (
        0,
        "1 assertion is about no two endpoints of the lab, and judged without packets (see --replicas)\n",
    )


def test_left_up_until_it_is_killed(world: Path, possible: None) -> None:
    done = run("-f", world, "--keep", "-q", "-o", "json")
    assert (done.code, json.loads(done.out)["mismatches"]) == (0, [])
    *entries, end = done.err.splitlines()
    pid = int(end.split()[-1])
    try:
        (entry,) = (line for line in entries if line.startswith("  shop/web: nsenter"))
        assert Path(entry.rpartition("--net=")[2]).exists()
    finally:
        os.kill(pid, 15)


USAGE = [
    (["--nodes", "0"], "0 is not 1 or more"),
    (["--replicas", "-1"], "-1 is not 1 or more"),
    (["--sample", "0"], "0 is not 1 or more"),
    (["--sample", "x"], "not a valid integer"),
    (["--link", "magic"], "'magic' is not one of routed, bridged"),
    (["-o", "csv"], "'csv' is not one of text, json"),
    (["--", "true"], "a command goes with --shell"),
    (["--shell", "shop/web", "--keep"], "sends no probes"),
    (["--shell", "shop/web", "--expect", "x"], "sends no probes"),
]


@pytest.mark.parametrize(("flags", "said"), USAGE, ids=str)
def test_usage(world: Path, flags: Sequence[str], said: str) -> None:
    done = podwall("lab", "--no-project", "-f", world, *flags)
    assert (done.code, said in done.err) == (2, True)


@pytest.mark.parametrize("flags", [("--coverage",), ("--min", "5"), ("--write",), ("--schema",)], ids=" ".join)
def test_test_in_a_lab_only_judges(world: Path, flags: Sequence[str]) -> None:
    done = podwall("test", "--lab", "--no-project", "-f", world, *flags)
    assert (done.code, "judges assertions, and nothing else" in done.err) == (2, True)


def test_an_endpoint_that_there_is_not(world: Path, possible: None) -> None:
    done = run("-f", world, "--shell", "shop/wep", "--", "true")
    assert (done.code, done.err) == (2, "error: there is no shop/wep in the lab; there is shop/web, shop/db\n")


def test_a_program_that_there_is_not(world: Path, possible: None) -> None:
    done = run("-f", world, "--shell", "shop/web", "--", "no-such-program")
    assert (done.code, done.err) == (2, "error: no-such-program: No such file or directory\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("quiet", "after", "drawn"), [(False, 0.0, True), (False, 60.0, False), (True, 0.0, False)])
def test_a_bar_for_what_takes_long(quiet: bool, after: float, drawn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("podwall.cli.running._Bar._AFTER", after)
    monkeypatch.setattr("podwall.cli.running._Bar._PAUSE", 0.0)
    show = Streams(quiet=quiet).progress(1000)
    for done in (0, 500, 1000, 1200):
        show(done)
    assert ("[####################....................] 500 of 1,000" in terminal.getvalue()) is drawn
    assert terminal.getvalue().endswith("\r\x1b[K" if drawn else "")  # wiped in the end


def test_no_bar_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    monkeypatch.setattr("podwall.cli.running._Bar._AFTER", 0.0)
    Streams().progress(1000)(500)
    assert file.getvalue() == ""
