"""The cluster's DNS in a lab: real sockets on the seats that answer it, and on every node where there is a cache."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self, cast

from podwall.lab.dns import Names, answer, listeners
from podwall.lab.network import Network
from podwall.lab.spaces import Space

__all__ = ["Nameserver"]

_PATIENCE = 5.0  # seconds that a client of TCP may be silent


class Nameserver:
    """Answers while the context lasts, in a thread of its own; a network that is kept keeps it too."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._names = dict(network.plan.names)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nameserver", daemon=True)

    def __enter__(self) -> Self:
        sockets = list(self._sockets())
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(sockets), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._network.kept:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _sockets(self) -> Iterator[socket.socket]:
        plan = self._network.plan
        for seat, address, port in listeners(plan):
            yield from _open(self._network.space(seat), address, port)
        for node in plan.nodes if plan.dns_cache else ():
            yield from _open(self._network.node_space(node.name), plan.dns_cache, 53)

    async def _serve(self, sockets: list[socket.socket]) -> None:
        self._transports: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []
        for each in sockets:
            if each.type == socket.SOCK_DGRAM:
                transport, _ = await self._loop.create_datagram_endpoint(lambda: _Datagrams(self._names), sock=each)
                self._transports.append(transport)
            else:
                self._servers.append(await asyncio.start_server(self._stream, sock=each))

    async def _stop(self) -> None:
        for transport in self._transports:
            transport.close()
        for server in self._servers:
            server.close()
        await asyncio.sleep(0)  # transports close in the next round of the loop

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            while True:
                (length,) = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), _PATIENCE))
                query = await asyncio.wait_for(reader.readexactly(length), _PATIENCE)
                reply = answer(query, self._names, stream=True)
                if reply is None:
                    break
                writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, names: Names) -> None:
        self._names = names

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # what asyncio promises, not its class

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = answer(data, self._names)
        if reply is not None:
            self._transport.sendto(reply, addr)


def _open(space: Space, address: str, port: int) -> Iterator[socket.socket]:
    """A socket for UDP and one for TCP, bound and listening."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with space.entered():
        datagrams, streams = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_STREAM)
    streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for each in (datagrams, streams):
        each.setblocking(False)  # noqa: FBT003 the name of the method says what it is
        each.bind((address, port))
        yield each
