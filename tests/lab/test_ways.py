"""Ways into a lab and out of it: captures, shells, and what is kept."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podwall.errors import InputError
from podwall.lab.capture import Capture
from podwall.lab.nameserver import Nameserver
from podwall.lab.network import Network
from podwall.lab.plan import Plan
from podwall.lab.planning import LabOptions, plan_of
from podwall.lab.shell import shell
from podwall.lab.spaces import enclosed, outer_pid
from tests.lab.conftest import Enclosed, as_nobody, possible, without_rights
from tests.lab.talking import listening, seen_from
from tests.lab.worlds import BLOCK, deployment, model, service


def planned() -> Plan:
    return plan_of(
        model([*(deployment(name, ("http", 8080)) for name in ("api", "db", "web")), BLOCK]), LabOptions(nodes=2)
    )


# Captures


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that nobody too may write to, which pytest's are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_a_capture_has_what_an_endpoint_sent_and_got(namespaces: Enclosed[Any], folder: Path) -> None:
    plan = planned()

    def work() -> None:
        with Network(plan) as network, Capture(network, folder):
            address = next(s.endpoint.addresses[0] for s in plan.seats if s.name == "default/db")
            with listening(network, "default/db", address, 8080) as listener:
                seen_from(network, "default/web", (address, 8080), listener)

    namespaces(work)
    frames = {file.stem: list(frames_of(file)) for file in folder.glob("*.pcap")}
    assert set(frames) == {"default_api", "default_db", "default_web", "external", "node_node-1", "node_node-2"}
    assert len(frames["default_db"]) == len(frames["default_web"]) >= 6
    assert frames["default_api"] == []
    assert frames["default_web"][0][36:38] == (8080).to_bytes(2)


def frames_of(file: Path) -> Iterator[bytes]:
    data, at = file.read_bytes(), 24
    assert data[:4] == bytes.fromhex("4d3cb2a1")
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        yield data[at + 16 : at + 16 + size]
        at += 16 + size


# Shells, and labs that are kept


def kept_and_entered(plan: Plan) -> str:
    """Leaves a lab up, enters it from outside as it says, and ends it; gives what is seen inside."""

    def work() -> tuple[int, dict[str, str]]:
        with Network(plan) as network:
            network.keep()
            return outer_pid(), network.ways_in()

    holder, ways = enclosed(work)
    seen = subprocess.run(
        [*ways["default/web"].split(), "ip", "-brief", "-4", "address", "show", "eth0"],
        capture_output=True,
        text=True,
        check=False,
    )
    os.kill(holder, signal.SIGTERM)
    return seen.stdout + seen.stderr


@pytest.mark.skipif(shutil.which("nsenter") is None, reason="nsenter (package util-linux) is not there")
def test_a_kept_lab_is_entered_as_it_says(namespaces: Enclosed[Any]) -> None:
    plan = planned()
    run = without_rights if namespaces is as_nobody else (lambda work: work())
    seen = run(lambda: kept_and_entered(plan))
    assert next(s.endpoint.addresses[0] for s in plan.seats if s.name == "default/web") in seen


def test_a_shell_gives_its_commands_code(namespaces: Enclosed[Any]) -> None:
    plan = planned()

    def work() -> tuple[int, int]:
        with Network(plan) as network:
            with pytest.raises(InputError, match="no-such-program"):
                shell(network, "default/web", ["no-such-program"])
            before = Path("/etc/resolv.conf").read_text()
            code = shell(
                network,
                "default/web",
                ["sh", "-c", "grep -q default.svc.cluster.local /etc/resolv.conf; exit $((7 + $?))"],
            )
            assert Path("/etc/resolv.conf").read_text() == before
            # Ctrl-C is the command's: the lab, which gets it as well, goes on.
            interrupted = shell(network, "default/web", ["sh", "-c", "kill -INT 1; sleep 0.2; exit 3"])
            return code, interrupted

    assert namespaces(work) == (7, 3)


def asked(plan: Plan, *lookups: str) -> list[str]:
    """What a pod's own resolver says, by the C library."""
    program = (
        "import socket, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(sorted({a[4][0] for a in socket.getaddrinfo(name, 80)}))\n"
        "    except socket.gaierror as error: print(error.errno == socket.EAI_NONAME)\n"
    )
    read, write = os.pipe()
    with Network(plan) as network, Nameserver(network):
        out = os.dup(1)
        os.dup2(write, 1)
        try:
            assert shell(network, "default/client", ["/usr/bin/env", "python3", "-c", program, *lookups]) == 0
        finally:
            os.dup2(out, 1)
    os.close(write)
    with os.fdopen(read) as stream:
        return stream.read().splitlines()


def test_a_shell_resolves_as_a_pod_does() -> None:
    """As started only: nobody may be kept from running Python."""
    if reason := possible(enclosed):
        pytest.skip(reason)
    objects = [deployment("web", ("http", 8080)), deployment("client"), service("web", 80, "http")]
    plan = plan_of(model(objects), LabOptions(dns=True))
    (web,) = (t.address for t in plan.translations if t.service == "default/web")
    found = enclosed(
        lambda: asked(plan, "web", "web.default", "web.default.svc.cluster.local", "nobody", "example.com")
    )
    assert found == [f"['{web}']"] * 3 + ["True", "True"]
