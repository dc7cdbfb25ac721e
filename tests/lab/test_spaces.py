"""Namespaces without traces: nothing is left, whatever ends the program; and what is said where they are impossible."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podwall.errors import InputError, LabUnavailable
from podwall.lab.missing import Facts, cure
from podwall.lab.spaces import Space, enclosed, program
from tests.lab.conftest import Enclosed, possible

Start = Callable[[str], tuple[subprocess.Popen[str], int, set[str]]]

# A lab with a command in it that takes itself away from its parents; it tells its own number and its namespaces.
PROGRAM = """
import os, signal, subprocess, sys, time
from podwall.lab import spaces

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which is ignored in what `nohup` started

def work():
    held = [spaces.Space() for _ in range(3)]
    with held[0].entered():
        subprocess.Popen(["setsid", "sleep", "1000"], stdin=subprocess.DEVNULL)
    names = [os.readlink(f"/proc/self/fd/{space.fd}") for space in held]
    print(spaces.outer_pid(), *names, flush=True)
    if sys.argv[1] == "keep":
        spaces.keep()
    elif sys.argv[1] == "wait":
        time.sleep(1000)

spaces.enclosed(work)
print("over", flush=True)
if sys.argv[1] == "keep":
    time.sleep(1000)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the program; gives the process, the number of the one that holds the namespaces, and their names."""
    if reason := possible(enclosed):
        pytest.skip(reason)
    started: list[subprocess.Popen[str]] = []

    def run(how: str) -> tuple[subprocess.Popen[str], int, set[str]]:
        command = [sys.executable, "-c", PROGRAM, how]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        assert process.stdout is not None
        holder, *names = process.stdout.readline().split()
        return process, int(holder), set(names)

    yield run
    for process in started:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def in_use(names: set[str]) -> set[str]:
    """Those network namespaces that some process is in, or holds."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.add(str((path / "ns/net").readlink()))
            found.update(str(fd.readlink()) for fd in (path / "fd").iterdir())
    return found & names


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold within ten seconds; the kernel takes a moment to end processes."""
    for _ in range(200):
        if holds():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_nothing_outlives_a_killed_program(start: Start, number: int) -> None:
    process, holder, names = start("wait")
    assert in_use(names) == names
    process.send_signal(number)
    assert process.wait(30) == -number
    assert eventually(lambda: not in_use(names) and not Path(f"/proc/{holder}").exists())


@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["kill", "the terminal's Ctrl-C"])
def test_nothing_outlives_an_interrupted_program(start: Start, send: Callable[[int, int], None]) -> None:
    process, _, names = start("wait")
    send(process.pid, signal.SIGINT)
    assert process.wait(30) in (1, -signal.SIGINT)  # as Python ends after KeyboardInterrupt
    assert eventually(lambda: not in_use(names))


def test_nothing_outlives_a_program_that_is_done(start: Start) -> None:
    process, _, names = start("end")
    assert process.wait(30) == 0
    assert eventually(lambda: not in_use(names))


def test_what_is_kept_stays_until_it_is_ended(start: Start) -> None:
    process, holder, names = start("keep")
    assert process.stdout is not None
    assert process.stdout.readline() == "over\n"
    process.kill()
    process.wait(30)
    assert in_use(names) == names
    os.kill(holder, signal.SIGTERM)
    assert eventually(lambda: not in_use(names))


def test_a_space_is_made_in_an_enclosed_process_only() -> None:
    with pytest.raises(RuntimeError, match="enclosed"):
        Space()


def test_what_the_work_returns_and_raises_comes_back(namespaces: Enclosed[object]) -> None:
    def fails() -> None:
        raise InputError("not like that")

    def breaks() -> None:
        raise ZeroDivisionError

    assert namespaces(lambda: {"a": (1, "b")}) == {"a": (1, "b")}
    with pytest.raises(InputError, match="not like that"):
        namespaces(fails)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        namespaces(breaks)


def test_a_space_has_nothing_but_its_loopback(namespaces: Enclosed[str]) -> None:
    def work() -> str:
        space = Space()
        with space.entered():
            inside = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
            inner = Path("/proc/thread-self/ns/net").stat().st_ino
        assert Path("/proc/thread-self/ns/net").stat().st_ino not in (inner, 0)
        return inside

    host = Path("/proc/self/ns/net").stat().st_ino
    assert [line.split()[0] for line in namespaces(work).splitlines()] == ["lo"]
    assert Path("/proc/self/ns/net").stat().st_ino == host


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(LabUnavailable, match=r"`nft`.*package nftables"):
        program("nft")
    with pytest.raises(LabUnavailable, match=r"`ip`.*iproute2"):
        program("ip")


@pytest.mark.parametrize(
    ("number", "facts", "advice"),
    [
        (errno.EPERM, Facts(root=True), "--privileged"),
        (errno.EPERM, Facts(root=False), "run it as root"),
        (errno.EPERM, Facts(root=False, unprivileged_userns_clone="0"), "kernel.unprivileged_userns_clone=1"),
        (errno.ENOSPC, Facts(root=False, max_user_namespaces="0"), "user.max_user_namespaces="),
        (errno.EACCES, Facts(root=False, apparmor_restricts="1"), "kernel.apparmor_restrict_unprivileged_userns=0"),
    ],
)
def test_the_cure_fits_the_machine(number: int, facts: Facts, advice: str) -> None:
    message = cure("unshare", number, facts)
    assert errno.errorcode[number] in message
    assert advice in message
