"""Namespaces that leave no trace: a process of its own for the lab, and network namespaces that only it holds open.

`enclosed` runs a function in a child that has its own network, mounts and process numbers, as root or, without being
root, in a user namespace. Every namespace of a lab is held by descriptors of that child, and everything that is
started in it dies with it, whatever ends the program: it is the first process of its PID namespace, and the kernel
kills it when its parent ends. The machine's own network namespace is never touched, as the child is not in it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import resource
import shutil
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

from podwall.errors import LabUnavailable, PodwallError
from podwall.lab import kernel
from podwall.lab.missing import Facts, cure, missing_program

__all__ = ["Space", "allow_descriptors", "enclosed", "is_enclosed", "keep", "outer_pid", "program", "unprivileged"]

T = TypeVar("T")

_OWN = kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID
_INTERRUPTED = 130


class _State:
    """What a process of `enclosed` knows of itself."""

    enclosed = False
    kept = False
    unprivileged = False
    outer_pid = 0


def is_enclosed() -> bool:
    """Whether this process is one that `enclosed` made: only there may namespaces be created."""
    return _State.enclosed


def unprivileged() -> bool:
    """Whether the enclosed process has its rights from a user namespace."""
    return _State.unprivileged


def outer_pid() -> int:
    """The enclosed process's number as others see it."""
    return _State.outer_pid


def keep() -> None:
    """Has the enclosed process stay, with all that it holds, when its work is done; SIGTERM ends it."""
    _State.kept = True


def program(name: str) -> str:
    """The path of a program, also where system programs are that a user's PATH leaves out. Raises LabUnavailable."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    if found is None:
        raise LabUnavailable(missing_program(name))
    return found


def allow_descriptors(least: int) -> None:
    """Lets this process open as many as it may. Raises LabUnavailable where that is too few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < least:
        raise LabUnavailable(
            f"a lab of this size needs {least:,} open files, and {most:,} are allowed: raise the limit (ulimit -Hn), or"
            " make the lab smaller"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Space:
    """A network namespace, held open by this process; gone with it, or when it is closed."""

    def __init__(self) -> None:
        """Makes a new one; the calling thread stays where it is. Only in an enclosed process."""
        if not is_enclosed():
            raise RuntimeError("network namespaces are made by podwall.lab.spaces.enclosed only")
        home = _own_namespace()
        try:
            kernel.unshare(kernel.CLONE_NEWNET)
            self.fd = _own_namespace()
            kernel.setns(home, kernel.CLONE_NEWNET)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise LabUnavailable(
                "there may be no more network namespaces: sysctl -w user.max_net_namespaces=15000, or a smaller lab"
            ) from None
        finally:
            os.close(home)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is inside; sockets and processes made meanwhile belong there. Not across an `await`."""
        before = _own_namespace()
        try:
            kernel.setns(self.fd, kernel.CLONE_NEWNET)
            yield
        finally:
            kernel.setns(before, kernel.CLONE_NEWNET)
            os.close(before)

    def close(self) -> None:
        """Lets go of it."""
        os.close(self.fd)


def _own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


# The child


def enclosed(work: Callable[[], T]) -> T:
    """Runs `work` in namespaces of its own and returns what it returns, which must be picklable.

    Raises LabUnavailable where the machine does not allow it, and what PodwallError `work` raises.
    """
    if not sys.platform.startswith("linux"):
        raise LabUnavailable("a lab needs Linux; elsewhere, run it in a container with --privileged")
    sys.stdout.flush()
    sys.stderr.flush()
    receive, send = os.pipe()
    parent = os.getpid()
    child = _fork()
    if child == 0:
        os.close(receive)
        _outer(work, parent, send)
    os.close(send)
    with _passing_on_interrupts(child):
        answer = _read_all(receive)
        if answer[:1] == b"k":  # kept: whoever stands between has nothing left to do
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return _result(answer[1:], os.waitstatus_to_exitcode(status))


def _fork() -> int:
    """Fork; Python warns of other threads, of which there are none that the child would wait for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


@contextlib.contextmanager
def _passing_on_interrupts(child: int) -> Iterator[None]:
    """What to do on Ctrl-C is the enclosed process's decision: an interactive shell in it goes on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGINT)

    before = signal.signal(signal.SIGINT, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _read_all(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as stream:
        return stream.read()


def _result(answer: bytes, status: int) -> T:  # type: ignore[type-var]
    if not answer:
        if status == _INTERRUPTED:
            raise KeyboardInterrupt
        raise RuntimeError(f"the process of the lab ended with status {status}")
    value: T | PodwallError | str
    succeeded, value = pickle.loads(answer)  # noqa: S301 our own child wrote it
    if succeeded:
        return value  # type: ignore[return-value]
    if isinstance(value, PodwallError):
        raise value
    raise RuntimeError(f"in the process of the lab:\n{value}")


def _outer(work: Callable[[], T], parent: int, send: int) -> NoReturn:
    """Enters the namespaces; the first process of the new PID namespace does the work."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # until there is somebody to pass it on to
        _enter_namespaces()
        kernel.die_with_parent(parent)
        outer = os.getpid()
        inner = _fork()
        if inner == 0:
            _inner(work, outer, send)
        os.close(send)
        signal.signal(signal.SIGINT, lambda *_: os.kill(inner, signal.SIGINT))
        _, status = os.waitpid(inner, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    except PodwallError as error:
        _send(send, succeeded=False, value=error)
    except BaseException:  # noqa: BLE001 told to the parent, which raises it
        _send(send, succeeded=False, value=traceback.format_exc())
    os._exit(1)


def _inner(work: Callable[[], T], outer: int, send: int) -> NoReturn:
    code = 1
    try:
        signal.signal(signal.SIGINT, _interrupt_once)
        kernel.die_with_parent(outer)
        kernel.set_dumpable()
        _State.enclosed = True
        _State.outer_pid = int(Path("/proc/self").readlink().name)
        with contextlib.suppress(OSError):  # for `ps` and the like; where /proc is masked, the old one stays
            kernel.mount("proc", "/proc", "proc")
        value = work()
        code = 0
        if _State.kept:
            _stay(send, value)
        _send(send, succeeded=True, value=value)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except PodwallError as error:
        _send(send, succeeded=False, value=error)
    except BaseException:  # noqa: BLE001 told to the parent, which raises it
        _send(send, succeeded=False, value=traceback.format_exc())
    os._exit(code)


def _interrupt_once(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _send(fd: int, *, succeeded: bool, value: object, kept: bool = False) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        data = pickle.dumps((succeeded, value))
        pickle.loads(data)  # noqa: S301 an error with a constructor of its own may not come back
    except Exception as error:
        if succeeded:
            raise
        data = pickle.dumps((False, PodwallError(str(value)) if isinstance(value, PodwallError) else repr(error)))
    with os.fdopen(fd, "wb") as stream:
        stream.write((b"k" if kept else b".") + data)


def _stay(send: int, value: object) -> NoReturn:
    """Answers, and holds everything open until SIGTERM. As the first of its PID namespace it needs a handler."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kernel.outlive_parent()
    os.setsid()
    _send(send, succeeded=True, value=value, kept=True)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    while True:
        signal.pause()


def _enter_namespaces() -> None:
    """As root plainly, else by a user namespace. Raises LabUnavailable."""
    user, group = os.geteuid(), os.getegid()
    try:
        kernel.unshare(_OWN)
    except OSError:
        step = "unshare(CLONE_NEWUSER)"
        try:
            kernel.unshare(_OWN | kernel.CLONE_NEWUSER)
            step = "mapping the user"
            kernel.set_dumpable()  # else what /proc has of this process is root's
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        except OSError as error:
            raise LabUnavailable(cure(step, error.errno or 0, _facts(root=user == 0))) from None
        _State.unprivileged = True
    try:
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)  # mounts in here are nobody else's
    except OSError as error:
        raise LabUnavailable(cure("mount", error.errno or 0, _facts(root=user == 0))) from None


def _facts(*, root: bool) -> Facts:
    return Facts(
        root=root,
        unprivileged_userns_clone=_sysctl("kernel/unprivileged_userns_clone"),
        max_user_namespaces=_sysctl("user/max_user_namespaces"),
        apparmor_restricts=_sysctl("kernel/apparmor_restrict_unprivileged_userns"),
    )


def _sysctl(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None
