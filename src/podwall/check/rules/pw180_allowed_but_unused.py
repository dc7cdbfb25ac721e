"""A rule, or one of its peers or ports, allows connections that nobody has made for a long time.

What was needed once is still open: for whoever comes upon it next. Observed traffic (`--flows`, as `podwall flows show
-o json` writes it) tells which rules are in use; without it, nothing is said.

A rule is in use if an edge that it allows was seen in the last days of the file: 30, or `--unused-days`. Edges that
cover fewer days than that tell nothing, and neither do edges in which no pod of the policy's namespace occurs: traffic
that was not watched is not unused. Attempts that were denied use nothing. Where the rule itself is in use, each of its
peers and ports is looked at.

Left alone are rules for DNS, of which the rarer half (TCP) is needed all the same, the bracket of a rollout, and rules
that allow nothing now, which other checks name. How old a policy is, the input does not tell: one that came while
traffic was watched may only be new.

**What to do:** ask its owner, and delete it if it is not for something rare (a yearly job, a failover). `podwall diff`
shows what that closes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import chain

from msgspec import Struct, structs

from podwall.check.coverage import is_bracket
from podwall.check.dns import names_dns
from podwall.check.examples import some_address
from podwall.check.facts import Facts, Policy, Witness
from podwall.check.pairs import BEYOND, Budget, TooManyPairs, connection, pairs
from podwall.check.rule import Bad, Finding, Good, Rule, Severity, Skipped
from podwall.check.traffic import NOT_GIVEN, asked, left_out, uses, window
from podwall.cluster.hosts import external
from podwall.engine.judge import ports_on
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import AnyPeer, AnyPort, Block, Direction, NamespacesMatching, Peer, Pods
from podwall.engine.rules import Rule as PolicyRule
from podwall.engine.sets import PortSet
from podwall.engine.verdict import Connection, End
from podwall.flows.edges import Edge
from podwall.text.where import Path

__all__ = ["RULE"]

_EVERY_POD = Pods(NamespacesMatching(EVERYTHING), EVERYTHING)


class _Seen(Struct):
    """What edges tell: who made use of a rule and when last, the namespaces that were watched, edges without ends.

    `budget` is that of the pairs among which an example is looked for.
    """

    used: dict[int, list[tuple[Connection, dt.datetime]]]
    watched: set[str]
    lost: list[Edge]
    budget: Budget


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    days = facts.options.unused_days
    if facts.options.edges is None:
        yield NOT_GIVEN
        return
    watched = window(facts)
    if watched is None or watched[1] - watched[0] < dt.timedelta(days):
        yield Skipped("every rule", f"observed traffic of {days} days")
        return
    seen = _seen(facts)
    for policy in facts.network_policies:
        if policy.rules and policy.ref.namespace not in seen.watched:
            yield Skipped(policy.shown, f"observed traffic of namespace {policy.ref.namespace}")
        elif not is_bracket(policy):
            yield from _of(facts, policy, seen, watched[1])
    yield from left_out(seen.lost, "both ends")


def _seen(facts: Facts) -> _Seen:
    seen = _Seen({}, set(), [], Budget())
    for use in uses(facts, facts.options.edges or (), seen.lost):
        for made in use.connections:
            seen.watched |= {made.source.member.namespace, made.destination.member.namespace}
            if not use.edge.only_refused:
                verdict = facts.model.judge.verdict(made)
                for match in (*verdict.egress.matches, *verdict.ingress.matches):
                    seen.used.setdefault(id(match.rule), []).append((made, use.edge.ended))
    return seen


def _of(facts: Facts, policy: Policy, seen: _Seen, until: dt.datetime) -> Iterator[Finding | Skipped]:
    for rule in policy.rules:
        if not _is_for_dns(facts, rule):
            try:
                yield from _unused(facts, policy, rule, seen, until)
            except TooManyPairs:
                yield Skipped(policy.shown, BEYOND)


def _is_for_dns(facts: Facts, rule: PolicyRule) -> bool:
    all_ports = any(isinstance(port, AnyPort) for port in rule.ports)
    return rule.direction is Direction.EGRESS and not all_ports and bool(names_dns(facts, rule))


def _unused(facts: Facts, policy: Policy, rule: PolicyRule, seen: _Seen, until: dt.datetime) -> Iterator[Finding]:
    """The rule, or those of its peers and ports, that nobody used in time."""
    connections = seen.used.get(id(rule), ())
    since = until - dt.timedelta(facts.options.unused_days)
    for path, part in _parts(facts, rule):
        last = max((when for made, when in connections if _meets(facts, part, made)), default=None)
        if last is None or last < since:
            example = next(_allowed(facts, part, seen.budget), None)
            if example is not None:
                yield _finding(policy, path, example, (last, until))
            if path == facts.field(rule):
                return


def _parts(facts: Facts, rule: PolicyRule) -> Iterator[tuple[Path, PolicyRule]]:
    """The rule itself, then each of several peers and of several ports with all of the other list."""
    yield facts.field(rule), rule
    for number, peer in enumerate(rule.peers if len(rule.peers) > 1 else ()):
        yield facts.field(rule, peer=number), structs.replace(rule, peers=(peer,))
    for number, port in enumerate(rule.ports if len(rule.ports) > 1 else ()):
        yield facts.field(rule, port=number), structs.replace(rule, ports=(port,))


def _meets(facts: Facts, rule: PolicyRule, made: Connection) -> bool:
    peer = made.source if rule.direction is Direction.INGRESS else made.destination
    port = PortSet.of(made.protocol, made.port)
    return ports_on(rule.ports, made.destination.member).overlaps(port) and any(
        _is(facts, term, peer) for term in rule.peers
    )


def _is(facts: Facts, term: Peer, end: End) -> bool:
    """Whether an end is a peer; True for peers of which only the whole rule is known to be in use."""
    match term:
        case Pods():
            namespace, slot = end.seen_as
            return bool(namespace) and bool(facts.index.pods(term).get(namespace, 0) >> slot & 1)
        case Block(addresses):
            return any(address in addresses for address in end.member.addresses)
    return True


def _allowed(facts: Facts, rule: PolicyRule, budget: Budget) -> Iterator[Connection]:
    """Connections that a rule and the other end allow. Raises TooManyPairs."""
    for made in chain(_with_blocks(facts, rule), _among_pods(facts, rule, budget)):
        if facts.model.judge.verdict(made, evidence=False).allowed:
            yield made


def _with_blocks(facts: Facts, rule: PolicyRule) -> Iterator[Connection]:
    """Between each subject and one address of each block."""
    blocks = [peer.addresses for peer in rule.peers if isinstance(peer, Block)]
    for subject in facts.classes(facts.index.pods(rule.subject)) if blocks else ():
        for addresses in blocks:
            ends = facts.shown(subject), some_address(addresses)
            outgoing = rule.direction is Direction.EGRESS
            within = ports_on(rule.ports, external(ends[1]) if outgoing else subject)
            yield from asked(facts, *(ends if outgoing else ends[::-1]), within)


def _among_pods(facts: Facts, rule: PolicyRule, budget: Budget) -> Iterator[Connection]:
    anyone = any(isinstance(peer, AnyPeer) for peer in rule.peers)
    rule = structs.replace(rule, peers=(_EVERY_POD,)) if anyone else rule
    for source, destination in pairs(facts, rule, budget):
        within = ports_on(rule.ports, destination)
        made = connection(facts, source, destination, within) if within else None
        if made is not None:
            yield made


def _finding(policy: Policy, path: Path, example: Connection, times: tuple[dt.datetime | None, dt.datetime]) -> Finding:
    last, until = times
    since = "" if last is None else f" since {last.date()}"
    return Finding(
        policy.what,
        path,
        f"allows what nobody has used{since}, as far as traffic was observed (until {until.date()})",
        "delete it if its owner agrees; podwall diff shows what that closes",
        witness=Witness(example.source.name, example.destination.name, example.protocol, example.port),
    )


_CLUSTER = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop%s}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {matchLabels: {app: web}}
    - podSelector: {matchLabels: {app: api}}
    ports: [{port: 5432}, {port: 9187}]
"""
_DB = _CLUSTER % ""
_OUT = """\
  egress:
  - to: [{ipBlock: {cidr: 203.0.113.0/24}}]
    ports: [{port: 443}]
  - to: [{namespaceSelector: {}}]
    ports: [{port: 53}, {port: 53, protocol: UDP}]
"""
_ALL = """\
  egress:
  - {}
"""


def _edge(src: str, dst: str, port: int, last: str, **verdicts: int) -> Edge:
    return Edge(src, dst, "TCP", port, "2026-09-01T08:00:00Z", f"{last}T17:30:00Z", 9, 9, verdicts or {"allow": 9})


_QUERY = _edge("shop/web", "shop/db", 5432, "2026-11-20")
_READ = _edge("shop/api", "shop/db", 5432, "2026-11-19")
_SCRAPE = _edge("shop/web", "shop/db", 9187, "2026-11-01")

RULE = Rule(
    id="PW180",
    severity=Severity.INFO,
    says="a rule, or one of its peers or ports, allows what nobody has used for a long time",
    check=_check,
    good=(
        Good(_DB, because="nobody knows what is in use without flows"),
        Good(_DB, flows=(_QUERY, _READ, _SCRAPE)),
        Good(_DB, flows=(structs.replace(_QUERY, first="2026-11-01"),), because="19 days tell nothing about 30"),
        Good(_DB, flows=(_edge("10.0.0.1", "203.0.113.9", 443, "2026-11-20"),), because="shop was not watched"),
        Good(
            _DB + _OUT,
            flows=(_QUERY, _READ, _SCRAPE, _edge("shop/db", "203.0.113.0/24", 443, "2026-11-20")),
            because="DNS is needed over TCP, too, even if nobody has needed it yet",
        ),
        Good(_CLUSTER % ", labels: {podwall.io/bracket: 'true'}", flows=(_QUERY,), because="a bracket goes by itself"),
        Good(_DB + _ALL, flows=(_QUERY, _READ, _SCRAPE, _edge("shop/db", "1.1.1.1", 1, "2026-11-20"))),
    ),
    bad=(
        Bad(_DB, ("shop/db spec.ingress[0].from[1]", "shop/db spec.ingress[0].ports[1]"), flows=(_QUERY,)),
        Bad(
            _DB,
            ("shop/db spec.ingress[0]",),
            "denied attempts use nothing",
            flows=(
                _edge("shop/web", "shop/api", 80, "2026-11-20"),
                _edge("shop/web", "shop/db", 5432, "2026-11-20", deny=3),
            ),
        ),
        Bad(
            _DB,
            ("shop/db spec.ingress[0].from[1]",),
            "not any more",
            flows=(_QUERY, _SCRAPE, structs.replace(_READ, last="2026-10-01")),
        ),
        Bad(_DB + _OUT, ("shop/db spec.egress[0]",), flows=(_QUERY, _READ, _SCRAPE)),
        Bad(_DB + _ALL, ("shop/db spec.egress[0]",), flows=(_QUERY, _READ, _SCRAPE)),
    ),
)
