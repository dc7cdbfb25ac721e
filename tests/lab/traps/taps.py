"""Packets by hand: sent from a pod as bytes, and looked for in another one."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Iterator
from ipaddress import ip_address

from podwall.dataplane.packet import Packet
from tests.dataplane.frames import frame
from tests.lab.traps.scene import Scene, seat

_markers = itertools.count(1)


class Tap:
    """What comes into a pod, as bytes."""

    def __init__(self, held: Scene, who: str) -> None:
        self._scene, self._who = held, who
        with held.network.inside(seat(who)):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)

    def sees(self, packet: Packet, sender: str, about: Packet | None = None) -> bool:
        """Whether a packet that another pod sends comes in here."""
        marker = b"\xa5" + next(_markers).to_bytes(3)
        family = 4 if len(packet.source) == 4 else 6
        with self._scene.opened(sender, family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            raw.sendto(frame(packet, marker, about), (str(ip_address(packet.destination)), 0))
        self._scene.fence(self._who)
        return any(marker in data for data in self._arrived())

    def _arrived(self) -> Iterator[bytes]:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, address = self._socket.recvfrom(1 << 16)
                if address[2] != socket.PACKET_OUTGOING:
                    yield data


def packet(
    held: Scene, ends: tuple[str, str], protocol: int, ports: tuple[int, int], family: int = 4, **more: object
) -> Packet:
    """A packet from one pod to another."""
    source, destination = (ip_address(held.address(who, family)).packed for who in ends)
    return Packet(source, destination, protocol, *ports, **more)  # type: ignore[arg-type]
