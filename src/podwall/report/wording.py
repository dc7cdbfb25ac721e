"""How lists, ports, policies and places are worded in text of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from podwall.report.public import Port, Ref

__all__ = ["counted", "cut", "listed", "place", "policy_name", "ports_text", "where", "wrapped"]

_WIDTH = 80
_ALL = (1, 65535)
_MOST_LISTED = 4
_MOST_PORTS = 6


def ports_text(ports: Sequence[Port], named: Mapping[str, str]) -> str:
    """Ranges with their protocols; `named` are the ports that have a name, by `TCP 80`."""
    if len(ports) == 3 and all((port.port, port.endPort) == _ALL for port in ports):
        return "all ports"
    return listed([_port(port, named) for port in ports], _MOST_PORTS)


def _port(port: Port, named: Mapping[str, str]) -> str:
    numbers = "all" if (port.port, port.endPort) == _ALL else str(port.port)
    if port.endPort != port.port and numbers != "all":
        numbers += f"-{port.endPort}"
    name = named.get(f"{port.protocol} {numbers}")
    return f"{port.protocol} {numbers}" + (f" ({name})" if name else "")


def policy_name(ref: Ref) -> str:
    """`ns/name`; a policy of the whole cluster with its kind."""
    return f"{ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def place(ref: Ref, line: int | None) -> str:
    """File and line, and the owner where that says more than the file's folder."""
    told = ref.owner and ref.owner != ((ref.file or "").rpartition("/")[0] or ref.owner)
    return f"{where(ref, line)} (owner {ref.owner})" if told else where(ref, line)


def where(ref: Ref, line: int | None) -> str:
    """`file:line`, as far as it is known."""
    if not ref.file:
        return "place unknown"
    return f"{ref.file}:{line}" if line else ref.file


def counted(number: int, what: str, plural: str = "s") -> str:
    """`1 rule`, `2 rules`."""
    return f"{number:,} {what}{'' if number == 1 else plural}"


def listed(names: Sequence[str], most: int = _MOST_LISTED) -> str:
    """`a, b and c`, or the first ones and how many more there are."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def wrapped(text: str, further: str) -> Iterable[str]:
    """The text in lines, its own indent before the first and `further` before the others."""
    start = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(
        text.strip(),
        _WIDTH,
        initial_indent=start,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def cut(line: str) -> str:
    """A line that is no wider than the terminal."""
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"
