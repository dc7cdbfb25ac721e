"""An assertion as a value: two ends, ports and a verdict, with the place where it was read."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from podwall.cluster.wellknown import Definition
from podwall.engine.rules import AnyPort, NamedPort, PortRange, PortTerm

__all__ = ["Block", "Everyone", "Expectation", "Labeled", "Named", "Set", "Spec", "end_text", "short_text", "term_text"]

_ALL = (1, 65535)


class Named(Struct, frozen=True, tag=True):
    """One thing by its reference: `ns/name`, `ns/Kind/name`, `ns/service/name`, `node/NAME`, an address."""

    reference: str


class Everyone(Struct, frozen=True, tag=True):
    """Every endpoint of a namespace, or of the cluster where that is None."""

    namespace: str | None


class Labeled(Struct, frozen=True, tag=True):
    """The pods that meet all of it; None says nothing."""

    namespace: str | None
    namespace_labels: tuple[tuple[str, str], ...] | None
    pod_labels: tuple[tuple[str, str], ...] | None


class Block(Struct, frozen=True, tag=True):
    """The addresses of a CIDR, whoever has them (D19)."""

    cidr: str


class Set(Struct, frozen=True, tag=True):
    """A well-known set; `definition` is that of a file, None for what is built in."""

    name: str
    definition: Definition | None = None


Spec = Named | Everyone | Labeled | Block | Set


class Expectation(Struct, frozen=True):
    """`allow`: every pair on all ports, or with `some` at least one pair; else deny: no pair on any port.

    `ports` is None where none is said: then they are the set's, else any. `file` and `line` are where it stands.
    """

    text: str
    source: Spec
    destination: Spec
    ports: tuple[PortTerm, ...] | None
    allow: bool
    some: bool = False
    because: str = ""
    file: str = ""
    line: int = 0


def short_text(source: Spec, destination: Spec, ports: Iterable[PortTerm] | None, verdict: str) -> str:
    """An assertion as one line; ends that have no short form are written like YAML."""
    to = end_text(destination)
    if ports is not None:
        to = f"{f'[{to}]' if _is_v6(destination) else to}:{','.join(map(term_text, ports))}"
    return f"{end_text(source)} -> {to} {verdict}"


def end_text(end: Spec) -> str:
    """How an end is written."""
    match end:
        case Named(reference):
            return reference
        case Everyone(namespace):
            return f"{namespace or '*'}/*"
        case Block(cidr):
            return cidr
        case Set(name):
            return name
        case Labeled(namespace, namespace_labels, pod_labels):
            parts = [f"namespace: {namespace}"] if namespace else []
            parts += [f"{name}: {_pairs(found)}" for name, found in _labels(namespace_labels, pod_labels)]
            return f"{{{', '.join(parts)}}}"


def _labels(
    namespace: tuple[tuple[str, str], ...] | None, pods: tuple[tuple[str, str], ...] | None
) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    named = (("namespaceLabels", namespace), ("podLabels", pods))
    return [(name, found) for name, found in named if found is not None]


def _pairs(labels: tuple[tuple[str, str], ...]) -> str:
    return f"{{{', '.join(f'{key}: {value}' for key, value in labels)}}}"


def _is_v6(end: Spec) -> bool:
    return ":" in end_text(end) and isinstance(end, Named | Block)


def term_text(term: PortTerm) -> str:
    """A port as assertions write it; TCP goes without saying."""
    match term:
        case PortRange(protocol, first, last):
            numbers = "any" if (first, last) == _ALL else str(first) if first == last else f"{first}-{last}"
            return numbers if protocol == "TCP" and numbers != "any" else f"{numbers}/{protocol.lower()}"
        case NamedPort(protocol, name):
            return name if protocol == "TCP" else f"{name}/{protocol.lower()}"
        case AnyPort():
            return "any"
        case _:
            return "none"
