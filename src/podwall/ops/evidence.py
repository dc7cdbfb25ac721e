"""Evidence → public: what the engine says about one side as the Structs that `explain` and `verdict --trace` print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from podwall.cluster.objects import Origin
from podwall.engine.index import Index
from podwall.engine.judge import Judge
from podwall.engine.nearmiss import NearMiss, NearMisses, near_misses
from podwall.engine.rules import AnyPeer, AnyPort, Direction, Rule, Tier
from podwall.engine.verdict import Connection, End, Match, Reason, Side
from podwall.engine.walk import Walk, walk
from podwall.ops.inputs import Opened
from podwall.ops.references import Refs
from podwall.report import public_explanation as public
from podwall.report.public import Ref
from podwall.report.terms import missed_term
from podwall.sources.positions import is_kept
from podwall.text.excerpt import Line, excerpt, rendered
from podwall.text.where import Path, parse_field

__all__ = ["TIERS", "Evidence", "allow_or_deny", "by_name"]

_PEERS = {Direction.EGRESS: "to", Direction.INGRESS: "from"}
TIERS = {Tier.ADMIN: "Admin", Tier.NETWORK_POLICY: "NetworkPolicy", Tier.BASELINE: "Baseline"}


def allow_or_deny(allowed: bool) -> str:  # noqa: FBT001 - what is said of it is the whole function
    """How a verdict is spelled."""
    return "allow" if allowed else "deny"


def by_name(asked: Connection) -> bool:
    """Whether nothing but a domain name is known of the destination (C12)."""
    return asked.destination.member.kind == "Domain"


class Evidence:
    """Tells where everything stands that decides something. Keeps what it has looked up.

    Questions may be about other endpoints than those of the input, under the same policies: then `judge` and `index`
    are about those.
    """

    def __init__(self, opened: Opened, judge: Judge | None = None, index: Index | None = None) -> None:
        self._opened = opened
        self._profile = opened.model.profile.name
        self._judge = judge or opened.model.judge
        self._index = index or opened.model.index
        self.refs = Refs(opened)

    def connection(self, asked: Connection) -> public.Explained:
        """A connection with the reasons of both of its sides."""
        out, into = (self._looked(walk(self._judge, direction, asked), asked) for direction in Direction)
        self._opened.positions.prepare(place for looked in (out, into) for place in self._places(looked))
        return public.Explained(
            src=asked.source.name,
            dst=asked.destination.name,
            protocol=asked.protocol,
            port=asked.port,
            verdict=allow_or_deny(out.walk.side.allowed and into.walk.side.allowed),
            profile=self._profile,
            egress=self._side(out, asked.source),
            ingress=self._side(into, asked.destination),
        )

    def _looked(self, walked: Walk, asked: Connection) -> _Looked:
        return _Looked(walked, near_misses(self._index, walked.side, asked))

    def excerpt(self, found: public.Decision | public.NearMiss) -> tuple[Line, ...]:
        """The lines of a rule, those of its peer and its port marked; none where they are not at hand."""
        origin = self.refs.origin(found.policy)
        first = self._line(found.policy, found.rule)
        if origin is None or first is None:
            return ()
        if is_kept(origin):
            return self._rendered(found, origin)
        positions = self._opened.positions
        marked = frozenset(positions.line(origin, path) for path in _parts(found))
        return excerpt(positions.lines(origin.source, first), first, marked)

    def _rendered(self, found: public.Decision | public.NearMiss, origin: Origin) -> tuple[Line, ...]:
        """The rule of a policy out of a snapshot, which has no text."""
        path = parse_field(found.rule)
        value = self.refs.plain(found.policy)
        for step in path:
            value = value[step]  # type: ignore[index] # a path that the engine gave leads through what it read
        return rendered(value, path, tuple(_parts(found)), lambda place: self._opened.positions.line(origin, place))

    def _side(self, looked: _Looked, subject: End) -> public.SideReasons:
        side, misses = looked.walk.side, looked.misses
        otherwise = looked.walk.otherwise
        return public.SideReasons(
            verdict=allow_or_deny(side.allowed),
            reason=_reason(side, subject),
            isolated=bool(side.isolated_by),
            isolatedBy=[self.refs[isolation.policy] for isolation in side.isolated_by],
            decidedBy=self._decisions(side, side.matches),
            passed=self._decisions(side, side.passed),
            tiers=[public.Tier(TIERS[stage.tier], stage.rules, stage.outcome.value) for stage in looked.walk.stages],
            otherwise=None if otherwise is None else self._otherwise(otherwise),
            nearMisses=[self._near_miss(side.direction, miss) for miss in misses.found],
            moreNearMisses=misses.more,
        )

    def _otherwise(self, side: Side) -> public.Otherwise:
        return public.Otherwise(allow_or_deny(side.allowed), side.reason.value, self._decisions(side, side.matches))

    def _decisions(self, side: Side, matches: Iterable[Match]) -> list[public.Decision]:
        return [self._decision(side, match) for match in matches]

    def _decision(self, side: Side, match: Match) -> public.Decision:
        rule = match.rule
        ref = self.refs[rule.policy]
        return public.Decision(
            policy=ref,
            tier=TIERS[rule.tier],
            action=rule.action.value,
            rule=rule.path,
            peer=None if isinstance(rule.peers[match.peer], AnyPeer) else f"{_PEERS[side.direction]}[{match.peer}]",
            port=None if isinstance(rule.ports[match.port], AnyPort) else f"{_ports_field(rule)}[{match.port}]",
            line=self._line(ref, rule.path),
        )

    def _near_miss(self, direction: Direction, miss: NearMiss) -> public.NearMiss:
        ref = self.refs[miss.rule.policy]
        peer = None if miss.peer is None else f"{_PEERS[direction]}[{miss.peer}]"
        port = None if miss.port is None else f"{_ports_field(miss.rule)}[{miss.port}]"
        return public.NearMiss(
            policy=ref,
            tier=TIERS[miss.rule.tier],
            rule=miss.rule.path,
            peer=peer,
            port=port,
            line=self._line(ref, ".".join(part for part in (miss.rule.path, peer or port) if part)),
            terms=[missed_term(term) for term in miss.terms],
            matched=miss.matched,
            slip=miss.slip,
        )

    def _line(self, ref: Ref, field: str) -> int | None:
        origin = self.refs.origin(ref)
        return None if origin is None else self._opened.positions.line(origin, parse_field(field)) or None

    def _places(self, looked: _Looked) -> Iterator[tuple[Origin, Path]]:
        """All that a side names, to be looked up at once."""
        side, otherwise = looked.walk.side, looked.walk.otherwise
        matches = (*side.matches, *side.passed, *(() if otherwise is None else otherwise.matches))
        named: list[tuple[Rule, int | None, int | None]] = [(m.rule, m.peer, m.port) for m in matches]
        for rule, peer, port in [*named, *((m.rule, m.peer, m.port) for m in looked.misses.found)]:
            origin = self.refs.origin(self.refs[rule.policy])
            if origin is not None:
                path = parse_field(rule.path)
                yield origin, path
                parts = ((_PEERS[side.direction], peer), (_ports_field(rule), port))
                yield from ((origin, (*path, part, number)) for part, number in parts if number is not None)


class _Looked(Struct, frozen=True):
    """One side, and the rules that nearly allow it."""

    walk: Walk
    misses: NearMisses


def _reason(side: Side, subject: End) -> str:
    """The engine's word; where policies have no say, what the end is."""
    if side.reason is not Reason.NOT_A_POD:
        return str(side.reason.value)
    return _BEYOND.get(subject.member.kind, "host network")


_BEYOND = {"External": "external", "Node": "node"}


def _ports_field(rule: Rule) -> str:
    """Where the ports of a rule stand in its object (C10)."""
    return "protocols" if rule.policy.kind == "ClusterNetworkPolicy" else "ports"


def _parts(found: public.Decision | public.NearMiss) -> Iterator[Path]:
    rule = parse_field(found.rule)
    for part in (found.peer, found.port):
        if part is not None:
            yield (*rule, *parse_field(part))
