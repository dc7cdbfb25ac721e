"""The map as plain text for a terminal of 80 columns: what a person reads first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from podwall.report.maps.answer import Answer
from podwall.report.maps.external import Label, labels
from podwall.report.maps.overview import MOST_ENDPOINTS
from podwall.report.maps.text_overview import overview_text
from podwall.report.maps.words import focus_words, permit_name, port_words, reasons
from podwall.report.public import Connection, Permit, Ref
from podwall.report.wording import counted, policy_name, wrapped

__all__ = ["write"]

_WIDTH = 80
_PORTS_AT = 44  # where the last column begins, unless a name is longer
_ANYWHERE = "any external address"
_ANYTHING = "any external address or domain name"


def write(answer: Answer) -> Iterator[str]:
    """Every source with its destinations, or all by namespace where those are too many.

    A map of what reaches some destinations has these with their sources, and one about some ends has these, both ways.
    """
    scope = answer.scope
    asked = next((names for names in (scope.sources, scope.destinations, scope.about) if names is not None), None)
    if len(answer.head.endpoints if asked is None else asked) > MOST_ENDPOINTS:
        yield from overview_text(answer)
        return
    connections, names = list(answer.connections), _Names(answer)
    yield from (f"{line}\n" for line in _head(answer, len(connections)))
    for listing in _listings(answer, connections, names):
        yield from listing.lines()
    yield from _legend(names)
    yield from _policies(connections)


def _listings(answer: Answer, connections: list[Connection], names: _Names) -> Iterator[_Listing]:
    scope = answer.scope
    if scope.sources is None and scope.destinations is None and scope.about is not None:
        yield _Listing(answer, [c for c in connections if c.src in scope.about], names, towards=False)
        yield _Listing(answer, [c for c in connections if c.dst in scope.about], names, towards=True)
    else:
        yield _Listing(answer, connections, names, towards=scope.sources is None and scope.destinations is not None)


def _head(answer: Answer, number: int) -> Iterator[str]:
    head, scope = answer.head, answer.scope
    inside = sum(scope.namespace in (None, e.namespace) for e in head.endpoints)
    pairs = counted(number, "connection")
    place, them = ("", "") if scope.namespace is None else (f" in {scope.namespace}", " from or to them")
    if head.focus:
        yield from _wrapped(f"{pairs}, profile {head.profile}: ", focus_words(head.focus))
        return
    yield from wrapped(f"{counted(inside, 'endpoint')}{place}, {pairs}{them}, profile {head.profile}", "")


class _Listing:
    """Paragraphs about one end with all others; `towards`: about destinations, each with its sources."""

    def __init__(self, answer: Answer, connections: Iterable[Connection], names: _Names, *, towards: bool) -> None:
        self._answer = answer
        self._towards = towards
        self._names = names
        self._found: dict[str, list[tuple[str, Connection]]] = {}
        for connection in connections:
            own, other = (connection.dst, connection.src) if towards else (connection.src, connection.dst)
            self._found.setdefault(own, []).append((other, connection))

    def lines(self) -> Iterator[str]:
        """A paragraph for each end, then those of external ones."""
        word = "to" if self._towards else "from"
        for endpoint in self._answer.head.endpoints:
            found = self._found.get(endpoint.name, [])
            if found or self._is_asked(endpoint.name, endpoint.namespace):
                title = f"{word} {self._names.title(endpoint.name)}"
                yield from _paragraph([title], list(self._rows(endpoint.name, found)) or ["  nobody"])
        for cells, rows in self._alike():
            yield from _paragraph(_wrapped(f"{word} ", self._names.cells(cells)), rows)

    def _is_asked(self, name: str, namespace: str) -> bool:
        """Whether it is worth a line that an endpoint has no connection."""
        scope = self._answer.scope
        asked = scope.destinations if self._towards else scope.sources
        if asked is None:
            asked = scope.about
        if asked is None and self._answer.head.focus:  # ports alone
            return False
        return scope.namespace in (None, namespace) if asked is None else name in asked

    def _alike(self) -> Iterator[tuple[tuple[str, ...], list[str]]]:
        """External sets that have the same on their other side, together; those that have nobody are left out."""
        together: dict[tuple[str, ...], list[str]] = {}
        for cell in self._answer.head.external:
            found = self._found.get(cell.name)
            if found:
                together.setdefault(tuple(self._rows(cell.name, found)), []).append(cell.name)
        for rows, cells in together.items():
            yield tuple(cells), list(rows)

    def _rows(self, own: str, found: list[tuple[str, Connection]]) -> Iterator[str]:
        """The others, those with the same ports and reasons together, whole namespaces as `ns/*`."""
        together: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
        for other, connection in found:
            key = port_words(connection.ports), self._why(connection)
            together.setdefault(key, []).append(other)
        rows = sorted(
            (other, ports, why)
            for (ports, why), others in together.items()
            for other in self._names.folded(others, own)
        )
        for (_, other), ports, why in rows:
            head = f"  {other}"
            if len(head) + 2 > _PORTS_AT:
                yield head
                head = ""
            yield from _wrapped(head.ljust(_PORTS_AT), ports)
            if why:
                yield from _wrapped("      ", why, " ")

    def _why(self, connection: Connection) -> tuple[str, ...]:
        sides = [_side(direction, by) for direction, by in reasons(connection, self._names.namespace_of)]
        if len(sides) == 2:
            sides[0][-1] += ";"
        return tuple(part for side in sides for part in side)


def _paragraph(head: Iterable[str], lines: Iterable[str]) -> Iterator[str]:
    yield "\n"
    yield from (f"{line}\n" for line in head)
    yield from (f"{line}\n" for line in lines)


class _Names:
    """How ends are named on the map, and which of them make a whole namespace."""

    def __init__(self, answer: Answer) -> None:
        endpoints, external = answer.head.endpoints, answer.head.external
        self._isolated = {e.name: e.isolated for e in endpoints}
        self._labels = labels(external)
        self._cells = {x.name: 1 + at for at, x in enumerate(external)}  # ranks: behind all endpoints
        self._domains = {x.name for x in external if x.domains}
        self.namespace_of = {e.name: e.namespace for e in endpoints}
        self.used: set[str] = set()
        self._members: dict[str, int] = {}
        for endpoint in endpoints:
            if endpoint.namespace in answer.scope.whole:
                self._members[endpoint.namespace] = self._members.get(endpoint.namespace, 0) + 1

    def title(self, name: str) -> str:
        isolated = self._isolated[name]
        sides = [side for side, yes in (("ingress", isolated.ingress), ("egress", isolated.egress)) if yes]
        return f"{name} ({'isolated: ' + ' + '.join(sides) if sides else 'not isolated'})"

    def cells(self, found: Sequence[str]) -> list[str]:
        """External sets by their labels, all of them as one; domain names, unless all of those are there as well."""
        addresses = [name for name in found if name not in self._domains]
        whole = len(addresses) == len(self._cells) - len(self._domains)
        if whole and len(found) == len(self._cells) > 1:
            return [_ANYTHING if self._domains else _ANYWHERE]
        if whole and len(addresses) > 1:
            named = [name for name in found if name in self._domains]
            self.used.update(named)
            return [_ANYWHERE, *named]
        self.used.update(found)
        return [self._labels[name].shown for name in found]

    def folded(self, others: Iterable[str], own: str) -> Iterator[tuple[int, str]]:
        """Ends with their ranks, a namespace that is there as a whole (the other end apart) as one."""
        inside: dict[str, list[str]] = {}
        outside: list[str] = []
        for name in others:
            if name in self.namespace_of:
                inside.setdefault(self.namespace_of[name], []).append(name)
            else:
                outside.append(name)
        for namespace, found in inside.items():
            rest = self._members.get(namespace, 0) - (self.namespace_of.get(own) == namespace)
            reached = len(found) - (own in found)
            whole = reached == rest > 1
            yield from [(0, f"{namespace}/* ({len(found)})")] if whole else [(0, name) for name in found]
        yield from zip((self._cells[name] for name in outside), self.cells(outside), strict=False)

    @property
    def has_domains(self) -> bool:
        """Whether a domain name is in use."""
        return not self.used.isdisjoint(self._domains)

    def legend(self) -> Iterator[Label]:
        """The labels in use that do not say everything."""
        return (self._labels[name] for name in self._cells if name in self.used and self._labels[name].words)


def _wrapped(start: str, parts: Iterable[str], separator: str = ", ") -> Iterator[str]:
    """Parts with separators, continued under the first."""
    current, first = start, True
    for part in parts:
        piece = part if first else f"{separator}{part}"
        if not first and len(current) + len(piece) + 1 > _WIDTH:
            yield f"{current}{separator.rstrip()}"
            current, piece = " " * min(len(start), _PORTS_AT), part
        current += piece
        first = False
    yield current


def _side(direction: str, by: list[Permit] | str) -> list[str]:
    if isinstance(by, str):
        return [f"{direction} {by}"]
    head, *others = (permit_name(permit) for permit in by)
    listed = [f"{direction} by {head}", *others]
    return [*(f"{name}," for name in listed[:-1]), listed[-1]]


def _legend(names: _Names) -> Iterator[str]:
    found = list(names.legend())
    if found:
        yield "\nExternal addresses stand together where no rule can tell them apart:\n"
    for label in found:
        yield f"  {label.shown}\n"
        yield from (f"{line}\n" for line in _wrapped("      ", label.words, " "))
    if names.has_domains:
        yield "\nDomain names are ends of their own where no address is known of them.\n"


def _policies(connections: Iterable[Connection]) -> Iterator[str]:
    """Where the policies stand that were named, and whose they are."""
    found: dict[str, Ref] = {}
    seen: set[int] = set()
    for connection in connections:
        for by in (connection.egressBy, connection.ingressBy):
            if isinstance(by, list) and id(by) not in seen:  # most connections share their lists
                seen.add(id(by))
                found.update((policy_name(ref), ref) for ref in by)
    if found:
        yield "\nPolicies; name[0] is the first rule of its direction:\n"
    width = max(map(len, found), default=0)
    for name, ref in sorted(found.items(), key=lambda item: (item[1].namespace, item[1].kind, item[1].name)):
        yield f"  {name:<{min(width, 38)}}  {_place(ref)}".rstrip() + "\n"


def _place(ref: Ref) -> str:
    file = ref.file or ""
    place = f"{file}:{ref.line}" if ref.line else file
    if ref.owner is None or ref.owner == file.rpartition("/")[0]:  # its folder stands there already
        return place
    return f"{place} ({ref.owner})"
