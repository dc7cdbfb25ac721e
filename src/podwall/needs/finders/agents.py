"""Agents that a workload reaches by the address of its node (`status.hostIP`).

A DaemonSet with that hostPort is reached as a pod, because the address is rewritten before a policy sees it; one on its
hosts' network, and one that is not seen, by the nodes' addresses. Without these, a question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from podwall.api.running import RunningContainer
from podwall.cluster.hosts import node_endpoints, single
from podwall.engine.rules import Direction
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.need import Evidence, Need, Question, Sureness
from podwall.needs.party import Party
from podwall.needs.proxies import selectable
from podwall.needs.running import Running
from podwall.text.where import Path

__all__ = ["FINDER"]

_HOST_IP = ("status.hostIP", "status.hostIPs")
# What a variable with the node's address is called → the protocol of the port, the variable that has it, its default.
_KNOWN: tuple[tuple[str, tuple[tuple[str, str, int], ...]], ...] = (
    ("DD_AGENT_HOST", (("TCP", "DD_TRACE_AGENT_PORT", 8126), ("UDP", "DD_DOGSTATSD_PORT", 8125))),
    ("DD_KUBERNETES_KUBELET_HOST", (("TCP", "DD_KUBERNETES_HTTPS_KUBELET_PORT", 10250),)),
    ("JAEGER_AGENT_HOST", (("UDP", "JAEGER_AGENT_PORT", 6831),)),
    ("STATSD_HOST", (("UDP", "STATSD_PORT", 8125),)),
)
_DRAFTED = {"DD_AGENT_HOST": ("datadog/datadog-agent",)}
_OTLP = 4317
_UDP = ("STATSD", "JAEGER_AGENT", "SYSLOG")


def _find(application: Application) -> Iterator[Need | Question]:
    for workload in selectable(application):
        for path, container in workload.containers():
            for number, variable in enumerate(container.env or ()):
                field = variable.valueFrom.fieldRef if variable.valueFrom else None
                if field is None or field.fieldPath not in _HOST_IP:
                    continue
                ports = _ports(container, variable.name)
                if ports:
                    evidence = _evidence(workload, (*path, "env", number), variable.name)
                    yield from _reached(application, workload, ports, (variable.name, evidence))


def _evidence(workload: Running, path: Path, name: str) -> Evidence:
    return workload.evidence(f"env {name} from status.hostIP", *path)


# Ports


def _ports(container: RunningContainer, name: str) -> PortSet:
    """What is reached at the node's address: the ports that stand beside it, else those that its name is known for."""
    said = {variable.name: variable.value or "" for variable in container.env or ()}
    out = _beside(said, name)
    for key, text in (*said.items(), *(("", word) for word in (*(container.command or ()), *(container.args or ())))):
        out |= _within(key, text, name)
    known = next((several for called, several in _KNOWN if name == called), ())
    for protocol, other, default in () if out else known:
        out |= PortSet.of(protocol, _number(said.get(other, "")) or default)
    return out


def _beside(said: Mapping[str, str], name: str) -> PortSet:
    """The port of X_PORT beside X_HOST, where the name is none of those that are known."""
    if name.endswith("_HOST") and all(name != called for called, _ in _KNOWN):
        number = _number(said.get(f"{name.removesuffix('_HOST')}_PORT", ""))
        return PortSet.of("UDP" if name.startswith(_UDP) else "TCP", number) if number else NO_PORTS
    return NO_PORTS


def _within(key: str, text: str, name: str) -> PortSet:
    """The ports that stand behind the variable where another text takes it up: `http://$(HOST_IP):4317`."""
    out = NO_PORTS
    for found in re.finditer(rf"\$(?:\({re.escape(name)}\)|\{{{re.escape(name)}\}})(?::(\d+))?", text):
        number = _number(found[1] or "") or (_OTLP if key.startswith("OTEL_") and "ENDPOINT" in key else 0)
        udp = key.startswith(_UDP) or text.startswith("udp://")
        out |= PortSet.of("UDP" if udp else "TCP", number) if number else NO_PORTS
    return out


def _number(text: str) -> int:
    return int(text) if text.isdigit() and 1 <= int(text) <= 65535 else 0


# Destinations


def _reached(
    application: Application, workload: Running, ports: PortSet, said: tuple[str, Evidence]
) -> Iterator[Need | Question]:
    name, evidence = said
    left = ports
    for party, wanted, own in _daemons(application, ports):
        left -= wanted
        if party.keys != workload.party.keys:
            yield Need(workload.party, party, own, (evidence,), Sureness.NAMED)
    nodes = _nodes(application)
    if left and nodes:
        yield Need(workload.party, nodes, left, (evidence,), Sureness.NAMED)
    elif left:
        asks = (
            f"{workload.namespace}/{workload.party.name} reaches an agent at its node's address ({name}), "
            "and neither the agent nor the nodes' addresses are in the input"
        )
        drafted = _DRAFTED.get(name, ())
        yield Question(workload.party, Direction.EGRESS, "status.hostIP", left, asks, (evidence,), drafted)


def _daemons(application: Application, ports: PortSet) -> Iterator[tuple[Party, PortSet, PortSet]]:
    """DaemonSets that take some of the ports of their hosts: who, which of these, and their own for them."""
    for workload in application.workloads:
        wanted, own = NO_PORTS, NO_PORTS
        for container in workload.spec.containers or () if workload.about[0] == "DaemonSet" else ():
            for port in container.ports or ():
                host = PortSet.of(port.protocol or "TCP", port.hostPort or 0) & ports
                if host:
                    wanted |= host
                    own |= PortSet.of(port.protocol or "TCP", port.containerPort)
        if wanted and workload.party.endpoints:
            yield workload.party, wanted, own


def _nodes(application: Application) -> Party | None:
    found = {address for node in node_endpoints(application.site.model.cluster) for address in node.addresses}
    cidrs = tuple(map(single, sorted(found)))
    return Party("nodes", cidrs=cidrs) if cidrs else None


FINDER = Finder(name="agents", says="agents on the nodes", find=_find)
