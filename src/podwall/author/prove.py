"""The proof: what was written is put to the engine, alone and beside all policies that there are, and asked.

Alone, in each direction and for every sort of pod and address, there or to come, it must leave open what the claims say
and nothing else: that also proves that each selector selects who was meant. Beside the others, all needs must be met.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from podwall.admission import clusternetworkpolicy, networkpolicy
from podwall.admission.finding import Findings
from podwall.api.networking import NetworkPolicy
from podwall.api.policy import ClusterNetworkPolicy
from podwall.author.recipe import Claim, Draft, Object
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import NAME_LABEL
from podwall.engine.index import Index, key_of
from podwall.engine.judge import Judge, ports_on
from podwall.engine.policies import clusterwide
from podwall.engine.policies import networkpolicy as meaning
from podwall.engine.rules import Direction, Pods, PolicyRules
from podwall.engine.sets import ALL_PORTS, IPV6_BASE, cut
from podwall.engine.verdict import Connection, End, Reason, Side, is_selectable
from podwall.errors import CannotWrite
from podwall.needs.met import closed
from podwall.needs.party import Party
from podwall.needs.site import Site, families
from podwall.text.where import field

__all__ = ["Proof", "prove", "rules_of"]

_ELSEWHERE = "podwall-elsewhere"  # a namespace that no policy names
_OUTSIDE = ("198.51.100.7", "169.254.169.254", "10.255.255.254", "2001:db8::7", "fd00:ec2::254")
_MOST_BLOCKS = 256  # of a published file: the engine reads them one after the other
_EXEMPT = (Reason.LOOPBACK, Reason.OWN_NODE, Reason.NOT_A_POD)


class Proof(Struct, frozen=True):
    """How much was asked, and whom the policies isolate who was open before, by direction."""

    questions: int
    isolates: dict[Direction, tuple[str, ...]]


def rules_of(item: Object) -> PolicyRules:
    """A policy's meaning. Raises CannotWrite where the API server would refuse it."""
    if item["kind"] == "NetworkPolicy":
        policy = msgspec.convert(item, NetworkPolicy)
        _refuse(item, networkpolicy.problems(policy))
        return meaning.rules_of(policy, policy.metadata.namespace or "")
    wide = msgspec.convert(item, ClusterNetworkPolicy)
    _refuse(item, clusternetworkpolicy.problems(wide))
    return clusterwide.rules_of(wide)


def _refuse(item: Object, findings: Findings) -> None:
    for finding in findings:
        if not finding.warning:
            raise CannotWrite(f"{item['metadata']['name']}: {field(finding.path)}: {finding.message}")


def prove(site: Site, draft: Draft) -> Proof:
    """Raises CannotWrite with the first thing that is not as it was meant. The site's index has the policies then."""
    written = [rules_of(policy.object) for policy in (*draft.policies, *draft.behind)]
    asked = _Alone(site, written, draft.claims).check()
    new = {d: tuple(sorted(_newly_isolated(site, draft.claims, d))) for d in Direction}
    for policy in written:
        site.model.index.put_policy(policy)
    more, denied = closed(site, draft.needs)
    if denied:
        one = denied[0]
        raise CannotWrite(
            f"{one.src} -> {one.dst} {one.protocol} {one.port} would still be denied, as {one.direction.value}, by "
            f"{', '.join(one.by[:3])}: nothing is written; see podwall explain"
        )
    return Proof(asked + more, {direction: names for direction, names in new.items() if names})


# Alone


class _Alone:
    """The new policies without any others, over the endpoints of the input and strangers."""

    def __init__(self, site: Site, policies: Sequence[PolicyRules], claims: Sequence[Claim]) -> None:
        self._profile = site.model.profile
        self._claims = claims
        self._rules = [rule for policy in policies for rule in policy.rules]
        named = [party for claim in claims for party in (claim.subjects, *(g.peers for g in claim.grants))]
        given = {key_of(e): e for party in named for e in party.endpoints}  # one may be taken for granted
        known = list((given | {key_of(e): e for e in site.model.endpoints}).values())
        strangers = list(_strangers(named, {e.namespace for e in known}))
        self._index = _filled(site, policies, [*known, *strangers])
        self._judge = Judge(self._index)
        self._pods = list(self._sorts([*known, *strangers], policies, named))
        self._others = [End(a, Endpoint("External", "", a, {}, (a,))) for a in _addresses(named)]

    def check(self) -> int:
        """How many questions were asked. Raises CannotWrite for the first answer that was not meant."""
        return sum(
            self._check_pair(d, s, p) for d in Direction for s in self._pods for p in (*self._pods, *self._others)
        )

    def _check_pair(self, direction: Direction, subject: End, peer: End) -> int:
        claims = [c for c in self._claims if c.direction is direction and c.subjects.has_pod(subject.member)]
        ingress = direction is Direction.INGRESS
        source, destination = (peer, subject) if ingress else (subject, peer)
        rules = [ports_on(r.ports, destination.member) for r in self._rules if r.direction is direction]
        asked = 0
        for family in families(subject.member) & families(peer.member):
            grants = [g for c in claims for g in c.grants if self._has(g.peers, peer.member, family)]
            for piece in cut([ALL_PORTS, *rules, *(g.ports for g in grants)]):
                protocol, port, _ = next(piece.ranges())
                side = self._judge.side(
                    direction, Connection(source, destination, protocol, port, family), evidence=False
                )
                meant = not claims or any(piece <= g.ports for g in grants)
                if side.reason not in _EXEMPT and side.allowed is not meant:
                    raise CannotWrite(_not_meant(source, destination, f"{protocol} {port}", side))
                asked += 1
        return asked

    def _has(self, party: Party, endpoint: Endpoint, family: int) -> bool:
        return party.has(endpoint, family, blocks_match_cluster=self._profile.blocks_match_cluster)

    def _sorts(
        self, pods: Iterable[Endpoint], policies: Sequence[PolicyRules], named: Sequence[Party]
    ) -> Iterator[End]:
        """One pod of each sort that neither the policies nor the claims tell apart."""
        selections = {i.subject for p in policies for i in p.isolations} | {r.subject for r in self._rules}
        selections |= {peer for r in self._rules for peer in r.peers if isinstance(peer, Pods)}
        held = [self._index.pods(selection) for selection in sorted(selections, key=repr)]
        blocks = sorted(self._index.blocks, key=lambda block: block.spans)
        seen: set[object] = set()
        for pod in filter(is_selectable, pods):
            slot = self._index.slot(pod)
            key = (
                tuple(slots.get(pod.namespace, 0) >> slot & 1 for slots in held),
                tuple(party.has_pod(pod) for party in named),
                tuple(tuple(a in block for block in blocks) for a in pod.addresses),
                frozenset(families(pod)),
            )
            if key not in seen:
                seen.add(key)
                name = f"{pod.namespace}/{pod.controller.name if pod.controller else pod.name}"
                yield End(name, pod, slot, many=True)


def _filled(site: Site, policies: Iterable[PolicyRules], pods: Iterable[Endpoint]) -> Index:
    index = Index(site.model.profile)
    chosen = list(pods)
    for name in sorted({pod.namespace for pod in chosen}):
        index.put_namespace(name, {**site.model.index.labels_of(name), NAME_LABEL: name})
    for policy in policies:
        index.put_policy(policy)
    for pod in chosen:
        index.put_endpoint(pod)
    return index


def _strangers(named: Iterable[Party], namespaces: Iterable[str]) -> Iterator[Endpoint]:
    """Pods that are not there: without labels where somebody is meant, elsewhere with the labels of these."""
    parties = list(named)
    homes = sorted(
        {p.namespace for p in parties if p.namespace} | {n for p in parties for n in p.spared} | {_ELSEWHERE}
    )
    number = 0
    taken = set(namespaces)
    for namespace in homes:
        number += 1
        yield _stranger(namespace, number, {})
    alike = {tuple(sorted(p.endpoints[0].labels.items())) for p in parties if p.endpoints and not p.whole}
    for labels in sorted(alike):
        number += 1
        yield _stranger(_ELSEWHERE if _ELSEWHERE not in taken else f"{_ELSEWHERE}-2", number, dict(labels))


def _stranger(namespace: str, number: int, labels: dict[str, str]) -> Endpoint:
    # Addresses for tests of devices (RFC 2544, RFC 5180), which no cluster has.
    addresses = (f"198.18.0.{number % 250 + 1}", f"2001:2::{number:x}")
    return Endpoint("Pod", namespace, f"podwall-stranger-{number}", labels, addresses)


def _addresses(named: Iterable[Party]) -> list[str]:
    """Addresses outside: some of each kind, and the first and last of each block that is meant with their neighbors."""
    found = set(_OUTSIDE)
    for party in named:
        spans = party.addresses.spans
        for first, last in spans[:: len(spans) // _MOST_BLOCKS + 1]:
            found.update(_address(n) for n in (first - 1, first, last, last + 1) if _is_on_axis(n))
    return sorted(found)


def _is_on_axis(number: int) -> bool:
    return 0 <= number < 1 << 32 or IPV6_BASE <= number < IPV6_BASE + (1 << 128)


def _address(number: int) -> str:
    if number < IPV6_BASE:
        return str(ipaddress.IPv4Address(number))
    return str(ipaddress.IPv6Address(number - IPV6_BASE))


def _not_meant(source: End, destination: End, port: str, side: Side) -> str:
    verb = "would open" if side.allowed else "would not open"
    return f"not written, since it is not what was meant: it {verb} {source.name} -> {destination.name} {port}"


# Beside the others


def _newly_isolated(site: Site, claims: Iterable[Claim], direction: Direction) -> set[str]:
    return {
        site.end(endpoint).name
        for claim in claims
        if claim.direction is direction
        for endpoint in (claim.subjects.endpoints or (site.model.endpoints if claim.subjects.everywhere else ()))
        if claim.subjects.has_pod(endpoint) and not site.isolated(endpoint, direction)
    }
