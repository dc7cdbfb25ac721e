"""A command of the user inside an endpoint, on the user's terminal, with the cluster's DNS as its resolver."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from podwall.errors import InputError
from podwall.lab import kernel
from podwall.lab.dns import resolv_conf
from podwall.lab.network import Network

__all__ = ["shell"]

_RESOLVER = Path("/etc/resolv.conf")
_RESOLVED = Path("/run/systemd/resolve")  # its socket would answer with the machine's own names


def shell(network: Network, seat: str, argv: Sequence[str]) -> int:
    """Runs a command to its end and returns its exit code; the terminal's Ctrl-C is for the command alone.

    Raises InputError where there is no such program.
    """
    outcome: list[int | OSError] = []
    endpoint = next(s.endpoint for s in network.plan.seats if s.name == seat)
    conf = resolv_conf(network.plan, endpoint.namespace)
    # A thread has mounts of its own: what it sees as /etc/resolv.conf, only the command sees too.
    thread = threading.Thread(target=_in_thread, args=(network, seat, argv, conf, outcome))
    with _deaf():
        thread.start()
        thread.join()
    if isinstance(outcome[0], OSError):
        raise InputError(f"{argv[0]}: {outcome[0].strerror}")
    return outcome[0]


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the command would inherit
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _in_thread(network: Network, seat: str, argv: Sequence[str], conf: str, outcome: list[int | OSError]) -> None:
    try:
        kernel.unshare(kernel.CLONE_NEWNS)
        _resolve_by(conf)
        with network.inside(seat):
            outcome.append(subprocess.call(argv, env={**os.environ, "PODWALL_ENDPOINT": seat}))  # noqa: S603
    except OSError as error:
        outcome.append(error)


def _resolve_by(conf: str) -> None:
    """Puts a resolver's configuration where programs read it; a machine without one has nothing to be replaced."""
    place = _RESOLVER.resolve()
    if _RESOLVED.is_dir():
        kernel.mount("none", str(_RESOLVED), "tmpfs")
        if place.is_relative_to(_RESOLVED):
            place.write_text(conf)
            return
    if place.exists():
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(conf)
            file.flush()
            Path(file.name).chmod(0o644)
            kernel.mount(file.name, str(place), "", kernel.MS_BIND)
