"""What the lab's tests say to each other across namespaces."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from podwall.lab.network import Network


def family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@contextlib.contextmanager
def listening(network: Network, seat: str, address: str, port: int) -> Iterator[socket.socket]:
    with network.inside(seat):
        listener = socket.socket(family(address), socket.SOCK_STREAM)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen()
        listener.settimeout(5)
        yield listener


def connect(network: Network, seat: str, address: str, port: int, source: str = "") -> socket.socket:
    with network.inside(seat):
        client = socket.socket(family(address), socket.SOCK_STREAM)
    client.settimeout(5)
    if source:
        client.bind((source, 0))
    client.connect((address, port))
    return client


def seen_from(network: Network, seat: str, to: tuple[str, int], listener: socket.socket, source: str = "") -> str:
    """Whom a listener sees when a seat connects to an address and port."""
    with connect(network, seat, *to, source):
        accepted, peer = listener.accept()
        accepted.close()
    return str(peer[0])
