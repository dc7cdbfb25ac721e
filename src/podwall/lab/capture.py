"""What every endpoint sends and gets, as pcap files; without tcpdump or libpcap."""

from __future__ import annotations

import re
import selectors
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from podwall.lab.network import Network
from podwall.lab.plan import Seat, SeatKind
from podwall.lab.wiring import EXTERNAL, space_of

__all__ = ["Capture", "file_name", "pcap_header", "pcap_record"]

_ALL = 3  # ETH_P_ALL
_TIMESTAMPS = 35  # SO_TIMESTAMPNS
_MAGIC, _ETHERNET = 0xA1B23C4D, 1  # times in nanoseconds
_SNAPLEN = 0x10000
_BUFFER = 1 << 22
_TIME = struct.Struct("@ll")


class Capture:
    """Writes a file for each endpoint into a folder while the context lasts; endpoints of one host share one."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._network = network
        self._folder = folder
        self._selector = selectors.DefaultSelector()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, name="capture", daemon=True)

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        opened: set[str] = set()
        for seat in self._network.plan.seats:
            if (key := space_of(seat)) not in opened:
                opened.add(key)
                with self._network.inside(seat.name):
                    packets = _listen("eth0")
                file = (self._folder / file_name(seat)).open("wb", buffering=0)
                file.write(pcap_header())
                self._selector.register(packets, selectors.EVENT_READ, file)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.data.close()
            assert isinstance(key.fileobj, socket.socket)  # noqa: S101 registered above
            key.fileobj.close()
        self._selector.close()

    def _write(self) -> None:
        """Until the end is told and nothing is left to read."""
        while True:
            ended = self._ended.is_set()
            ready = self._selector.select(0 if ended else 0.05)
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)  # noqa: S101 registered above
                _drain(key.fileobj, key.data)
            if ended and not ready:
                return


def _listen(device: str) -> socket.socket:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    packets.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
    packets.setblocking(False)  # noqa: FBT003 the name of the method says what it is
    packets.bind((device, _ALL))
    return packets


def _drain(packets: socket.socket, file: BinaryIO) -> None:
    while True:
        try:
            data, told, _, _ = packets.recvmsg(_SNAPLEN, socket.CMSG_SPACE(_TIME.size))
        except BlockingIOError:
            return
        stamp = next((d for level, kind, d in told if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMPS)), None)
        file.write(pcap_record(data, _TIME.unpack(stamp[: _TIME.size]) if stamp else (0, 0)))


def file_name(seat: Seat) -> str:
    """`ns_name.pcap`; the external addresses are in one file."""
    if seat.kind is SeatKind.EXTERNAL:
        return f"{EXTERNAL}.pcap"
    return re.sub(r"[^A-Za-z0-9.-]", "_", space_of(seat)) + ".pcap"


def pcap_header() -> bytes:
    """The beginning of a file of Ethernet frames."""
    return struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAPLEN, _ETHERNET)


def pcap_record(frame: bytes, time: tuple[int, int]) -> bytes:
    """A frame with its time in seconds and nanoseconds."""
    return struct.pack("<IIII", *time, len(frame), len(frame)) + frame
