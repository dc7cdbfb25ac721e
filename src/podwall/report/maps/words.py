"""Ports and reasons of a connection in the words that the formats for people share."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from msgspec import UNSET

from podwall.report.public import Asked, Connection, Permit, Port
from podwall.report.wording import listed, policy_name

__all__ = ["focus_words", "permit_name", "port_token", "port_words", "ports_line", "reasons", "rule_numbers"]

_ALL = (1, 65535)
_MOST_PORTS = 4


def port_words(ports: Sequence[Port]) -> tuple[str, ...]:
    """Numbers and ranges, each protocol named once, each family where the families differ."""
    sorts: dict[tuple[str, object], list[str]] = {}
    for port in ports:
        sorts.setdefault((port.protocol, port.family), []).append(_numbers(port))
    whole = [family for (_, family), numbers in sorts.items() if numbers == ["all"]]
    if len(whole) == len(sorts) == 3 and len(set(whole)) == 1:
        return (f"all ports{_family(whole[0])}",)
    out = []
    for (protocol, family), numbers in sorts.items():
        numbers[0] = f"{protocol} {numbers[0]}"
        numbers[-1] += _family(family)
        out += numbers
    return tuple(out)


def ports_line(ports: Sequence[Port], most: int = _MOST_PORTS) -> str:
    """The same on one line, no more than `most` of them."""
    words = port_words(ports)
    return listed(words, most) if len(words) > most else ", ".join(words)


def _numbers(port: Port) -> str:
    if (port.port, port.endPort) == _ALL:
        return "all"
    return str(port.port) if port.endPort == port.port else f"{port.port}-{port.endPort}"


def _family(family: object) -> str:
    return "" if family is UNSET else f" (IPv{family})"


def port_token(port: Port) -> str:
    """`TCP/80`, `TCP/8000-8100`, with its family where the families differ: `TCP/80/IPv4`."""
    numbers = str(port.port) if port.port == port.endPort else f"{port.port}-{port.endPort}"
    return f"{port.protocol}/{numbers}" + ("" if port.family is UNSET else f"/IPv{port.family}")


def focus_words(focus: Asked) -> list[str]:
    """What a map was asked for, as it was typed."""
    named = {"from": focus.sources, "to": focus.destinations, "about": focus.about, "port": focus.ports}
    return [f"{flag} {' or '.join(given)}" for flag, given in named.items() if given]


def reasons(connection: Connection, inside: Container[str]) -> tuple[tuple[str, list[Permit] | str], ...]:
    """What allows it at each end, by direction; policies have nothing to say at an external one."""
    sides = []
    if connection.egressBy is not UNSET and connection.src in inside:
        sides.append(("egress", connection.egressBy))
    if connection.ingressBy is not UNSET and connection.dst in inside:
        sides.append(("ingress", connection.ingressBy))
    return tuple(sides)


def permit_name(permit: Permit) -> str:
    """`ns/name[0,2]`: the policy and the numbers of those of its rules that permit."""
    return policy_name(permit) + rule_numbers(permit.rules)


def rule_numbers(rules: Iterable[str]) -> str:
    """`spec.ingress[0]` and `spec.ingress[2]` → `[0,2]`; the direction is known where this is said."""
    return f"[{','.join(rule[rule.rindex('[') + 1 : -1] for rule in rules)}]"
