"""What the cluster-wide policy kinds share: subjects, peers and names of ports (semantics.md, 2.2 and 2.3).

Their schemas do not look into label selectors, nor at the names of ports. What no implementation can use is refused
here all the same (V8); what merely matches nothing gets a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from podwall.admission.addresses import HOST_BITS, Cidr, read_cidr
from podwall.admission.finding import Finding, Findings, invalid, within
from podwall.admission.labels import selector_problems
from podwall.admission.names import port_name
from podwall.admission.schema import each_item, given, one_field_problems, repeated, required_field, violated
from podwall.api.policy import NamespacedPod

__all__ = [
    "EXPERIMENTAL",
    "PEER_CHECKS",
    "STANDARD",
    "Checks",
    "choose_one",
    "domain_action_warnings",
    "domain_problems",
    "named_port_conflict",
    "port_name_warnings",
    "pruned",
    "selectors_of",
]

EXPERIMENTAL = "experimental"
STANDARD = "standard"

Checks = Mapping[str, Callable[[Any], Findings]]
"""For each field of a struct its check, whose findings start inside of the field."""

_SET = range(1, 26)  # networks or domainNames of one peer
_CIDR_LIMIT = 43  # characters
_DOMAIN = r"^(\*\.)?([a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?$"
# The same pattern, read once however long the text is; `\Z` because Go's `$` does not stand before a newline.
_LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9_]*+(?<![-_]))?+"
_is_domain = re.compile(rf"(?:\*\.)?+{_LABEL}(?:\.{_LABEL})++\.?\Z").match


def choose_one(item: Struct, checks: Checks, advice: str = "") -> Findings:
    """A subject, peer, port or protocol: one field of it, and what is wrong inside of each that it has."""
    found = list(one_field_problems(item, advice))
    for name in given(item):
        found += within(checks[name](getattr(item, name)), name)
    return found


def pruned(item: Struct, experimental: Collection[str], channel: str) -> Findings:
    """A choice that the standard channel does not have: its API server drops the field, and nothing is left."""
    fields = [name for name in given(item) if name in experimental]
    if channel != STANDARD or not fields:
        return ()
    advice = f"{fields[0]} is a field of the experimental channel, and the standard channel drops it"
    return (Finding((), invalid(0, "should have at least 1 properties", advice)),)


def selectors_of(pods: NamespacedPod) -> Findings:
    """Both selectors of a `pods` field."""
    return [
        *within(selector_problems(pods.namespaceSelector), "namespaceSelector"),
        *required_field("podSelector", pods.podSelector, "for every pod write podSelector: {}"),
        *within(selector_problems(pods.podSelector), "podSelector"),
    ]


def _networks(networks: Sequence[str | None]) -> Findings:
    """A set of CIDRs."""
    return [*each_item(networks, _SET, _network, "string"), *repeated(networks)]


def _domains(domains: Sequence[str | None]) -> Findings:
    """A set of domain names."""
    return [*each_item(domains, _SET, domain_problems, "string"), *repeated(domains)]


def port_name_warnings(name: str) -> Findings:
    """A name that no container port can have (V5): the schema takes it, and it matches nothing."""
    details = ("it is empty",) if not name else port_name(name)
    return [
        Finding((), invalid(name, detail, "the API server takes it, but no port has such a name"), warning=True)
        for detail in details
    ]


def named_port_conflict(
    peers: Iterable[Struct | None] | None, *, named: bool, without: Sequence[str], channel: str
) -> Findings:
    """The CEL rule of egress rules in the experimental channel: names of ports are for pods (C11).

    `without` are the peers that have no named ports. In the standard channel such a rule is taken, and matches nothing.
    """
    if not named or not any(field in without for peer in peers or () if peer is not None for field in given(peer)):
        return ()
    kinds = "/".join(without)
    message = violated(
        f"{kinds} peer cannot be set with namedPorts since there are no namedPorts for {kinds}",
        "write the port's number, or give the pods a rule of their own",
    )
    return (Finding((), message, warning=channel == STANDARD),)


def domain_action_warnings(peers: Iterable[Struct | None] | None, action: str | None, accept: str) -> Findings:
    """Names are for rules that accept, which no schema enforces (C12)."""
    if action == accept:
        return ()
    message = f"domainNames is only supported for {accept} rules: the API server takes it, implementations may not"
    return [
        Finding((i, "domainNames"), message, warning=True)
        for i, peer in enumerate(peers or ())
        if peer is not None and "domainNames" in given(peer)
    ]


@lru_cache(4096)
def _network(text: str) -> Findings:
    cidr = read_cidr(text)
    if len(text) > _CIDR_LIMIT:
        return (Finding((), f"Too long: may not be more than {_CIDR_LIMIT} characters"),)
    if cidr is None or any(detail != HOST_BITS for detail in cidr.strict):
        return (Finding((), invalid(text, "Invalid CIDR format provided", _respelled(text, cidr))),)
    if cidr.strict:
        message = invalid(text, HOST_BITS, f"it is read as {cidr.network}: write that")
        return (Finding((), message, warning=True, meant=str(cidr.network)),)
    return ()


def _respelled(text: str, cidr: Cidr | None) -> str:
    if cidr is not None:
        return f"write {cidr.network}"
    single = f"{text}/{128 if ':' in text else 32}"
    if "/" not in text and read_cidr(single) is not None:
        return f"for one address write {single}"
    return "write the block, for example 10.0.0.0/8"


@lru_cache(4096)
def domain_problems(text: str) -> Findings:
    """What is wrong with a domain name, which may begin with a wildcard."""
    if _is_domain(text):
        return ()
    return (Finding((), invalid(text, f"should match '{_DOMAIN}'", _domain_advice(text))),)


def _domain_advice(text: str) -> str:
    if "*" in text.removeprefix("*."):
        return "a wildcard stands at the beginning only, as a whole label: *.example.com"
    return "a name has at least two labels" if text and "." not in text.strip(".") else ""


PEER_CHECKS: Checks = {
    "namespaces": selector_problems,
    "pods": selectors_of,
    "nodes": selector_problems,
    "networks": _networks,
    "domainNames": _domains,
}
