"""What the readable formats of `diff` share: pairs put together by cause, ends and causes in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import UNSET, Struct

from podwall.report.maps.external import Label, labels
from podwall.report.public import Port, Ref
from podwall.report.public_diff import Cause, Changed, Diff, EditedField, RiskFound
from podwall.report.wording import counted, listed, place, policy_name, ports_text

__all__ = ["Group", "RiskRow", "Row", "Words", "cause_words", "field_words", "grouped", "risk_rows"]

_MOST_NAMES = 3
_MOST_FIELDS = 4
_ANYWHERE = "any external address"


class Row(Struct, frozen=True):
    """Sources that all reach all these destinations on the same ports."""

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    ports: tuple[Port, ...]

    @property
    def pairs(self) -> int:
        """How many connections it stands for."""
        return len(self.sources) * len(self.destinations)


class RiskRow(Struct, frozen=True):
    """A risk that some endpoints share."""

    risk: str
    endpoints: tuple[str, ...]
    peers: tuple[str, ...]
    ports: tuple[Port, ...]
    causes: tuple[Cause, ...]
    added: bool


class Group(Struct, frozen=True):
    """Rows with the same causes; none where an end itself came or went."""

    causes: tuple[Cause, ...]
    rows: tuple[Row, ...]
    pairs: int


def grouped(pairs: Iterable[Changed]) -> list[Group]:
    """The pairs of each set of causes together, those with the most pairs last."""
    by_cause: dict[int, tuple[tuple[Cause, ...], list[Changed]]] = {}
    for pair in pairs:
        causes = [] if pair.cause is UNSET else pair.cause
        by_cause.setdefault(id(causes) if causes else 0, (tuple(causes), []))[1].append(pair)
    found = [Group(causes, tuple(_rows(members)), len(members)) for causes, members in by_cause.values()]
    return sorted(found, key=lambda group: (group.pairs, [_place_of(cause) for cause in group.causes]))


def risk_rows(risks: Iterable[RiskFound]) -> list[RiskRow]:
    """Endpoints that have the same risk for the same reasons together; the worst stay first."""
    together: dict[tuple[object, ...], tuple[RiskFound, list[str]]] = {}
    for found in risks:
        key = (found.risk, tuple(found.peers), tuple(found.ports), id(found.cause), found.added)
        together.setdefault(key, (found, []))[1].append(found.endpoint)
    return [
        RiskRow(one.risk, tuple(endpoints), tuple(one.peers), tuple(one.ports), tuple(one.cause), one.added)
        for one, endpoints in together.values()
    ]


def _place_of(cause: Cause) -> tuple[str, int, str, str]:
    return cause.file or "", cause.line or 0, cause.namespace, cause.name


def _rows(pairs: Sequence[Changed]) -> list[Row]:
    """In as few rows as it takes, by source or by destination."""
    by_source = _merged((pair.src, pair.dst, pair) for pair in pairs)
    by_destination = _merged((pair.dst, pair.src, pair) for pair in pairs)
    if len(by_destination) < len(by_source):
        rows = [Row(others, ones, ports) for ones, others, ports in by_destination]
    else:
        rows = [Row(ones, others, ports) for ones, others, ports in by_source]
    return sorted(rows, key=lambda row: (row.destinations, row.sources, row.ports))


_Merged = tuple[tuple[str, ...], tuple[str, ...], tuple[Port, ...]]


def _merged(pairs: Iterable[tuple[str, str, Changed]]) -> list[_Merged]:
    reached: dict[tuple[str, int], list[str]] = {}
    ports: dict[int, tuple[Port, ...]] = {}
    numbers: dict[tuple[Port, ...], int] = {}
    by_list: dict[int, int] = {}
    for one, other, pair in pairs:
        number = by_list.get(id(pair.ports))
        if number is None:
            key = tuple(pair.ports)
            number = by_list[id(pair.ports)] = numbers.setdefault(key, len(numbers))
            ports[number] = key
        reached.setdefault((one, number), []).append(other)
    together: dict[tuple[tuple[str, ...], int], list[str]] = {}
    for (one, number), others in reached.items():
        together.setdefault((tuple(sorted(others)), number), []).append(one)
    return [(tuple(sorted(ones)), others, ports[number]) for (others, number), ones in together.items()]


class Words:
    """How ends and ports are worded. Keeps which external sets were named, for a legend."""

    def __init__(self, result: Diff) -> None:
        self._labels = labels(result.external)
        self._used: set[str] = set()

    def ends(self, names: Sequence[str]) -> str:
        """Few names as they are; of many, how many there are of each namespace."""
        outside = [name for name in names if name in self._labels]
        inside = [name for name in names if name not in self._labels]
        found = inside
        if len(inside) > _MOST_NAMES:
            spaces: dict[str, int] = {}
            for name in inside:
                space = name.partition("/")[0]
                spaces[space] = spaces.get(space, 0) + 1
            found = [f"{space} ({counted(number, 'endpoint')})" for space, number in spaces.items()]
        if len(found) > _MOST_NAMES:
            found = [f"{len(inside):,} endpoints of {len(found):,} namespaces"]
        return listed([*found, *self._outside(outside)])

    def _outside(self, names: Sequence[str]) -> list[str]:
        if 1 < len(names) == len(self._labels):
            return [_ANYWHERE]
        self._used.update(names)
        return [self._labels[name].shown for name in names]

    @property
    def outside(self) -> frozenset[str]:
        """The names of the external sets."""
        return frozenset(self._labels)

    def legend(self) -> Iterator[Label]:
        """The labels in use that do not say everything."""
        return (label for name, label in self._labels.items() if name in self._used and label.words)

    def risk(self, row: RiskRow) -> str:
        """A risk as a sentence."""
        whom, ports = self.ends(row.peers), ports_text(row.ports, {})
        end = f"{self.ends(row.endpoints)}{' (new)' if row.added else ''}"
        match row.risk:
            case "from-internet":
                return f"the internet ({whom}) reaches {end}: {ports}"
            case "to-internet":
                return f"{end} can reach the internet ({whom}): {ports}"
            case "from-everyone":
                return f"everyone in the cluster reaches {end}: {ports}"
            case "to-everyone":
                return f"{end} can reach everyone in the cluster: {ports}"
            case "dns-lost":
                return f"{end} can no longer ask the cluster's DNS ({whom})"
            case _:
                return f"other namespaces ({whom}) reach {end}: {ports}"


def cause_words(cause: Cause) -> tuple[str, str]:
    """What was edited, and where that stands: the first field of it that has a line."""
    at = next((field for field in cause.fields if field.line), cause)
    by_folder = cause.file is not None and cause.owner == cause.file.rpartition("/")[0]
    owner = None if by_folder else cause.owner  # a field that was removed may stand in another folder
    ref = Ref(cause.kind, cause.namespace, cause.name, owner, at.file, at.line)
    name = f"{cause.kind} {policy_name(ref)}" if cause.namespace else policy_name(ref)
    fields = [f"{field_words(field)} {field.edit}" for field in cause.fields]
    return f"{name}: {listed(fields, _MOST_FIELDS)}" if fields else f"{name} {cause.edit}", place(ref, at.line)


def field_words(field: EditedField) -> str:
    """A field, with the entry of it that is meant."""
    return field.path if field.entry is UNSET else f"{field.path} {field.entry}"
