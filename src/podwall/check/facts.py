"""What checks ask: one cluster as it was read, with the questions that several of them have.

Answers are made when they are first asked for and kept. A question that only one check has belongs in that check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar, cast

import msgspec

from podwall.api.core import Service
from podwall.check.declared import Declared, Where
from podwall.check.examples import some_port
from podwall.check.objects import Object, Options, Policy, Witness
from podwall.cluster.endpoints import Endpoint, container_ports, pod_spec
from podwall.cluster.ephemeral import EPHEMERAL
from podwall.cluster.mistake import Mistake, Sort
from podwall.cluster.objects import Origin, kind_of, name_of
from podwall.cluster.services import selects
from podwall.cluster.topology import Topology
from podwall.cluster.wellknown import Members, WellKnown
from podwall.engine.grouping import Group
from podwall.engine.index import EndpointKey, Index, key_of
from podwall.engine.judge import ports_on
from podwall.engine.labels import EVERYTHING
from podwall.engine.model import Model
from podwall.engine.rules import (
    Direction,
    InNamespace,
    NamespacesMatching,
    Pods,
    PolicyRef,
    Rule,
    Scope,
)
from podwall.needs.application import Application
from podwall.needs.need import Need
from podwall.needs.registry import find
from podwall.needs.site import Site
from podwall.text.where import Path, near, parse_field

__all__ = ["EPHEMERAL", "Facts", "Object", "Options", "Policy", "Witness"]

_Answer = TypeVar("_Answer")


class Facts:
    """One cluster, under one profile, and the questions about it.

    `ignoring` are the annotations of the objects that suppress findings about them, as far as they are known.
    """

    def __init__(
        self,
        model: Model,
        options: Options,
        mistakes: Iterable[Mistake] = (),
        ignoring: Mapping[EndpointKey, Mapping[str, str]] = MappingProxyType({}),
        topology: Callable[[], Topology] = Topology,
    ) -> None:
        self.model = model
        self._topology = topology
        self.options = options
        self.mistakes = tuple(mistakes)
        self.ignoring = ignoring
        self._written: dict[PolicyRef, object] = {}
        self._isolating: dict[tuple[str, int, Direction], list[Policy]] = {}
        self._values: dict[tuple[Scope, str], frozenset[str]] = {}
        self._slips: dict[Pods, tuple[str, str, str] | None] = {}
        self._once: dict[Callable[[Facts], object], object] = {}

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        """Every connection that the input says somebody needs; the input is read once more for it."""
        site = Site(self.model, given=True)
        return find(Application(site, self._topology())).needs

    @property
    def index(self) -> Index:
        """The engine's index of the cluster."""
        return self.model.index

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Every valid policy, NetworkPolicies by namespace and name first."""
        return tuple(self._policies())

    def _policies(self) -> Iterator[Policy]:
        means = self.model.index.policies
        for bucket in self.model.cluster.namespaces.values():
            for located in bucket.policies:
                ref = PolicyRef("NetworkPolicy", bucket.name, name_of(located.object.metadata))
                yield Policy(ref, located.object, located.origin, means[ref])
        for wide in self.model.cluster.cluster_policies:
            ref = PolicyRef(kind_of(wide.object), "", name_of(wide.object.metadata))
            yield Policy(ref, wide.object, wide.origin, means[ref])

    @cached_property
    def network_policies(self) -> tuple[Policy, ...]:
        """Those of the NetworkPolicy tier."""
        return tuple(policy for policy in self.policies if policy.ref.kind == "NetworkPolicy")

    def once(self, question: Callable[[Facts], _Answer]) -> _Answer:
        """The answer to a question about all of the cluster that several checks have; asked when it is first needed."""
        if question not in self._once:
            self._once[question] = question(self)
        return cast("_Answer", self._once[question])

    def written(self, policy: Policy, path: Path) -> object:
        """What stands at a field of a policy, as plain data in the API's own names; None where nothing does."""
        if policy.ref not in self._written:
            self._written[policy.ref] = msgspec.to_builtins(policy.object)
        found = self._written[policy.ref]
        for step in path:
            if isinstance(step, int):
                found = found[step] if isinstance(found, list) and step < len(found) else None
            else:
                found = found.get(step) if isinstance(found, dict) else None
        return found

    def is_given(self, namespace: str) -> bool:
        """Whether the input has all of a namespace: its object, and a workload or Pod of it (D18)."""
        if self.options.whole:
            return True
        bucket = self.model.cluster.namespaces.get(namespace)
        return bucket is not None and bucket.declared is not None and bool(bucket.pods or bucket.workloads)

    def scope(self, selection: Pods) -> list[str]:
        """The namespaces of the input that a subject or peer is about."""
        match selection.scope:
            case InNamespace(name):
                return [name] if name in self.model.cluster.namespaces else []
            case NamespacesMatching(selector):
                return [b.name for b in self.model.cluster.namespaces.values() if selector.matches(b.labels)]

    def is_in(self, namespace: str, scope: Scope) -> bool:
        """Whether a namespace is of the input, and one that a subject or peer is about."""
        bucket = self.model.cluster.namespaces.get(namespace)
        match scope:
            case InNamespace(name):
                return bucket is not None and name == namespace
            case NamespacesMatching(selector):
                return bucket is not None and selector.matches(bucket.labels)

    def origin(self, kind: str, namespace: str, name: str) -> Origin | None:
        """Where a namespace, or an object of one, was read; None for a controller that is known by its Pods alone."""
        if kind == "Namespace":
            bucket = self.model.cluster.namespaces.get(name)
            return None if bucket is None else bucket.declared
        return self._origins.get((kind, namespace, name))

    @cached_property
    def _origins(self) -> dict[EndpointKey, Origin]:
        return {
            (kind_of(located.object), bucket.name, name_of(located.object.metadata)): located.origin
            for bucket in self.model.cluster.namespaces.values()
            for located in (*bucket.pods, *bucket.workloads, *bucket.services)
        }

    @cached_property
    def endpoints(self) -> Mapping[str, tuple[Endpoint, ...]]:
        """All endpoints, by namespace."""
        out: dict[str, list[Endpoint]] = {name: [] for name in self.model.cluster.namespaces}
        for endpoint in self.model.endpoints:
            out[endpoint.namespace].append(endpoint)
        return {name: tuple(held) for name, held in out.items()}

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The endpoints as they are shown: replicas that no rule tells apart as one."""
        return tuple(self.model.groups(self.model.reach))

    @cached_property
    def _shown(self) -> dict[int, str]:
        return {id(member): group.name for group in self.groups for member in group.members}

    def shown(self, endpoint: Endpoint) -> str:
        """How an endpoint is named in answers, and in questions."""
        return self._shown[id(endpoint)]

    def selects_any(self, selection: Pods) -> bool:
        """Whether a subject or peer selects somebody."""
        return bool(self.index.pods(selection))

    def selected(self, selection: Pods) -> list[Endpoint]:
        """The endpoints that a subject or peer selects."""
        return [
            endpoint
            for namespace, held in self.index.pods(selection).items()
            for bit, endpoint in self._bits.get(namespace, ())
            if held & bit
        ]

    @cached_property
    def _bits(self) -> dict[str, list[tuple[int, Endpoint]]]:
        """The endpoints of each namespace with the bit of their class."""
        return {name: [(1 << self.index.slot(e), e) for e in held] for name, held in self.endpoints.items()}

    @cached_property
    def _firsts(self) -> dict[str, list[tuple[int, Endpoint]]]:
        """One endpoint of each class, the first by name, in that order."""
        out = {}
        for name, held in self._bits.items():
            found: dict[int, Endpoint] = {}
            for bit, endpoint in sorted(held, key=lambda pair: key_of(pair[1])):
                found.setdefault(bit, endpoint)
            out[name] = list(found.items())
        return out

    @cached_property
    def hosts(self) -> list[Endpoint]:
        """The endpoints on their host's network, which no selector sees."""
        return [endpoint for held in self.endpoints.values() for endpoint in held if endpoint.host_network]

    def selects_nobody(self, selection: Pods) -> bool:
        """Whether a selector is known to be of no use: PW124 tells of labels that only running Pods have, PW171 of
        pods on their host's network.
        """
        ephemeral = any(term.key in EPHEMERAL for term in selection.selector.terms)
        return not (ephemeral or self.selects_any(selection) or self._means_hosts(selection))

    def _means_hosts(self, selection: Pods) -> bool:
        return any(
            selection.selector.matches(e.labels) and self.is_in(e.namespace, selection.scope) for e in self.hosts
        )

    def classes(self, where: Where) -> Iterator[Endpoint]:
        """One endpoint of each of these classes, by namespace and name: the others are the same to every rule."""
        for namespace in sorted(where):
            held = where[namespace]
            for bit, endpoint in self._firsts.get(namespace, ()):
                if held & bit:
                    yield endpoint

    def field(self, rule: Rule, peer: int | None = None, port: int | None = None) -> Path:
        """The field of a rule in its policy, or of one of its peers or ports."""
        path = parse_field(rule.path)
        if peer is not None:
            return (*path, "from" if rule.direction is Direction.INGRESS else "to", peer)
        if port is not None:
            return (*path, "ports" if rule.policy.kind != "ClusterNetworkPolicy" else "protocols", port)
        return path

    def declared(self, endpoint: Endpoint) -> frozenset[tuple[str, int]]:
        """The ports that an endpoint's containers declare, as (protocol, number)."""
        return self._declared.get(key_of(endpoint), frozenset())

    @cached_property
    def _declared(self) -> dict[EndpointKey, frozenset[tuple[str, int]]]:
        out = {}
        for bucket in self.model.cluster.namespaces.values():
            for located in (*bucket.pods, *bucket.workloads):
                ports = container_ports(pod_spec(located.object))
                key = (kind_of(located.object), bucket.name, name_of(located.object.metadata))
                out[key] = frozenset((port.protocol or "TCP", port.containerPort) for port in ports)
        return out

    @cached_property
    def ports(self) -> Declared:
        """What the containers of all endpoints declare, and how they name it."""
        everyone = (e for held in self.endpoints.values() for e in held)
        return Declared((e, self.index.slot(e), self.declared(e)) for e in everyone)

    def peers_of(self, rule: Rule) -> Where:
        """The classes of the pods among a rule's peers."""
        out: dict[str, int] = {}
        for peer in self.pod_peers(rule):
            for namespace, held in self.index.pods(peer).items():
                out[namespace] = out.get(namespace, 0) | held
        return out

    def about(self, rule: Rule) -> Where:
        """The classes whose ports a rule is about: of its subjects, or of the pods among its peers."""
        return self.index.pods(rule.subject) if rule.direction is Direction.INGRESS else self.peers_of(rule)

    def destinations(self, rule: Rule) -> Iterator[Endpoint]:
        """The endpoints whose ports a rule is about."""
        for namespace, held in sorted(self.about(rule).items()):
            for bit, endpoint in self._bits.get(namespace, ()):
                if held & bit:
                    yield endpoint

    def dns_policy(self, endpoint: Endpoint) -> str:
        """Which resolver an endpoint's containers ask, as its spec says it."""
        return self._dns_policies.get(key_of(endpoint)) or "ClusterFirst"

    @cached_property
    def _dns_policies(self) -> dict[EndpointKey, str]:
        return {
            (kind_of(located.object), bucket.name, name_of(located.object.metadata)): policy
            for bucket in self.model.cluster.namespaces.values()
            for located in (*bucket.pods, *bucket.workloads)
            if (policy := pod_spec(located.object).dnsPolicy)
        }

    def mistakes_of(self, sort: Sort) -> Iterator[tuple[Object, Mistake]]:
        """What was wrong with the input, and with which object."""
        for mistake in self.mistakes:
            if mistake.sort is sort:
                yield Object(*mistake.about, mistake.origin), mistake

    def set_of(self, name: str) -> tuple[Members, ...]:
        """What a well-known name stands for."""
        definition = self.options.sets.get(name)
        return self.well_known.built_in(name) if definition is None else self.well_known.defined(definition)

    @cached_property
    def well_known(self) -> WellKnown:
        """What dns, internet, apiserver and monitoring are in this cluster."""
        return WellKnown(self.model.cluster, self.model.endpoints)

    def pod_peers(self, rule: Rule) -> tuple[Pods, ...]:
        """The peers of a rule that select pods."""
        return tuple(peer for peer in rule.peers if isinstance(peer, Pods))

    def goes_to_pods(self, rule: Rule) -> bool:
        """Whether a rule's destinations are pods and nothing else."""
        return rule.direction is Direction.INGRESS or len(self.pod_peers(rule)) == len(rule.peers)

    def services_of(self, endpoint: Endpoint) -> list[Service]:
        """The Services that an endpoint stands behind."""
        bucket = self.model.cluster.namespaces[endpoint.namespace]
        return [located.object for located in bucket.services if selects(located.object, endpoint)]

    def names_of(self, scope: Scope, key: str) -> frozenset[str]:
        """The values that pods of some namespaces have for a label."""
        if (scope, key) not in self._values:
            held = (e for name in self.scope(Pods(scope, EVERYTHING)) for e in self.endpoints[name])
            self._values[scope, key] = frozenset(e.labels[key] for e in held if key in e.labels)
        return self._values[scope, key]

    def near_label(self, selection: Pods) -> tuple[str, str, str] | None:
        """Key, value and the value that was probably meant, where a selector that selects nobody has a slip in it."""
        if selection not in self._slips:
            self._slips[selection] = self._near_label(selection)
        return self._slips[selection]

    def _near_label(self, selection: Pods) -> tuple[str, str, str] | None:
        for term in selection.selector.terms:
            wanted = [value for value in term.values if value is not None]
            if term.complement or len(wanted) != 1:
                continue
            known = self.names_of(selection.scope, term.key)
            meant = None if wanted[0] in known else near(wanted[0], known)
            if meant is not None:
                return term.key, wanted[0], meant
        return None

    def witness(self, rule: Rule, subject: Endpoint, peer: Endpoint) -> Witness | None:
        """A connection between two endpoints on a port of the rule; None where it names no port of the destination."""
        src, dst = (peer, subject) if rule.direction is Direction.INGRESS else (subject, peer)
        ports = ports_on(rule.ports, dst)
        return Witness(self.shown(src), self.shown(dst), *some_port(ports)) if ports else None

    def owner(self, kind: str, namespace: str, name: str) -> str | None:
        """Whose an object is."""
        return self.options.owners.get((kind, namespace, name))

    def owner_of(self, endpoint: Endpoint) -> str | None:
        """Whose a workload is: its controller's owner, else its own."""
        if endpoint.controller is not None:
            found = self.owner(endpoint.controller.kind, endpoint.namespace, endpoint.controller.name)
            if found is not None:
                return found
        return self.owner(endpoint.kind, endpoint.namespace, endpoint.name)

    def isolating(self, endpoint: Endpoint, direction: Direction) -> list[Policy]:
        """The NetworkPolicies that isolate an endpoint (N5)."""
        key = endpoint.namespace, self.index.slot(endpoint), direction
        if key not in self._isolating:  # endpoints of one slot are the same to every rule
            held = self.policies_in(endpoint.namespace)
            self._isolating[key] = [policy for policy in held if self._isolates(policy, endpoint, direction)]
        return self._isolating[key]

    def policies_in(self, namespace: str) -> Iterable[Policy]:
        """The policies of a namespace, or those of the whole cluster for ""."""
        return self._by_namespace.get(namespace, ())

    @cached_property
    def _by_namespace(self) -> dict[str, list[Policy]]:
        out: dict[str, list[Policy]] = {}
        for policy in self.policies:
            out.setdefault(policy.ref.namespace, []).append(policy)
        return out

    def _isolates(self, policy: Policy, endpoint: Endpoint, direction: Direction) -> bool:
        return any(
            isolation.direction is direction
            and self.index.pods(isolation.subject).get(endpoint.namespace, 0) >> self.index.slot(endpoint) & 1
            for isolation in policy.isolations
        )
