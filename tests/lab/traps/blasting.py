"""Packets without end while something else goes on."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import struct
from collections.abc import Callable, Iterator, Sequence

_COUNT = struct.Struct("=Q")


@contextlib.contextmanager
def blasting(senders: Sequence[socket.socket]) -> Iterator[Callable[[], int]]:
    """Another process, on whatever CPU, that sends on these sockets without end; tells how much it has sent."""
    counter = mmap.mmap(-1, _COUNT.size)
    child = os.fork()
    if child == 0:
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
        _send(senders, counter)
    try:
        yield lambda: int(_COUNT.unpack(counter[:])[0])
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _send(senders: Sequence[socket.socket], counter: mmap.mmap) -> None:
    sent = 0
    while True:
        for sender in senders:
            for _ in range(16):
                try:
                    sender.send(b"flood")
                except OSError:
                    continue
                sent += 1
        counter[:] = _COUNT.pack(sent)
