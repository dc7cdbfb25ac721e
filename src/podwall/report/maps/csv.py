"""The map as CSV (RFC 4180): a head, then one row for each connection and range of ports."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from msgspec import UNSET

from podwall.report.maps.answer import Answer
from podwall.report.maps.external import labels
from podwall.report.public import Connection, Permit
from podwall.report.wording import policy_name

__all__ = ["write"]

_HEAD = ("src", "dst", "protocol", "port", "endPort", "family", "srcAddresses", "dstAddresses")
_REASONS = ("egressBy", "ingressBy")
_AT_ONCE = 1_000  # connections


def write(answer: Answer) -> Iterator[str]:
    """`family` is empty where a port is open in every family that both ends have; `…Addresses` are an external set's.

    With reasons: `Kind ns/name spec.ingress[0] (file:line, owner)`, several of them with `; ` between.
    """
    sets = {name: " ".join(label.words) or label.shown for name, label in labels(answer.head.external).items()}
    text = io.StringIO()
    rows = csv.writer(text)  # its lines end in CR and LF, as the RFC has it
    first = next(answer.connections, None)
    rows.writerow((*_HEAD, *(_REASONS if first and first.egressBy is not UNSET else ())))
    if first:
        rows.writerows(_rows(first, sets))
    for number, connection in enumerate(answer.connections):
        rows.writerows(_rows(connection, sets))
        if number % _AT_ONCE == 0:
            yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> str:
    found = text.getvalue()
    text.seek(0)
    text.truncate()
    return found


def _rows(found: Connection, sets: dict[str, str]) -> Iterator[Iterable[object]]:
    ends = sets.get(found.src, ""), sets.get(found.dst, "")
    reasons = [_by(by) for by in (found.egressBy, found.ingressBy) if by is not UNSET]
    for port in found.ports:
        family = "" if port.family is UNSET else port.family
        yield found.src, found.dst, port.protocol, port.port, port.endPort, family, *ends, *reasons


def _by(by: object) -> str:
    return "; ".join(map(_permit, by)) if isinstance(by, list) else str(by)


def _permit(permit: Permit) -> str:
    place = f"{permit.file}:{permit.line}" if permit.line else permit.file
    told = ", ".join(part for part in (place, permit.owner) if part)
    kind = f"{permit.kind} " if permit.namespace else ""  # others are named with their kind
    return f"{kind}{policy_name(permit)} {' '.join(permit.rules)}" + (f" ({told})" if told else "")
