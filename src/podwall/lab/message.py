"""What probes say. A question is a DNS query for a name that is the probe's number, and the answer repeats it.

So a nameserver that has a port already answers a probe of it, if only to say that there is no such name. A listener of
the lab answers with the same bytes and behind them where it was reached, which tells who answered.
"""

from __future__ import annotations

import re
import struct

__all__ = ["MOST", "answer", "framed", "question", "read"]

MOST = 512  # bytes of a datagram
_HEADER = struct.Struct(">6H")
_START = _HEADER.size
_TOKEN = b"\x0bpw-%08x"
_REST = b"\x07invalid\x00\x00\x01\x00\x01"  # .invalid is nobody's; type A, class IN
_ASKED = re.compile(rb"\x0bpw-([0-9a-f]{8})" + re.escape(_REST))
_SAID = re.compile(rb"([0-9a-f.:]+) ([0-9]{1,5})")
_RECURSE = 0x0100


def question(number: int) -> bytes:
    """The datagram of a probe."""
    return _HEADER.pack(number & 0xFFFF, _RECURSE, 1, 0, 0, 0) + _TOKEN % number + _REST


def answer(asked: bytes, address: str, port: int) -> bytes:
    """What a listener sends back."""
    return asked + f"{address} {port}".encode()


def read(data: bytes) -> tuple[int, tuple[str, int]] | None:
    """The number of the probe that an answer is for, and who says that it answers; None for what is no answer.

    A nameserver repeats the question and says nothing of itself: ("", 0).
    """
    repeated = _ASKED.match(data, _START)
    if repeated is None:
        return None
    said = _SAID.fullmatch(data, repeated.end())
    by = (said[1].decode(), int(said[2])) if said else ("", 0)
    return int(repeated[1], 16), by


def framed(message: bytes) -> bytes:
    """A message as it goes over TCP: its length before it."""
    return struct.pack(">H", len(message)) + message
