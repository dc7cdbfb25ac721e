"""A comparison → public: pairs by name with their causes, what came and went, and the risks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import UNSET, Struct

from podwall.diff.causes import Cause, Caused
from podwall.diff.comparison import Comparison, Place
from podwall.diff.deltas import Ports, either
from podwall.diff.risks import Risk, Risky, is_internet, risky
from podwall.engine.postings import bits
from podwall.engine.sets import PortSet
from podwall.ops.editing import Edits
from podwall.ops.inputs import Opened
from podwall.ops.ports import public_ports
from podwall.report.public import API_VERSION, External, Port
from podwall.report.public_diff import Changed, Counts, Diff, Endpoints, RiskFound

__all__ = ["Found", "differences"]

_RANKS = {risk: rank for rank, risk in enumerate(Risk)}
_EVERYONE = (Risk.FROM_EVERYONE, Risk.TO_EVERYONE)


class Found(Struct, frozen=True):
    """What was found: between endpoints of both sides, and of those that came and went."""

    comparison: Comparison
    staying: list[Caused]
    came: list[Caused]
    gone: list[Caused]


class _End(Struct, frozen=True, gc=False):
    """What a place stands for, by name. `namespace` is "" for external addresses; `is_new`: the old side has it not."""

    name: str
    namespace: str = ""
    many: bool = False
    internet: bool = False
    is_new: bool = False


def differences(found: Found, opened: tuple[Opened, Opened], names: tuple[str, str]) -> Diff:
    """The answer about two sides, which have these names."""
    only = opened[1].only
    told = _Told(found.comparison, Edits(found.comparison.edits, opened))
    units = [unit for unit in found.comparison.units if only in (None, unit.namespace)]
    endpoints = Endpoints(
        added=[unit.name for unit in units if not unit.old],
        removed=[unit.name for unit in units if not unit.new],
        opened=told.changed(found.came, opened=True, caused=False),
        closed=told.changed(found.gone, opened=False, caused=False),
    )
    more, less = (told.changed(found.staying, opened=way, caused=True) for way in (True, False))
    edits = told.edits.all()
    return Diff(
        apiVersion=API_VERSION,
        kind="Diff",
        profile=opened[1].model.profile.name,
        old=names[0],
        new=names[1],
        counts=Counts(len(edits), len(more), len(less), len(endpoints.added), len(endpoints.removed)),
        risks=told.risks([*found.staying, *found.came], found.comparison),
        opened=more,
        closed=less,
        endpoints=endpoints,
        external=told.external(),
        edits=edits,
        incomplete=sorted({*opened[0].incomplete, *opened[1].incomplete, *_untold(found)}),
    )


def _untold(found: Found) -> list[str]:
    if all(piece.told for piece in found.staying):
        return []
    return ["too many edits to undo each: some causes are all edits that a pair may have to do with; give a namespace"]


class _Told:
    """Names what was found. Lists that are equal are shared."""

    def __init__(self, comparison: Comparison, edits: Edits) -> None:
        self.edits = edits
        self._ends = [list(_ends(place)) for place in comparison.places]
        places = zip(self._ends, comparison.places, strict=True)
        self._outside = {ends[0].name: p.addresses for ends, p in places if p.addresses is not None}
        self._ports: dict[tuple[tuple[int, PortSet], ...], list[Port]] = {}
        self._risks: dict[tuple[Risk, ...], list[str]] = {}

    def _at(self, places: int) -> list[_End]:
        return [end for place in bits(places) for end in self._ends[place]]

    def changed(self, pieces: Iterable[Caused], *, opened: bool, caused: bool) -> list[Changed]:
        """The pairs that are open, or closed, in order of name."""
        out: list[Changed] = []
        for piece in pieces:
            by_family = piece.opened if opened else piece.closed
            if any(by_family.values()):
                ports = self._public(by_family)
                causes = self.edits.causes(piece.causes) if caused else UNSET
                for src, dst in self._pairs(piece.sources, piece.destinations):
                    risks = self._tags(src, dst) if opened else UNSET
                    out.append(Changed(src.name, dst.name, ports, causes, risks or UNSET))
        return sorted(out, key=lambda pair: (pair.src, pair.dst))

    def external(self) -> list[External]:
        """The external addresses, cut by the sets of both sides, in order of address."""
        return [External(name, addresses.cidrs()) for name, addresses in self._outside.items()]

    def risks(self, pieces: Iterable[Caused], comparison: Comparison) -> list[RiskFound]:
        """Each risk of each endpoint once, the worst first."""
        found: dict[tuple[Risk, str], _RiskOf] = {}
        for one in risky(comparison, pieces):
            for src, dst in self._pairs(one.sources, one.destinations):
                if one.risk is not Risk.OTHER_NAMESPACE or src.namespace != dst.namespace:
                    end, peer = (dst, src) if one.inwards else (src, dst)
                    known = found.get((one.risk, end.name))
                    if known is None:
                        known = found[one.risk, end.name] = _RiskOf(end)
                    known.add(one, peer)
        return [self._risk(risk, found[risk, name]) for risk, name in sorted(found, key=lambda k: (_RANKS[k[0]], k[1]))]

    def _risk(self, risk: Risk, of: _RiskOf) -> RiskFound:
        return RiskFound(
            risk=risk.value,
            endpoint=of.end.name,
            peers=[] if risk in _EVERYONE else sorted(of.peers),
            ports=self._public(of.ports),
            cause=self.edits.causes(tuple(sorted(of.causes))),
            added=of.end.is_new,
        )

    def _pairs(self, sources: int, destinations: int) -> Iterator[tuple[_End, _End]]:
        to = self._at(destinations)
        for src in self._at(sources):
            for dst in to:
                if src is not dst or src.many:
                    yield src, dst

    def _public(self, by_family: Ports) -> list[Port]:
        key = tuple(by_family.items())
        found = self._ports.get(key)
        if found is None:
            found = self._ports[key] = public_ports(by_family)
        return found

    def _tags(self, src: _End, dst: _End) -> list[str]:
        """What is risky in a pair alone."""
        found = []
        if src.internet:
            found.append(Risk.FROM_INTERNET)
        if dst.internet:
            found.append(Risk.TO_INTERNET)
        if src.namespace and dst.namespace and src.namespace != dst.namespace:
            found.append(Risk.OTHER_NAMESPACE)
        key = tuple(found)
        if key not in self._risks:
            self._risks[key] = [risk.value for risk in key]
        return self._risks[key]


class _RiskOf:
    """A risk of one endpoint, gathered from all the pieces that have a part in it."""

    def __init__(self, end: _End) -> None:
        self.end = end
        self.peers: set[str] = set()
        self.ports: Ports = {}
        self.causes: set[Cause] = set()
        self._last: Risky | None = None

    def add(self, one: Risky, peer: _End) -> None:
        """One more pair."""
        self.peers.add(peer.name)
        if one is not self._last:
            self._last = one
            self.ports = either(self.ports, one.piece.closed if one.risk is Risk.DNS_LOST else one.piece.opened)
            self.causes.update(one.piece.causes)


def _ends(place: Place) -> Iterator[_End]:
    if place.addresses is not None:
        yield _End(place.addresses.cidrs()[0], internet=is_internet(place.addresses))
    for unit in place.units:
        yield _End(unit.name, unit.namespace, any(unit.many), is_new=not unit.old)
