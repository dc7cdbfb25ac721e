"""networking.k8s.io/v1 NetworkPolicy: all that the API server has against one on creation (V1–V9).

V10 relaxes updates of stored objects; a file has none, and what comes from a cluster is not validated (D14).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from podwall.admission.addresses import block_problems
from podwall.admission.finding import Finding, Findings, forbidden, invalid, required, unsupported, within
from podwall.admission.identity import identity_problems
from podwall.admission.labels import selector_problems
from podwall.admission.names import port_name
from podwall.api.networking import (
    NetworkPolicy,
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)

__all__ = ["Finding", "problems"]

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = ("Ingress", "Egress")
_PORT_RANGE = "must be between 1 and 65535, inclusive"
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_INT32 = range(-(2**31), 2**31)

_NULL_RULE = (
    "null is read as {}: a rule that allows every connection of this direction; kubectl refuses it; "
    "write {} if that is meant, else remove it"
)
_NULL_PORT = (
    "null is read as {}: every TCP port; kubectl refuses it; write protocol: TCP if that is meant, else remove it"
)

_MIXED_PEER = Finding(
    (), forbidden("may not specify both ipBlock and another peer", "make them two entries of the list, which are ORed")
)

_Item = TypeVar("_Item")


def problems(policy: NetworkPolicy) -> list[Finding]:
    """All mistakes of a policy: metadata first, then its spec in the order of the API's fields; maps by key.

    An empty list says that the API server would create it. Warnings alone say that, too.
    """
    found = identity_problems("NetworkPolicy", policy.metadata)
    if policy.spec is not None:
        found += within(_spec(policy.spec), "spec")
    return found


def _spec(spec: NetworkPolicySpec) -> Findings:
    return [
        *within(selector_problems(spec.podSelector), "podSelector"),
        *within(_policy_types(spec.policyTypes), "policyTypes"),
        *_each("ingress", spec.ingress, _ingress),
        *_each("egress", spec.egress, _egress),
    ]


def _policy_types(types: Sequence[str | None] | None) -> Findings:
    """Source: V7. The API server reads null as an empty text."""
    if not types:
        return ()
    names = [name or "" for name in types]
    found = [Finding((i,), unsupported(name, _TYPES)) for i, name in enumerate(names) if name not in _TYPES]
    if len(names) > len(_TYPES):
        found.insert(0, Finding((), invalid(names, "may not specify more than two policyTypes")))
    return found


def _ingress(rule: NetworkPolicyIngressRule | None) -> Findings:
    if rule is None:
        return (Finding((), _NULL_RULE, warning=True),)
    return [*_each("from", rule.peers, _from), *_each("ports", rule.ports, _port)]


def _egress(rule: NetworkPolicyEgressRule | None) -> Findings:
    if rule is None:
        return (Finding((), _NULL_RULE, warning=True),)
    return [*_each("to", rule.peers, _to), *_each("ports", rule.ports, _port)]


def _each(field: str, items: Sequence[_Item] | None, check: Callable[[_Item], Findings]) -> Findings:
    """The findings of every item of the list in `field`."""
    if not items:
        return ()
    found: list[Finding] = []
    for i, item in enumerate(items):
        if wrong := check(item):
            found += within(wrong, field, i)
    return found


def _from(peer: NetworkPolicyPeer | None) -> Findings:
    return _peer(peer, "from")


def _to(peer: NetworkPolicyPeer | None) -> Findings:
    return _peer(peer, "to")


def _peer(peer: NetworkPolicyPeer | None, field: str) -> Findings:
    """Source: V1. A null peer is an empty one (N6)."""
    if peer is None:
        return (Finding((), required("must specify a peer", f"null is read as {{}}: {_no_peer(field)}")),)
    pods, namespaces, block = peer.podSelector, peer.namespaceSelector, peer.ipBlock
    if block is None:
        if pods is None and namespaces is None:
            return (Finding((), required("must specify a peer", _no_peer(field))),)
        return [
            *within(selector_problems(pods), "podSelector"),
            *within(selector_problems(namespaces), "namespaceSelector"),
        ]
    return [
        *(() if pods is None and namespaces is None else (_MIXED_PEER,)),
        *within(selector_problems(pods), "podSelector"),
        *within(selector_problems(namespaces), "namespaceSelector"),
        *within(block_problems(block), "ipBlock"),
    ]


def _no_peer(field: str) -> str:
    return f"for everyone leave `{field}` out, for every pod of the cluster write namespaceSelector: {{}}"


def _port(port: NetworkPolicyPort | None) -> Findings:
    if port is None:
        return (Finding((), _NULL_PORT, warning=True),)
    return _port_problems(port.protocol, port.port, port.endPort)


@lru_cache(4096)
def _port_problems(protocol: str | None, port: int | str | None, end: int | None) -> Findings:
    """Source: V4–V6."""
    found: list[Finding] = []
    if protocol is not None and protocol not in _PROTOCOLS:
        found.append(Finding(("protocol",), unsupported(protocol, _PROTOCOLS)))
    if isinstance(port, int):
        found += _number("port", port)
    elif port is not None:
        meant = int(port) if _NUMBER.fullmatch(port) else None
        said = (invalid(port, detail, _port_advice(port)) for detail in port_name(port))
        found += (Finding(("port",), message, meant=meant) for message in said)
    return (*found, *(() if end is None else _end_port(port, end)))


def _number(field: str, number: int) -> Findings:
    if 1 <= number <= 65535:
        return ()
    advice = "" if number in _INT32 else "the API server cannot even read a number of more than 32 bits"
    return (Finding((field,), invalid(number, _PORT_RANGE, advice)),)


def _end_port(port: int | str | None, end: int) -> Findings:
    if port is None:
        return (Finding(("endPort",), invalid(end, "may not be specified when `port` is not specified")),)
    if isinstance(port, str):
        return (Finding(("endPort",), invalid(end, "may not be specified when `port` is non-numeric")),)
    if end < port:
        message = invalid(end, "must be greater than or equal to `port`", f"`port` is {port}")
        return (Finding(("endPort",), message), *_number("endPort", end))
    return _number("endPort", end)


def _port_advice(port: str) -> str:
    if not port.isascii():
        return ""
    if port.isdigit():
        return f"the number is quoted; write port: {port}"
    first, hyphen, last = (part.strip() for part in port.partition("-"))
    if hyphen and first.isdigit() and last.isdigit():
        return f"a range is two fields; write port: {first} and endPort: {last}"
    lower = port.strip().lower()
    return f"write {lower}" if lower != port and not port_name(lower) else ""
