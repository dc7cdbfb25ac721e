"""A large part of a `diff` put together so that people can read it: by namespace, and by edit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, structs

from podwall.report.diff_rows import Group
from podwall.report.public import Port
from podwall.report.public_diff import Cause, Changed
from podwall.report.wording import counted, listed, ports_text

__all__ = ["MOST_CAUSES", "Share", "Span", "is_large", "more_causes", "shares", "span_words", "spans"]

MOST_CAUSES = 3  # of one group, or one risk
_MOST_ROWS = 60  # of one section; more of them are put together
_MOST_NAMES = 3
_OUTSIDE = "external addresses"


class Span(Struct, frozen=True):
    """Namespaces whose endpoints reach those of all these namespaces; all the ports that occur between them."""

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    pairs: int
    ports: tuple[Port, ...]


class Share(Struct, frozen=True):
    """An edit, and how many connections it has a part in."""

    cause: Cause
    pairs: int


def is_large(groups: Sequence[Group]) -> bool:
    """Whether there are more rows than people read."""
    return sum(len(group.rows) for group in groups) > _MOST_ROWS and len(groups) > 1


def more_causes(causes: Sequence[Cause]) -> str:
    """What is left out of a group's causes, if anything is."""
    return counted(len(causes) - MOST_CAUSES, "more edit") if len(causes) > MOST_CAUSES else ""


def spans(pairs: Iterable[Changed], outside: frozenset[str]) -> list[Span]:
    """All pairs by namespace, those with the most first; `outside` are the names of external sets."""
    between: dict[tuple[str, str], _Between] = {}
    for pair in pairs:
        key = _home(pair.src, outside), _home(pair.dst, outside)
        between.setdefault(key, _Between()).add(pair)
    made = [
        Span(
            tuple(sorted(source for source, _ in found)),
            tuple(sorted({other for _, others in found for other in others})),
            sum(between[source, other].pairs for source, others in found for other in others),
            ports,
        )
        for found, ports in _alike(between)
    ]
    return sorted(made, key=lambda span: (-span.pairs, span.sources, span.destinations))


_Rows = list[tuple[str, list[str]]]  # a source with its destinations


def _alike(between: Mapping[tuple[str, str], _Between]) -> Iterator[tuple[_Rows, tuple[Port, ...]]]:
    """Sources that reach the same; then, of those left alone, sources that reach each other and the same others."""
    same: dict[tuple[frozenset[str], tuple[Port, ...]], _Rows] = {}
    for (source, ports), others in _by_source(between).items():
        same.setdefault((frozenset(others), ports), []).append((source, others))
    mutual: dict[tuple[frozenset[str], tuple[Port, ...]], _Rows] = {}
    for (names, ports), found in same.items():
        key = names if len(found) > 1 else names | {found[0][0]}
        mutual.setdefault((key, ports), []).extend(found)
    yield from ((found, ports) for (_, ports), found in mutual.items())


class _Between:
    """The pairs of two namespaces. Most share their lists of ports."""

    def __init__(self) -> None:
        self.pairs = 0
        self._lists: dict[int, list[Port]] = {}

    def add(self, pair: Changed) -> None:
        self.pairs += 1
        self._lists[id(pair.ports)] = pair.ports

    def ports(self) -> tuple[Port, ...]:
        """All of them, in as few ranges as it takes."""
        out: list[Port] = []
        for port in sorted({port for ports in self._lists.values() for port in ports}, key=_order):
            last = out[-1] if out else None
            if last and (last.protocol, last.family) == (port.protocol, port.family) and port.port <= last.endPort + 1:
                out[-1] = structs.replace(last, endPort=max(last.endPort, port.endPort))
            else:
                out.append(port)
        return tuple(out)


def _order(port: Port) -> tuple[str, str, int, int]:
    return port.protocol, str(port.family), port.port, port.endPort


def _by_source(between: Mapping[tuple[str, str], _Between]) -> dict[tuple[str, tuple[Port, ...]], list[str]]:
    out: dict[tuple[str, tuple[Port, ...]], list[str]] = {}
    for (source, destination), held in between.items():
        out.setdefault((source, held.ports()), []).append(destination)
    return out


def _home(name: str, outside: frozenset[str]) -> str:
    return _OUTSIDE if name in outside else name.partition("/")[0]


def span_words(span: Span) -> Iterator[str]:
    """The namespaces on both sides, how many connections, and on which ports."""
    yield from (_names(names) for names in (span.sources, span.destinations))
    yield counted(span.pairs, "connection")
    yield ports_text(span.ports, {})


def _names(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMES:
        return listed(names)
    spaces = [name for name in names if name != _OUTSIDE]
    return listed([counted(len(spaces), "namespace"), *(name for name in names if name == _OUTSIDE)])


def shares(groups: Iterable[Group]) -> list[Share]:
    """All edits with what they have a part in, the most first."""
    found: dict[tuple[object, ...], tuple[Cause, int]] = {}
    for group in groups:
        for cause in group.causes:
            key = cause.kind, cause.namespace, cause.name
            known, number = found.get(key, (cause, 0))
            found[key] = _whole(known, cause), number + group.pairs
    made = [Share(cause, number) for cause, number in found.values()]
    return sorted(made, key=lambda share: (-share.pairs, share.cause.namespace, share.cause.name, share.cause.kind))


def _whole(one: Cause, other: Cause) -> Cause:
    """The one with the more fields: another group may have to do with some of them only."""
    return max(one, other, key=lambda cause: (len(cause.fields), [(f.path, f.edit) for f in cause.fields]))
