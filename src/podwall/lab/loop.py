"""One epoll loop for everything that a lab's process waits for: listeners, probes, and what the kernel logs."""

from __future__ import annotations

import select
from collections.abc import Callable
from types import TracebackType
from typing import Self

__all__ = ["ERROR", "READ", "WRITE", "Handler", "Loop"]

READ, WRITE, ERROR = select.EPOLLIN, select.EPOLLOUT, select.EPOLLERR | select.EPOLLHUP
_AT_ONCE = 512  # events

Handler = Callable[[int], None]
"""Takes the events of its descriptor."""


class Loop:
    """Handlers by descriptor. A descriptor is dropped before it is closed."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._epoll.close()

    def add(self, descriptor: int, handler: Handler, events: int = READ) -> None:
        """Calls the handler whenever the descriptor is ready."""
        self._handlers[descriptor] = handler
        self._epoll.register(descriptor, events)

    def change(self, descriptor: int, events: int) -> None:
        """Waits for other events."""
        self._epoll.modify(descriptor, events)

    def drop(self, descriptor: int) -> None:
        """Waits for it no more."""
        self._epoll.unregister(descriptor)
        del self._handlers[descriptor]

    def turn(self, seconds: float) -> int:
        """Handles what is ready, or becomes so in this time; returns how much that was."""
        ready = self._epoll.poll(seconds, _AT_ONCE)
        for descriptor, events in ready:
            handler = self._handlers.get(descriptor)  # one handler may have dropped what another one waited for
            if handler is not None:
                handler(events)
        return len(ready)
