"""Random worlds: namespaces with workloads of random kinds and labels, and the Services before them."""

from __future__ import annotations

from random import Random

from benchmarks.applications.trades import CALLERS, STORES, WEB
from benchmarks.applications.world import Listener, Service, ServicePort, Trade, Workload, World

__all__ = ["random_world"]

_NAMESPACES = ("shop", "payments", "data", "platform", "team-a", "staging", "backoffice")
_RELEASES = ("store", "acme", "suite")
_EXTRA: tuple[dict[str, str], ...] = ({}, {}, {"version": "v1"}, {"tier": "backend"}, {"team": "blue", "tier": "edge"})
_ADMIN = ((9901, 9901), (8081, 8081), (9000, 19000))  # a second port of the Service and of the pods


def random_world(rng: Random) -> World:
    """One to four namespaces, two to fifteen workloads."""
    namespaces = tuple(rng.sample(_NAMESPACES, rng.randint(1, 4)))
    maker = _Maker(rng, namespaces)
    for number in range(rng.randint(2, 15)):
        group = WEB if number == 0 else rng.choice((WEB, WEB, STORES, STORES, CALLERS))
        maker.add(rng.choice(group))
    return World(namespaces, tuple(maker.workloads), tuple(maker.services))


class _Maker:
    """The names that are taken, while one world is made."""

    def __init__(self, rng: Random, namespaces: tuple[str, ...]) -> None:
        self.rng = rng
        self.namespaces = namespaces
        self.workloads: list[Workload] = []
        self.services: list[Service] = []
        self.taken: set[tuple[str, str]] = set()

    def add(self, trade: Trade) -> None:
        """A workload of a trade, with its Services, if a namespace has a name left for it."""
        namespace, name = self.rng.choice(self.namespaces), self.rng.choice(trade.names)
        if (namespace, name) in self.taken:
            return
        self.taken.add((namespace, name))
        identity = self._identity(name)
        kind = self.rng.choice(trade.kinds)
        one = Workload(
            namespace,
            name,
            kind,
            trade,
            {**identity, **self.rng.choice(_EXTRA)},
            identity,
            self._listeners(trade),
            self.rng.randint(1, 3),
        )
        if trade.listens and kind == "Deployment" and self.rng.random() < 0.15:
            self._add_pair(one)
        elif trade.listens and kind == "StatefulSet":
            self._add_stateful(one)
        else:
            self.workloads.append(one)
            if trade.listens:
                self._front(one, one.selector)

    def _identity(self, name: str) -> dict[str, str]:
        release = self.rng.choice(_RELEASES)
        return self.rng.choice(
            (
                {"app": name},
                {"app": name},
                {"k8s-app": name},
                {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": release},
                {
                    "app.kubernetes.io/name": release,
                    "app.kubernetes.io/instance": release,
                    "app.kubernetes.io/component": name,
                },
                {"app": release, "component": name},
            )
        )

    def _listeners(self, trade: Trade) -> tuple[Listener, ...]:
        if not trade.listens:
            return ()
        main = Listener(trade.port_name, self.rng.choice(trade.listens), trade.protocol)
        if trade.protocol == "TCP" and self.rng.random() < 0.25:
            return main, Listener("admin", self.rng.choice(_ADMIN)[1])
        return (main,)

    def _add_pair(self, stable: Workload) -> None:
        """The same thing twice, one of them a trial; its port may have another number under the same name."""
        moved = self.rng.choice((0, 0, 1))
        numbers = tuple(Listener(at.name, at.number + moved, at.protocol) for at in stable.listeners)
        canary = f"{stable.name}-canary"
        self.taken.add((stable.namespace, canary))
        for name, track, listeners in ((stable.name, "stable", stable.listeners), (canary, "canary", numbers)):
            self.workloads.append(
                Workload(
                    stable.namespace,
                    name,
                    "Deployment",
                    stable.trade,
                    {**stable.labels, "track": track},
                    {**stable.selector, "track": track},
                    listeners,
                )
            )
        chosen = self.rng.choice((stable.selector, {**stable.selector, "track": "stable"}))
        named = stable.trade.port_name if chosen == stable.selector else ""
        self._front(stable, chosen, named=named)

    def _add_stateful(self, one: Workload) -> None:
        """A StatefulSet with its headless Service, often with an ordinary one beside it."""
        beside = self.rng.random() < 0.5
        name = f"{one.name}-headless" if beside else one.name
        ports = tuple(
            ServicePort(at.name or "main", at.number, self.rng.choice((at.number, at.name or at.number)), at.protocol)
            for at in one.listeners
        )
        self.workloads.append(
            Workload(
                one.namespace,
                one.name,
                one.kind,
                one.trade,
                one.labels,
                one.selector,
                one.listeners,
                one.replicas,
                governing=name,
            )
        )
        self._take(Service(one.namespace, name, one.selector, ports, one.trade, address="None"))
        if beside:
            self._front(one, one.selector)

    def _front(self, one: Workload, selector: dict[str, str], named: str = "") -> None:
        """A Service before a workload, sometimes two; `named` is the port that must be meant by its name."""
        names = [self.rng.choice((one.name, one.name, one.name, f"{one.name}-svc"))]
        if self.rng.random() < 0.1:
            names.append(f"{one.name}-internal")
        for name in names:
            address = f"10.96.{len(self.services) + 1}.{self.rng.randint(1, 250)}" if self.rng.random() < 0.4 else ""
            ports = self._ports(one, named)
            self._take(Service(one.namespace, name, selector, ports, one.trade, address=address))

    def _ports(self, one: Workload, named: str) -> tuple[ServicePort, ...]:
        main, *rest = one.listeners
        target = named or self.rng.choice((main.number, main.name or main.number))
        front = self.rng.choice(one.trade.fronts)
        several = bool(rest)
        ports = [ServicePort(main.name or "main" if several else main.name, front, target, main.protocol)]
        for at in rest:
            numbers = [number for number, listens in _ADMIN if listens == at.number and number != front]
            ports += [ServicePort("admin", number, self.rng.choice((at.number, "admin"))) for number in numbers[:1]]
        return tuple(ports)

    def _take(self, service: Service) -> None:
        if all((s.namespace, s.name) != (service.namespace, service.name) for s in self.services):
            self.services.append(service)
