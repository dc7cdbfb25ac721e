"""Runs a function in a child process with a network namespace of its own, which ends with it."""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import pickle
import signal
import socket
import struct
import traceback
import warnings
from collections.abc import Callable

import pytest

from podwall.dataplane.kernel import NftKernel
from podwall.errors import KernelError

__all__ = ["impossible", "inside"]

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_SET_FLAGS, _UP, _RUNNING = 0x8914, 0x1, 0x40
_SECONDS = 300


def inside(function: Callable[[], object], *, user: bool) -> None:
    """Calls it in a child. What it raises fails or skips the test. With `user`, the child is root in its own user
    namespace only; without, it is so where this process is not root.
    """
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Other threads, as pytest-xdist has them, are not in the child; none of them holds a lock that it needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os.close(reader)
        os.write(writer, pickle.dumps(_outcome(function, user))[:60_000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        told = answer.read()
    os.waitpid(child, 0)
    kind, words = pickle.loads(told) if told else ("failed", "the child died")  # noqa: S301 - our own child
    if kind == "skipped":
        pytest.skip(words)
    if kind == "failed":
        pytest.fail(words, pytrace=False)


def _outcome(function: Callable[[], object], user: bool) -> tuple[str, str]:
    try:
        signal.alarm(_SECONDS)
        _enter(user or os.geteuid() != 0)
        function()
    except pytest.skip.Exception as skipped:
        return "skipped", str(skipped)
    except BaseException:  # noqa: BLE001 - the parent raises it
        return "failed", traceback.format_exc()[-50_000:]
    return "passed", ""


def _enter(user: bool) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NET | (_NEW_USER if user else 0)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if user:
        for name, line in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - no path that anybody could mean
                file.write(line)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh", b"lo", _UP | _RUNNING))


@functools.cache
def impossible() -> str:
    """Why rules cannot be loaded here; empty where they can."""
    try:
        inside(_try, user=False)
    except pytest.skip.Exception as skipped:
        return str(skipped)
    except pytest.fail.Exception as failed:
        return f"no network namespace of our own: {str(failed).strip().splitlines()[-1]}"
    return ""


def _try() -> None:
    try:
        NftKernel().preflight()
    except KernelError as error:
        pytest.skip(f"no rules in a network namespace: {error}")
