"""The programs that the benchmark starts: those of the system, and those that it builds when it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

__all__ = ["Missing", "Tools", "find_tools"]

_HERE = Path(__file__).resolve().parent
_PACKAGES = {
    "nft": "nftables",
    "ip": "iproute2",
    "unshare": "util-linux",
    "ipset": "ipset",
    "iptables-legacy-restore": "iptables",
}
_NEEDED = ("nft", "ip", "unshare")


class Missing(Exception):
    """A program without which nothing can be measured."""


class Tools(msgspec.Struct, frozen=True):
    """Commands: how packets are sent and connections opened; which packages of the compared shape are missing.

    `compiled` says whether the first two are C. Cores are those that a sender and whoever works beside it run on.
    `folder` is for files that go when all is measured.
    """

    folder: Path
    blast: tuple[str, ...]
    connect: tuple[str, ...]
    compiled: bool
    absent: tuple[str, ...]
    cores: tuple[int, int]


def find_tools(folder: Path) -> Tools:
    """Look for programs, and build ours into `folder`; raises Missing."""
    absent = [name for name in _PACKAGES if shutil.which(name) is None]
    needed = sorted({_PACKAGES[name] for name in absent if name in _NEEDED})
    if needed:
        raise Missing(f"missing programs; install them: apt-get install -y {' '.join(needed)}")
    built = [_built(name, folder) for name in ("blast", "connect")]
    compiled = all(path is not None for path in built)
    blast, connect = (
        (str(path),) if compiled else (sys.executable, str(_HERE / f"{name}.py"))
        for name, path in zip(("blast", "connect"), built, strict=True)
    )
    cores = sorted(os.sched_getaffinity(0))
    return Tools(folder, blast, connect, compiled, tuple(_PACKAGES[name] for name in absent), (cores[-1], cores[0]))


def _built(name: str, folder: Path) -> Path | None:
    """The compiled program; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    target = folder / name
    subprocess.run([compiler, "-O2", "-o", str(target), str(_HERE / f"{name}.c")], check=True)
    return target
