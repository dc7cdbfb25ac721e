"""The calls to Linux that Python does not have: namespaces, mounts, and death with one's parent."""

from __future__ import annotations

import ctypes
import os

__all__ = [
    "CLONE_NEWNET",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWUSER",
    "MS_BIND",
    "MS_PRIVATE",
    "MS_REC",
    "die_with_parent",
    "mount",
    "outlive_parent",
    "set_dumpable",
    "setns",
    "unshare",
]

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(status: int, what: str) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def unshare(flags: int) -> None:
    """Moves the calling thread into new namespaces. Raises OSError."""
    _checked(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Moves the calling thread into a namespace that is open as `fd`. Raises OSError."""
    _checked(_libc.setns(fd, kind), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0) -> None:
    """Attaches a file system, or another place in the tree. Raises OSError."""
    _checked(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, None), f"mount {target}")


def die_with_parent(parent: int) -> None:
    """Has this process killed when its parent ends; ends it now if that happened already.

    The kernel forgets this when a process gets capabilities, so it comes after `unshare`.
    """
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() not in (parent, 0):  # 0: the parent is outside of this PID namespace
        os._exit(1)


def outlive_parent() -> None:
    """Takes `die_with_parent` back."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0), "prctl")


def set_dumpable() -> None:
    """Lets the same user open what /proc holds of this process, which new capabilities forbid."""
    _checked(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")
