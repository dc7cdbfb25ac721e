"""What probes say on the wire: DNS questions that echo, and SCTP packets with their checksums."""

from __future__ import annotations

import struct

import pytest

from podwall.lab import message, sctp

# RFC 3720, B.4, and the check value that every catalog of CRCs gives for CRC-32C.
CHECKSUMS = [
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (b"123456789", 0xE3069283),
]


@pytest.mark.parametrize(("data", "crc"), CHECKSUMS)
def test_checksums(data: bytes, crc: int) -> None:
    assert sctp.checksum(data) == crc


def test_an_init_is_as_the_rfc_has_it() -> None:
    data = sctp.init(50132, 2905, 0x01020304)
    source, destination, tag = struct.unpack_from(">HHI", data)
    kind, flags, length, initiate = struct.unpack_from(">BBHI", data, 12)
    assert (source, destination, tag) == (50132, 2905, 0)  # an INIT has no verification tag (RFC 9260, 8.5.1)
    assert (kind, flags, length, initiate) == (1, 0, 20, 0x01020304)
    assert len(data) == 32


@pytest.mark.parametrize("cookie", [b"", b"a", b"10.0.0.1 80", b"fd00::1 65535", b"four"])
def test_an_init_ack_answers_its_init(cookie: bytes) -> None:
    asked = sctp.read(sctp.init(1, 2, 77))
    assert asked is not None
    assert asked == sctp.Packet(1, 2, 0, sctp.INIT, 77)
    assert sctp.read(sctp.acknowledged(asked, 5, cookie)) == sctp.Packet(2, 1, 77, sctp.INIT_ACK, 5, cookie)


def test_an_abort_is_read_too() -> None:
    head, chunk = struct.pack(">HHI", 2, 1, 77), struct.pack(">BBH", 6, 0, 4)
    crc = sctp.checksum(head + bytes(4) + chunk).to_bytes(4, "little")
    assert sctp.read(head + crc + chunk) == sctp.Packet(2, 1, 77, sctp.ABORT)


@pytest.mark.parametrize("cut", range(32))
def test_what_is_cut_or_damaged_is_no_packet(cut: int) -> None:
    data = sctp.init(1, 2, 77)
    assert sctp.read(data[:cut]) is None
    assert sctp.read(data[:cut] + bytes([data[cut] ^ 1]) + data[cut + 1 :]) is None


QUESTION = message.question(0xDEADBEEF)
READ = [
    (message.answer(QUESTION, "10.0.0.1", 80), (0xDEADBEEF, ("10.0.0.1", 80))),
    (message.answer(QUESTION, "fd00::1", 65535), (0xDEADBEEF, ("fd00::1", 65535))),
    (QUESTION, (0xDEADBEEF, ("", 0))),  # a server that echoes
    (QUESTION[:2] + b"\x81\x83" + QUESTION[4:], (0xDEADBEEF, ("", 0))),  # NXDOMAIN
    (QUESTION + bytes(range(128, 180)), (0xDEADBEEF, ("", 0))),
    (b"", None),
    (QUESTION[:20], None),
    (b"SSH-2.0-OpenSSH_9.6\r\n" + bytes(40), None),
    (QUESTION.replace(b"deadbeef", b"deadbeeg"), None),
]


@pytest.mark.parametrize(("data", "read"), READ)
def test_answers(data: bytes, read: tuple[int, tuple[str, int]] | None) -> None:
    assert message.read(data) == read


def test_a_question_is_a_dns_query() -> None:
    number, flags, questions, *others = struct.unpack_from(">6H", QUESTION)
    assert (number, flags, questions, others) == (0xBEEF, 0x0100, 1, [0, 0, 0])
    labels, rest = [], QUESTION[12:]
    while rest[0]:
        labels.append(rest[1 : rest[0] + 1])
        rest = rest[rest[0] + 1 :]
    assert labels == [b"pw-deadbeef", b"invalid"]
    assert rest == b"\x00\x00\x01\x00\x01"
    assert message.framed(QUESTION)[:2] == len(QUESTION).to_bytes(2, "big")
