"""DNS as far as a cluster's own names need it (RFC 1035): a query's bytes → the answer's bytes. Pure.

Names that are not there get NXDOMAIN, not a failure, so that a resolver goes on along its search domains.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator, Mapping, Sequence

from podwall.lab.hosting import family_of
from podwall.lab.plan import Plan, Seat
from podwall.lab.serving import CLUSTER_DOMAIN, DNS_NAMES, DNS_SERVICE

__all__ = ["Names", "answer", "listeners", "nameservers", "resolv_conf"]

Names = Mapping[str, Sequence[str]]

_HEADER = struct.Struct("!6H")
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION_WANTED = 0x8000, 0x0400, 0x0200, 0x0100
_OPCODE = 0x7800
_FORMAT_ERROR, _NO_SUCH_NAME, _NOT_IMPLEMENTED = 1, 3, 4
_FAMILIES = {1: 4, 28: 6}  # A, AAAA
_ANY = 255
_TTL = 5  # as CoreDNS' for cluster names
_PLAIN, _EXTENDED = 512, 1232  # bytes that an answer by UDP may have, without and with EDNS


def answer(query: bytes, names: Names, *, stream: bool = False) -> bytes | None:
    """The answer to one message; None where there is none to give. `stream`: by TCP, where length is no matter."""
    if len(query) < _HEADER.size:
        return None
    number, flags, questions, _, _, additional = _HEADER.unpack_from(query)
    if flags & _RESPONSE:
        return None
    kept = flags & (_RECURSION_WANTED | _OPCODE) | _RESPONSE | _AUTHORITATIVE
    if flags & _OPCODE or questions != 1:
        return _HEADER.pack(number, kept | _NOT_IMPLEMENTED, 0, 0, 0, 0)
    try:
        name, end = _name(query, _HEADER.size)
        kind, _ = struct.unpack_from("!2H", query, end)
    except (IndexError, struct.error, UnicodeDecodeError):
        return _HEADER.pack(number, kept | _FORMAT_ERROR, 0, 0, 0, 0)
    question = query[_HEADER.size : end + 4]
    most = 0xFFFF if stream else _EXTENDED if additional else _PLAIN
    code, records = _found(_looked_up(name, names), kind, most - _HEADER.size - len(question))
    return _HEADER.pack(number, kept | code, 1, len(records), 0, 0) + question + b"".join(records)


def _found(addresses: Sequence[str] | None, kind: int, room: int) -> tuple[int, list[bytes]]:
    """The flags and records of an answer."""
    if addresses is None:
        return _NO_SUCH_NAME, []
    records = [_record(a) for a in addresses if kind == _ANY or _FAMILIES.get(kind) == family_of(a)]
    return (_TRUNCATED, []) if sum(map(len, records)) > room else (0, records)


def _name(query: bytes, at: int) -> tuple[str, int]:
    """A name without compression, in small letters, and where it ends."""
    labels = []
    while length := query[at]:
        if length > 63 or at + 1 + length >= len(query):
            raise IndexError
        labels.append(query[at + 1 : at + 1 + length].decode("ascii"))
        at += 1 + length
    return ".".join(labels).lower(), at + 1


def _looked_up(name: str, names: Names) -> Sequence[str] | None:
    """Its addresses; none for a name that only has others below it; None where there is no such name."""
    found = names.get(name)
    if found is not None:
        return found
    dashed, dot, rest = name.partition(".")
    if dot and rest.endswith(f".pod.{CLUSTER_DOMAIN}"):
        return _spelled(dashed)
    return () if any(known.endswith(f".{name}") for known in names) else None


def _spelled(dashed: str) -> tuple[str] | None:
    """The address that a pod's name spells: 10-244-1-2."""
    for text in (dashed.replace("-", "."), dashed.replace("-", ":")):
        try:
            return (str(ipaddress.ip_address(text)),)
        except ValueError:
            continue
    return None


def _record(address: str) -> bytes:
    packed = ipaddress.ip_address(address).packed
    kind = next(k for k, family in _FAMILIES.items() if family == family_of(address))
    return struct.pack("!3HIH", 0xC00C, kind, 1, _TTL, len(packed)) + packed  # 0xC00C: the name of the question


# Who asks whom


def nameservers(plan: Plan) -> tuple[str, ...]:
    """The addresses that pods ask: the cache's, else the DNS Service's, else those of the pods that answer."""
    if plan.dns_cache:
        return (plan.dns_cache,)
    behind = {(a, seat.name) for seat in _answering(plan) for a in seat.endpoint.addresses}
    served = [
        t.address
        for t in plan.translations
        if (t.port, t.protocol) == (53, "UDP") and t.service in {f"{DNS_SERVICE[0]}/{name}" for name in DNS_NAMES}
    ]
    return tuple(dict.fromkeys(served)) or tuple(sorted({a for a, _ in behind}))


def _answering(plan: Plan) -> Iterator[Seat]:
    return (seat for seat in plan.seats if seat.name in plan.dns)


def listeners(plan: Plan) -> list[tuple[str, str, int]]:
    """Every (seat, address, port) at which DNS is answered, those of the caches apart."""
    found: set[tuple[str, str, int]] = set()
    for seat in _answering(plan):
        for address in seat.endpoint.addresses:
            ports = {port for t in plan.translations if t.port == 53 for a, port in t.targets if a == address}
            found.update((seat.name, address, port) for port in ports | {53})
    return sorted(found)


def resolv_conf(plan: Plan, namespace: str) -> str:
    """What kubelet writes for a pod of a namespace."""
    local = f"svc.{CLUSTER_DOMAIN}"
    search = (f"{namespace}.{local}", local, CLUSTER_DOMAIN) if namespace else (local, CLUSTER_DOMAIN)
    lines = [f"nameserver {address}" for address in nameservers(plan)[:3]]  # a resolver reads no more of them
    return "\n".join([*lines, f"search {' '.join(search)}", "options ndots:5 timeout:2"]) + "\n"
