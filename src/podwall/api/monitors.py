"""monitoring.coreos.com: what the Prometheus operator is told to scrape."""

from __future__ import annotations

from msgspec import Struct

from podwall.api.meta import LabelSelector, ObjectMeta

__all__ = [
    "MonitorEndpoint",
    "NamespaceSelector",
    "PodMonitor",
    "PodMonitorSpec",
    "ServiceMonitor",
    "ServiceMonitorSpec",
]


class NamespaceSelector(Struct, frozen=True, gc=False):
    """Namespaces by name; without either field, the monitor's own."""

    any: bool | None = None
    matchNames: list[str] | None = None


class MonitorEndpoint(Struct, frozen=True, gc=False):
    """One scrape: `port` is the name of a Service's port, or of a container's for a PodMonitor."""

    port: str | None = None
    targetPort: int | str | None = None
    portNumber: int | None = None


class ServiceMonitorSpec(Struct, frozen=True, gc=False):
    """Which Services are scraped at which ports."""

    selector: LabelSelector = LabelSelector()
    namespaceSelector: NamespaceSelector = NamespaceSelector()
    endpoints: list[MonitorEndpoint] | None = None


class ServiceMonitor(Struct, frozen=True, gc=False, tag_field="kind", tag="ServiceMonitor"):
    """monitoring.coreos.com ServiceMonitor."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ServiceMonitorSpec | None = None


class PodMonitorSpec(Struct, frozen=True, gc=False):
    """Which pods are scraped at which ports."""

    selector: LabelSelector = LabelSelector()
    namespaceSelector: NamespaceSelector = NamespaceSelector()
    podMetricsEndpoints: list[MonitorEndpoint] | None = None


class PodMonitor(Struct, frozen=True, gc=False, tag_field="kind", tag="PodMonitor"):
    """monitoring.coreos.com PodMonitor."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: PodMonitorSpec | None = None
