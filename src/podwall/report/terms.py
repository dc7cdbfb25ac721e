"""Failed terms of near misses in words: what is wanted, and what there is instead."""

from __future__ import annotations

from podwall.engine.labels import Term
from podwall.engine.nearmiss import (
    FailedTerm,
    NamespaceLabel,
    NodeLabel,
    OtherNamespace,
    OtherNumber,
    OtherPort,
    OutsideBlock,
    PodLabel,
    Role,
)
from podwall.engine.rules import PortRange
from podwall.engine.sets import AddrSet
from podwall.report.public_explanation import MissedTerm
from podwall.report.selectors import term_text

__all__ = ["missed_term"]

_MOST_CIDRS = 3


def missed_term(term: FailedTerm) -> MissedTerm:  # noqa: PLR0911 - one return for each sort of term
    """The public form of a failed term."""
    match term:
        case PodLabel(role, pod, wanted, actual):
            field = "podSelector" if role is Role.PEER else "subject"
            return _label(field, f"pod {pod}", wanted, actual)
        case NamespaceLabel(role, namespace, wanted, actual):
            field = "namespaceSelector" if role is Role.PEER else "subject"
            return _label(field, f"namespace {namespace}", wanted, actual)
        case NodeLabel(node, wanted, actual):
            return _label("nodes", f"node {node}", wanted, actual)
        case OtherNamespace(wanted, actual):
            text = f"namespace {actual}: without a namespaceSelector the peer means pods of {wanted} only"
            return MissedTerm("namespace", wanted, actual, text)
        case OutsideBlock(address, wanted):
            return MissedTerm("cidr", _cidrs(wanted), address, f"address {address}, which is not in {_cidrs(wanted)}")
        case OtherPort(protocol, port, wanted):
            return _port(protocol, port, wanted)
        case OtherNumber():
            return _name(term)


def _label(field: str, holder: str, wanted: Term, actual: str | None) -> MissedTerm:
    has = f"no label {wanted.key}" if actual is None else f"{wanted.key}={actual}"
    text = f"label {term_text(wanted)} on {holder}, which has {has}"
    return MissedTerm(field, term_text(wanted), None if actual is None else has, text)


def _cidrs(addresses: AddrSet) -> str:
    cidrs = addresses.cidrs()
    more = f" and {len(cidrs) - _MOST_CIDRS} more" if len(cidrs) > _MOST_CIDRS else ""
    return ", ".join(cidrs[:_MOST_CIDRS]) + more if cidrs else "no block"


def _port(protocol: str, port: int, wanted: PortRange) -> MissedTerm:
    numbers = str(wanted.first) if wanted.first == wanted.last else f"{wanted.first}-{wanted.last}"
    if (wanted.first, wanted.last) == (1, 65535):
        numbers = "all"
    want, have = f"{wanted.protocol} {numbers}", f"{protocol} {port}"
    if wanted.protocol != protocol:
        return MissedTerm("port", want, have, f"protocol {protocol}: the rule says {want}")
    return MissedTerm("port", want, have, f"port {port}, which is not {'in ' if '-' in numbers else ''}{numbers}")


def _name(term: OtherNumber) -> MissedTerm:
    name, have = term.wanted.name, f"{term.protocol} {term.port}"
    if term.wanted.protocol not in (term.protocol, ""):
        want = f"{term.wanted.protocol} {name}"
        return MissedTerm("port", want, have, f"protocol {term.protocol}: the rule says {want}")
    if not term.numbers:
        return MissedTerm("port", name, have, f"named port {name}, which {term.destination} does not have")
    numbers = " and ".join(map(str, term.numbers))
    text = f"named port {name}, which is {numbers} on {term.destination}, not {term.port}"
    return MissedTerm("port", name, have, text)
