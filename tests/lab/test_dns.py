"""DNS messages, byte by byte, and what a pod's resolver is told."""

from __future__ import annotations

import socket
import struct

import pytest

from podwall.lab.dns import answer, resolv_conf
from podwall.lab.plan import Plan, Translation

NAMES = {
    "web.default.svc.cluster.local": ("10.96.0.1", "fd00::1"),
    "db.default.svc.cluster.local": ("10.96.0.2",),
    "many.default.svc.cluster.local": tuple(f"10.0.0.{n}" for n in range(60)),
}
A, AAAA, TXT, ANY = 1, 28, 16, 255


def query(name: str, kind: int, flags: int = 0x0100, additional: int = 0) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!6H", 7, flags, 1, 0, 0, additional) + labels + struct.pack("!BHH", 0, kind, 1)


@pytest.mark.parametrize(
    ("name", "kind", "code", "addresses"),
    [
        ("web.default.svc.cluster.local", A, 0, ["10.96.0.1"]),
        ("web.default.svc.cluster.local", AAAA, 0, ["fd00::1"]),
        ("web.default.svc.cluster.local", ANY, 0, ["10.96.0.1", "fd00::1"]),
        ("WEB.Default.svc.cluster.local", A, 0, ["10.96.0.1"]),
        ("db.default.svc.cluster.local", AAAA, 0, []),  # the name is there, but has no such address
        ("db.default.svc.cluster.local", TXT, 0, []),
        ("default.svc.cluster.local", A, 0, []),
        ("gone.default.svc.cluster.local", A, 3, []),
        ("example.com", A, 3, []),  # so that a resolver goes on along its search domains
        ("10-244-1-2.default.pod.cluster.local", A, 0, ["10.244.1.2"]),
        ("fd00--9.default.pod.cluster.local", AAAA, 0, ["fd00::9"]),
        ("nonsense.default.pod.cluster.local", A, 3, []),
    ],
)
def test_answers(name: str, kind: int, code: int, addresses: list[str]) -> None:
    asked = query(name, kind)
    got = answer(asked, NAMES)
    assert got is not None
    number, flags, questions, count, _, _ = struct.unpack_from("!6H", got)
    assert (number, flags & 0x8000, flags & 0x0100, flags & 0xF, questions) == (7, 0x8000, 0x0100, code, 1)
    assert got[12 : len(asked)] == asked[12:]
    assert (count, records(got[len(asked) :])) == (len(addresses), addresses)


def records(data: bytes) -> list[str]:
    out, at = [], 0
    while at < len(data):
        _, kind, _, _, size = struct.unpack_from("!3HIH", data, at)
        out.append(socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, data[at + 12 : at + 12 + size]))
        at += 12 + size
    return out


@pytest.mark.parametrize(("additional", "stream", "truncated"), [(0, False, True), (1, False, False), (0, True, False)])
def test_a_long_answer_is_cut_for_udp(additional: int, stream: bool, truncated: bool) -> None:
    got = answer(query("many.default.svc.cluster.local", A, additional=additional), NAMES, stream=stream)
    assert got is not None
    assert bool(struct.unpack_from("!6H", got)[1] & 0x0200) is truncated
    assert (struct.unpack_from("!6H", got)[3] == 0) is truncated


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"short", None),
        (query("a.b", A, flags=0x8000), None),  # an answer is not answered
        (query("a.b", A, flags=0x2800), 4),  # an update
        (struct.pack("!6H", 7, 0, 1, 0, 0, 0), 1),
        (struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\xc0\x0c\x00\x01\x00\x01", 1),  # a pointer to itself
        (struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\x05ab", 1),
        (struct.pack("!6H", 7, 0, 2, 0, 0, 0) + query("a.b", A)[12:], 4),
    ],
)
def test_what_is_no_question(data: bytes, code: int | None) -> None:
    got = answer(data, NAMES)
    assert (None if got is None else struct.unpack_from("!6H", got)[1] & 0xF) == code


@pytest.mark.parametrize(
    ("plan", "namespace", "expected"),
    [
        (
            Plan((), (), (Translation("kube-system/kube-dns", "10.96.0.10", "UDP", 53, ()),)),
            "shop",
            "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\n",
        ),
        (
            Plan((), (), dns_cache="169.254.20.10"),
            "",
            "nameserver 169.254.20.10\nsearch svc.cluster.local cluster.local\n",
        ),
    ],
)
def test_resolv_conf(plan: Plan, namespace: str, expected: str) -> None:
    assert resolv_conf(plan, namespace) == expected + "options ndots:5 timeout:2\n"
