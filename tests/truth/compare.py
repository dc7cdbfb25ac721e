"""Engine and oracle side by side on one cluster: single verdicts, and the map pair by pair.

`trial(seed)` is the cluster of a seed, the same for the tests and for fresh.py, so that a seed names a failure.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from podwall.cluster.endpoints import Endpoint
from podwall.engine import matrix
from podwall.engine.connections import Edge, External, edges, externals_of
from podwall.engine.grouping import Group, weights_of
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.errors import UnknownReference
from tests.truth.changed import Named, off_nodes, only_rules_of, policy_names, refusing
from tests.truth.clusters import random_cluster, random_queries, random_resolutions
from tests.truth.engine import Answer, ask, assumed_addresses, model_of
from tests.truth.ladders import random_ladder
from tests.truth.oracle import Oracle, OracleError, Undecided
from tests.truth.picture import TIER_KINDS, several_items
from tests.truth.targets import Targets, service_addresses
from tests.truth.vocabulary import PROTOCOLS, Object, maybe

REASONS, FEW = 12, 4  # edges whose reasons are looked at in a cluster of so few groups
SIZES = ("tiny", "small", "medium", "large")
Party = Group | External
Probe = tuple[str, str]  # two references that stand for two parties
Port = tuple[str, int]


@dataclass
class Tally:
    """How much was compared, and every difference that was found."""

    queries: int = 0
    skipped: int = 0
    pairs: int = 0
    reasons: int = 0
    failures: list[str] = field(default_factory=list)


def trial(seed: int, weights: Sequence[int] = (3, 4, 2, 0)) -> Trial:
    """The cluster of a seed, every other one with cluster-wide policies; `weights` says how often each size comes.

    Of those with such policies every other one is a ladder, and half know addresses of domain names.
    """
    rng = random.Random(seed)
    (size,) = rng.choices(SIZES, weights)
    cni = "cilium" if maybe(rng, 0.25) else "kubernetes"
    if seed % 2 == 0:
        return Trial(random_cluster(rng, size), cni, rng)
    objects = random_ladder(rng) if seed % 4 == 1 else random_cluster(rng, size, tiers=True)
    return Trial(objects, cni, rng, random_resolutions(rng) if maybe(rng, 0.5) else {})


class Trial:
    """One cluster, read by both. Everything random comes from `rng`."""

    def __init__(
        self,
        objects: list[Object],
        cni: str,
        rng: random.Random,
        resolutions: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.objects = objects
        self.cni = cni
        self.rng = rng
        self.resolutions = resolutions or {}
        self.model = model_of(objects, cni=cni, resolutions=resolutions)
        self.addresses = assumed_addresses(self.model)
        self.oracle = self.oracle_of(objects)

    def oracle_of(self, objects: list[Object]) -> Oracle:
        """An oracle of these objects, which may be changed ones, with the addresses that the engine allotted."""
        return Oracle(objects, profile=self.cni, addresses=self.addresses, resolutions=self.resolutions)

    # Verdicts

    def compare_verdicts(self, number: int, tally: Tally) -> None:
        """Random questions to both."""
        for query in random_queries(self.rng, self.objects, number):
            self.compare_verdict(query, tally)

    def compare_verdict(self, query: Answer, tally: Tally) -> None:
        """One question to both. Where the design leaves a replica open, there is nothing to compare."""
        tally.queries += 1
        if {query["src"], query["dst"]} & self.mixed:
            tally.skipped += 1
            return
        try:
            want: Answer | str = self.oracle.verdict(**query)  # type: ignore[arg-type]
        except Undecided:
            tally.skipped += 1
            return
        except OracleError as error:
            want = f"error: {error}"
        try:
            got: Answer | str = ask(self.model, query)
        except UnknownReference as error:
            got = f"error: {error}"
        if got != want and not (isinstance(got, str) and isinstance(want, str)):
            tally.failures.append(f"{query} is {want} to the oracle, {got} to the engine")

    @cached_property
    def mixed(self) -> set[str]:
        """References to workloads whose replicas the oracle tells apart.

        "No rule can tell them apart" is read per rule by the engine, and per peer by the oracle.
        """
        targets = Targets(self.oracle.picture, self.cni, "default")
        names: set[str] = set()
        for namespace, kind, name in self.oracle.picture.workloads():
            members = self.oracle.picture.members((namespace, kind, name))
            try:
                alike = len(targets.find(f"{namespace}/{kind}/{name}").ends) == len(members)
            except Undecided:
                alike = False
            if not alike:
                names |= {f"{namespace}/{name}", f"{namespace}/{kind}/{name}"}
                names |= {name} if namespace == "default" else set()
        return names

    # The map

    def compare_map(self, tally: Tally, most: int | None = 4) -> None:
        """Every pair, at `most` random ports and at the ends of what is open, or at every port where it is None."""
        reach = self.model.reach
        groups = self.model.groups(reach)
        found = list(edges(reach, groups, self.model.judge))
        by_pair = {(edge.src, edge.dst): edge for edge in found}
        if len(by_pair) != len(found):
            tally.failures.append("a pair stands twice on the map")
        parties: list[Party] = [*groups, *externals_of(reach)]
        known = {party.name for party in parties}
        tally.failures += (f"{pair} is on the map, its ends are not" for pair in by_pair if not {*pair} <= known)
        for source in parties:
            for destination in parties:
                self.compare_pair((source, destination), by_pair.get((source.name, destination.name)), tally, most)
        self.compare_groups(groups, tally)
        self.compare_counts(groups, by_pair, tally)
        self.compare_reasons(groups, found, tally)

    def compare_pair(self, pair: tuple[Party, Party], edge: Edge | None, tally: Tally, most: int | None) -> None:
        """One pair, in every family that both ends have."""
        name = " -> ".join(party.name for party in pair)
        shared = families(pair[0]) & families(pair[1])
        if edge is not None and edge.ports.keys() != shared:
            tally.failures.append(f"{name} has families {set(edge.ports)}, not {shared}")
        if edge is not None and self.is_no_pair(pair):
            tally.failures.append(f"{name} is on the map, and no pair")
        for family in sorted(shared):
            probe = self.probe(pair, family)
            if probe is not None:
                tally.pairs += 1
                opened = edge.ports.get(family, NO_PORTS) if edge else NO_PORTS
                wrong = self.wrong_ports(probe, family, opened, most)
                tally.failures += (f"{name} {w}: the oracle, asked about {probe}, does not say so" for w in wrong)

    def wrong_ports(self, probe: Probe, family: int, opened: PortSet, most: int | None) -> Iterator[str]:
        """The ports at which the oracle is of another opinion than the map."""
        ends = {(p, n) for p, first, last in opened.ranges() for n in (first - 1, first, last, last + 1)}
        some = self.rng.sample(self.starts, min(len(self.starts), len(self.starts) if most is None else most))
        for protocol, port in sorted({*some, *ends}):
            if 1 <= port <= 65535:
                answer = self.without_own_node.verdict(*probe, protocol, port, family)["verdict"]
                if (answer == "allow") != ((protocol, port) in opened):
                    yield f"{protocol} {port} IPv{family} is {'open' if answer == 'deny' else 'closed'} on the map"

    def is_no_pair(self, pair: tuple[Party, Party]) -> bool:
        """Two external ends, which nobody decides about, one Pod twice (D5), and a name as source (C12)."""
        source, destination = pair
        if isinstance(source, External):
            return isinstance(destination, External) or bool(source.domains)
        return source.name == destination.name and not self.is_several(source)

    def is_several(self, group: Group) -> bool:
        """Whether the pair of a group with itself means two replicas (D5)."""
        controller = group.members[0].controller
        if group.kind == "Pod" or controller is None:
            return False
        several = self.oracle.picture.several.get((group.namespace, controller.kind, controller.name), False)
        return several or len(group.members) > 1

    def probe(self, pair: tuple[Party, Party], family: int) -> Probe | None:
        """Two references to ask the oracle about, None where there is nothing to ask."""
        source, destination = pair
        if self.is_no_pair(pair):
            return None
        if isinstance(source, Group) and source.name == destination.name:
            return self.replicas(source)
        one, two = (self.address(p, family) if isinstance(p, External) else self.member(p) for p in pair)
        return None if one is None or two is None else (one, two)

    def member(self, group: Group) -> str:
        """Some member: they are all alike."""
        return reference(self.rng.choice(group.members))

    def replicas(self, group: Group) -> Probe | None:
        """Two replicas: two Pods, else the workload twice."""
        if len(group.members) > 1:
            one, two = self.rng.sample(group.members, 2)
            return reference(one), reference(two)
        controller = group.members[0].controller
        assert controller is not None
        name = f"{group.namespace}/{controller.kind}/{controller.name}"
        return None if name in self.mixed else (name, name)

    def address(self, cell: External, family: int) -> str | None:
        """Some address of a cell that belongs to nobody in the cluster; a name by itself."""
        if cell.domains:
            return cell.name
        blocks = [ipaddress.ip_network(cidr) for cidr in cell.addresses.family(family).cidrs()]
        for _ in range(6):
            block = self.rng.choice(blocks)
            chosen = block[self.rng.choice((0, -1, self.rng.randrange(block.num_addresses)))]
            if chosen not in self.used:
                return str(chosen)
        return None

    @cached_property
    def used(self) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        """Every address of a pod, node or Service (D19)."""
        picture = self.oracle.picture
        ends = [*picture.ends(), *picture.nodes.values()]
        services = (a for s in picture.services.values() for a in service_addresses(s))
        return {*services, *(a for e in ends for a in (*e.addresses, *e.node_addresses))}

    @cached_property
    def without_own_node(self) -> Oracle:
        """The oracle without the own-node rule, which is no edge of the map (D4): no pod is known to be on a node."""
        return self.oracle_of(off_nodes(self.objects))

    @cached_property
    def starts(self) -> list[Port]:
        """Every port where what some rule says can change: the map is exact if it is right at these."""
        numbers = set(boundaries(self.objects))
        return [(protocol, number) for protocol in PROTOCOLS for number in sorted(numbers)]

    # Groups, counts and reasons

    def compare_groups(self, groups: Sequence[Group], tally: Tally) -> None:
        """Everyone is in one group, and replicas that the oracle cannot tell apart are in the same."""
        members = [reference(m) for g in groups for m in g.members]
        if sorted(members) != sorted(map(reference, self.model.endpoints)):
            tally.failures.append("the groups do not hold every endpoint once")
        if len({g.name for g in groups}) != len(groups):
            tally.failures.append("two groups have one name")
        of = {reference(m): g.name for g in groups for m in g.members}
        for key in self.oracle.picture.workloads():
            if "/".join(key) not in self.mixed:
                held = {of.get(e.name) for e in self.oracle.picture.members(key)}
                if len(held) != 1 or None in held:
                    tally.failures.append(f"the replicas of {'/'.join(key)} are alike, but in groups {held}")

    def compare_counts(self, groups: Sequence[Group], by_pair: Mapping[Probe, Edge], tally: Tally) -> None:
        """The summary counts what the map lists."""
        counts = self.model.counts()
        inside = {g.name for g in groups}
        listed = sum(1 for src, dst in by_pair if src != dst and {src, dst} <= inside)
        got = (counts.endpoints, counts.pairs, counts.open_pairs)
        want = (len(groups), len(groups) * (len(groups) - 1), listed)
        if got != want:
            tally.failures.append(f"the summary says endpoints, pairs, open pairs = {got}, the map {want}")
        inside_reach = self.model.reach
        by_words = matrix.open_pairs(inside_reach, weights_of(self.model.index, inside_reach.layout))
        if by_words != counts.open_pairs:
            tally.failures.append(f"counted by words {by_words} pairs are open, else {counts.open_pairs}")

    def compare_reasons(self, groups: Sequence[Group], found: Sequence[Edge], tally: Tally) -> None:
        """Some edges: a policy stands under `egress_by` or `ingress_by` exactly if it lets some open port through."""
        parties: dict[str, Party] = {g.name: g for g in groups}
        parties |= {cell.name: cell for cell in externals_of(self.model.reach)}
        others = [edge for edge in found if edge.src != edge.dst]
        for edge in self.rng.sample(others, min(REASONS if len(groups) <= FEW else 4, len(others))):
            ends = parties[edge.src], parties[edge.dst]
            probes = {family: self.probe(ends, family) for family in edge.ports}
            asked = {family: probe for family, probe in probes.items() if probe is not None}
            for direction, by, subject in zip(
                ("egress", "ingress"), (edge.egress_by, edge.ingress_by), ends, strict=True
            ):
                names = None if by is None else {(r.policy.kind, r.policy.name) for r in by}
                home = subject.namespace if isinstance(subject, Group) else None
                want = self.permitting(direction, asked, edge, home)
                if len(asked) == len(probes):
                    tally.reasons += 1
                    if names != want or names == set():
                        tally.failures.append(f"{edge.src} -> {edge.dst} {direction} is by {names}, should be {want}")

    def permitting(
        self, direction: str, probe: Mapping[int, Probe], edge: Edge, namespace: str | None
    ) -> set[Named] | None:
        """The policies that let some open port through; None if no policy does, and none isolates the subject.

        An end without a namespace is external, and nobody's subject.
        """
        if namespace is None:
            return None
        objects = off_nodes(self.objects)
        found = {
            name
            for name in policy_names(objects, None)
            if "deny" in self.answers(refusing(objects, {name}), direction, probe, edge)
        }
        left = refusing(objects, set(policy_names(objects, None)))  # what no tier accepts is for NetworkPolicies
        if "allow" in self.answers(only_rules_of(left, None), direction, probe, edge):
            return found or None
        for name in policy_names(objects, namespace):
            if "allow" in self.answers(only_rules_of(left, (namespace, name[1])), direction, probe, edge):
                found.add(name)
        return found

    def answers(self, objects: list[Object], direction: str, probe: Mapping[int, Probe], edge: Edge) -> set[int | str]:
        """What one direction says of the open ports of an edge, the objects being others."""
        oracle = self.oracle_of(objects)
        return {
            oracle.verdict(*probe[family], protocol, port, family)[direction]
            for family, ports in edge.ports.items()
            if family in probe
            for protocol, port in self.starts
            if (protocol, port) in ports
        }


def reference(endpoint: Endpoint) -> str:
    """The reference that names an endpoint whatever else is called so."""
    return f"{endpoint.namespace}/{endpoint.kind}/{endpoint.name}"


def families(party: Party) -> set[int]:
    """The address families that a party has."""
    if isinstance(party, External):
        return {f for f in (4, 6) if party.domains or party.addresses.family(f)}
    return {6 if ":" in a else 4 for a in party.members[0].addresses}


def boundaries(objects: Iterable[Object]) -> Iterator[int]:
    """Every number at which a range of some rule, or a container's port, begins or has ended; and 1."""
    yield 1
    for obj in objects:
        spec = obj.get("spec") or {}
        if obj["kind"] == "NetworkPolicy":
            rules = [r for side in ("ingress", "egress") for r in several_items(spec, side) if r]
            for port in (p for r in rules for p in several_items(r, "ports") if p):
                if isinstance(port.get("port"), int):
                    yield from started(port["port"], port.get("endPort") or port["port"])
        elif obj["kind"] in TIER_KINDS:
            yield from tier_boundaries(spec)
        for number in container_ports(obj):
            yield from started(number, number)


def tier_boundaries(value: object) -> Iterator[int]:
    """The same of every port number and range anywhere in a cluster-wide policy (C10, 2.3)."""
    if isinstance(value, dict):
        for number in (value.get("number"), value.get("port")):
            if isinstance(number, int):
                yield from started(number, number)
        if isinstance(value.get("start"), int):
            yield from started(value["start"], value["end"])
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from tier_boundaries(part)


def started(first: int, last: int) -> Iterator[int]:
    """Where a range begins, and where the rest goes on."""
    yield first
    if last < 65535:
        yield last + 1


def container_ports(obj: object) -> Iterator[int]:
    """Every containerPort anywhere in an object."""
    if isinstance(obj, dict):
        if isinstance(obj.get("containerPort"), int):
            yield obj["containerPort"]
        for value in obj.values():
            yield from container_ports(value)
    elif isinstance(obj, list):
        for value in obj:
            yield from container_ports(value)
