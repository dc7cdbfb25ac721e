"""What an application consists of: workloads, the Services before them, and where each Service leads."""

from __future__ import annotations

from msgspec import Struct

from benchmarks.applications.application import Connection

__all__ = ["Listener", "Service", "ServicePort", "Trade", "Workload", "World"]


class Trade(Struct, frozen=True):
    """What a workload is: the names it may have, where it listens, the ports its Service may have, and who speaks how.

    Without `listens` nobody calls it. `schemes` are those of URLs, the first with `default` as its port.
    """

    name: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    listens: tuple[int, ...] = ()
    fronts: tuple[int, ...] = ()
    schemes: tuple[str, ...] = ()
    default: int = 0
    port_name: str = ""
    protocol: str = "TCP"


class Listener(Struct, frozen=True):
    """A port of a container."""

    name: str
    number: int
    protocol: str = "TCP"


class Workload(Struct, frozen=True):
    """A controller with its pods, or a bare Pod. `governing` is the headless Service of a StatefulSet."""

    namespace: str
    name: str
    kind: str
    trade: Trade
    labels: dict[str, str]
    selector: dict[str, str]
    listeners: tuple[Listener, ...] = ()
    replicas: int = 1
    governing: str = ""

    @property
    def key(self) -> str:
        """What connections name it by."""
        return f"{self.namespace}/{self.name}"


class ServicePort(Struct, frozen=True):
    """A port of a Service; `target` is a number, or the name of a container's port."""

    name: str
    number: int
    target: int | str
    protocol: str = "TCP"


class Service(Struct, frozen=True):
    """A Service. `address` is its clusterIP where that is written down, `None` for a headless one."""

    namespace: str
    name: str
    selector: dict[str, str]
    ports: tuple[ServicePort, ...]
    trade: Trade
    type: str = "ClusterIP"
    address: str = ""
    labels: dict[str, str] = {}

    @property
    def headless(self) -> bool:
        """Whether its name leads to the pods themselves."""
        return self.address == "None"


class World(Struct, frozen=True):
    """All of it."""

    namespaces: tuple[str, ...]
    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]

    def behind(self, service: Service) -> list[Workload]:
        """Whose pods a Service selects."""
        wanted = service.selector.items()
        return [w for w in self.workloads if w.namespace == service.namespace and wanted <= w.labels.items()]

    def reached(self, source: str, service: Service, port: int | None = None) -> frozenset[Connection]:
        """The connections of whoever calls a Service at one of its ports, at all of them without a number."""
        return frozenset(
            Connection(source, workload.key, one.protocol, number)
            for one in service.ports
            if port in (None, one.number)
            for workload in self.behind(service)
            for number in _lands(one, workload)
        )


def _lands(port: ServicePort, workload: Workload) -> list[int]:
    if isinstance(port.target, int):
        return [port.target]
    return [at.number for at in workload.listeners if (at.name, at.protocol) == (port.target, port.protocol)][:1]
