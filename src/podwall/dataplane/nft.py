"""The `nft` program: one text in, applied in whole or not at all; or a KernelError with its words and the line."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess

from podwall.dataplane.netlink import NOT_ALLOWED, TOO_LONG, Within
from podwall.errors import KernelError

__all__ = ["run", "version"]

# What kube-proxy's nftables mode asks for, too.
_OLDEST = (1, 0, 1)
# Users other than root often have no sbin on their PATH.
_PLACES = os.pathsep.join(("/usr/sbin", "/sbin", "/usr/local/sbin"))
# The kernel does one transaction at a time, and kube-proxy's may be long.
_SECONDS = 120
_PLACE = re.compile(r"^\S+?:(\d+):(\d+)-(\d+): Error: (.*)", re.MULTILINE)
_SHOWN = 160
# What nft says about a whole transaction, which is about no line of it.
_KNOWN = (
    ("Operation not permitted", errno.EPERM, NOT_ALLOWED),
    ("must be root", errno.EPERM, NOT_ALLOWED),
    ("Message too long", errno.EMSGSIZE, TOO_LONG),
)


def version() -> tuple[int, ...]:
    """The version of nft. Raises KernelError where there is none, or one that is too old."""
    said = _started(("--version",), "").stdout
    match = re.search(r"v(\d+(?:\.\d+)+)", said)
    if match is None:
        raise KernelError(f"nft does not tell its version: {said.strip()}")
    found = tuple(map(int, match[1].split(".")))
    if found < _OLDEST:
        raise KernelError(f"nft {match[1]} is too old; install nftables {'.'.join(map(str, _OLDEST))} or later")
    return found


def run(text: str, within: Within, *, check: bool = False) -> None:
    """One transaction; with `check`, what the kernel would say to it."""
    with within():
        done = _started(("--check", "--file", "-") if check else ("--file", "-"), text)
    if done.returncode:
        raise _complaint(done.stderr, text)


def _started(arguments: tuple[str, ...], text: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("nft") or shutil.which("nft", path=_PLACES)
    if program is None:
        raise KernelError("the program nft is missing; install the package nftables")
    spoken = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(  # noqa: S603 - a program of the system, with arguments of ours
            [program, *arguments], input=text, capture_output=True, text=True, timeout=_SECONDS, env=spoken, check=False
        )
    except subprocess.TimeoutExpired:
        raise KernelError(
            f"nft was stopped after {_SECONDS} s; another program may hold the rules of this node"
        ) from None
    except OSError as error:
        raise KernelError(f"{program} cannot be started: {error.strerror}") from error


def _complaint(said: str, text: str) -> KernelError:
    """The first error, with the line of our text that it is about; all that it said where that cannot be told."""
    for words, number, meaning in _KNOWN:
        if words in said:
            return KernelError(meaning, number)
    match = _PLACE.search(said)
    if match is None:
        return KernelError(f"nft refused the rules: {said.strip() or 'without a word'}")
    lines = text.split("\n")
    number = int(match[1])
    line = lines[number - 1].strip() if number <= len(lines) else ""
    return KernelError(f"nft refused the rules: {match[4]}, at line {number}: {line[:_SHOWN]}")
