"""Evidence → public: what the engine says about one side as the Structs that `explain` and `verdict --trace` print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podwall.cluster.objects import Origin
from podwall.engine.model import Model
from podwall.engine.nearmiss import NearMiss, near_misses
from podwall.engine.rules import AnyPeer, AnyPort, Direction, Rule, Tier
from podwall.engine.verdict import Connection, Match, Side
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
    """Tells where everything stands that decides something. Keeps what it has looked up."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._model: Model = opened.model
        self.refs = Refs(opened)

    def connection(self, asked: Connection) -> public.Explained:
        """A connection with the reasons of both of its sides."""
        out, into = (walk(self._model.judge, direction, asked) for direction in Direction)
        self._prepare((out, into))
        return public.Explained(
            src=asked.source.name,
            dst=asked.destination.name,
            protocol=asked.protocol,
            port=asked.port,
            verdict=allow_or_deny(out.side.allowed and into.side.allowed),
            profile=self._model.profile.name,
            egress=self._side(out, asked),
            ingress=self._side(into, asked),
        )

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

    def _side(self, walked: Walk, asked: Connection) -> public.SideReasons:
        side = walked.side
        misses = near_misses(self._model.index, side, asked)
        return public.SideReasons(
            verdict=allow_or_deny(side.allowed),
            reason=side.reason.value,
            isolated=bool(side.isolated_by),
            isolatedBy=[self.refs[isolation.policy] for isolation in side.isolated_by],
            decidedBy=self._decisions(side, side.matches),
            passed=self._decisions(side, side.passed),
            tiers=[public.Tier(TIERS[stage.tier], stage.rules, stage.outcome.value) for stage in walked.stages],
            otherwise=None if walked.otherwise is None else self._otherwise(walked.otherwise),
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
        )

    def _line(self, ref: Ref, field: str) -> int | None:
        origin = self.refs.origin(ref)
        return None if origin is None else self._opened.positions.line(origin, parse_field(field)) or None

    def _prepare(self, walks: Iterable[Walk]) -> None:
        """Looks all lines up at once."""
        self._opened.positions.prepare(place for walked in walks for place in self._places(walked))

    def _places(self, walked: Walk) -> Iterator[tuple[Origin, Path]]:
        further = () if walked.otherwise is None else walked.otherwise.matches
        for match in (*walked.side.matches, *walked.side.passed, *further):
            origin = self.refs.origin(self.refs[match.rule.policy])
            if origin is not None:
                path = parse_field(match.rule.path)
                yield origin, path
                yield origin, (*path, _PEERS[walked.side.direction], match.peer)
                yield origin, (*path, _ports_field(match.rule), match.port)


def _ports_field(rule: Rule) -> str:
    """Where the ports of a rule stand in its object (C10)."""
    return "protocols" if rule.policy.kind == "ClusterNetworkPolicy" else "ports"


def _parts(found: public.Decision | public.NearMiss) -> Iterator[Path]:
    rule = parse_field(found.rule)
    for part in (found.peer, found.port):
        if part is not None:
            yield (*rule, *parse_field(part))
