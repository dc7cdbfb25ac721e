"""Agents on the nodes: which ports a workload reaches there, and who stands behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs.objects import check, workload

HOST_IP = "valueFrom: {fieldRef: {fieldPath: status.hostIP}}"
NODES = "".join(
    f"""
---
apiVersion: v1
kind: Node
metadata: {{name: n{number}}}
status: {{addresses: [{{type: InternalIP, address: 192.0.2.{number}}}, {{type: Hostname, address: n{number}}}]}}
"""
    for number in (1, 2)
)


def web(*variables: str, more: str = "") -> str:
    return workload("web", container=f"env: [{', '.join(f'{{{one}}}' for one in variables)}]{more}")


def agent(ports: str, spec: str = "", kind: str = "DaemonSet") -> str:
    return workload("agent", namespace="m", kind=kind, spec=spec).replace(
        "ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9100}]", f"ports: [{ports}]"
    )


DATADOG = web(f"name: DD_AGENT_HOST, {HOST_IP}")
OTEL = web(f"name: HOST_IP, {HOST_IP}", 'name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://$(HOST_IP):4318"')
PORTS: dict[str, tuple[str, str]] = {
    "Datadog": (DATADOG, "8126/TCP,8125/UDP"),
    "its ports": (
        web(
            f"name: DD_AGENT_HOST, {HOST_IP}",
            'name: DD_TRACE_AGENT_PORT, value: "18126"',
            'name: DD_DOGSTATSD_PORT, value: "18125"',
        ),
        "18126/TCP,18125/UDP",
    ),
    "Jaeger": (web(f"name: JAEGER_AGENT_HOST, {HOST_IP}"), "6831/UDP"),
    "statsd": (web(f"name: STATSD_HOST, {HOST_IP}"), "8125/UDP"),
    "the kubelet": (web(f"name: DD_KUBERNETES_KUBELET_HOST, {HOST_IP}"), "10250/TCP"),
    "OTLP with its port": (OTEL, "4318/TCP"),
    "OTLP without": (
        web(f"name: HOST_IP, {HOST_IP}", 'name: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, value: "$(HOST_IP)"'),
        "4317/TCP",
    ),
    "in an argument": (web(f"name: NODE, {HOST_IP}", more='\n        args: ["--to=$(NODE):9999"]'), "9999/TCP"),
    "over UDP": (web(f"name: NODE, {HOST_IP}", 'name: LOGS, value: "udp://$(NODE):514"'), "514/UDP"),
    "a port beside it": (web(f"name: TRACING_HOST, {HOST_IP}", 'name: TRACING_PORT, value: "9999"'), "9999/TCP"),
    "a name alone": (web(f"name: NODE_IP, {HOST_IP}"), ""),
    "no port in the text": (web(f"name: NODE_IP, {HOST_IP}", 'name: LABEL, value: "node=$(NODE_IP)"'), ""),
    "another field": (web("name: DD_AGENT_HOST, valueFrom: {fieldRef: {fieldPath: status.podIP}}"), ""),
    "a Service": (web("name: DD_AGENT_HOST, value: datadog"), ""),
}


@pytest.mark.parametrize("case", PORTS)
def test_ports(case: str, tmp_path: Path) -> None:
    text, ports = PORTS[case]
    check(tmp_path, "agents", text, set(), {f"shop/web -> status.hostIP {ports}"} if ports else set())
    wanted = {f"shop/web -> 192.0.2.1/32,192.0.2.2/32 {ports}"} if ports else set()
    check(tmp_path, "agents", text + NODES, wanted)


TRACES = "{containerPort: 8126, hostPort: 8126}"
NOBODY = "shop/web -> status.hostIP"
ENDS: dict[str, tuple[str, set[str], set[str]]] = {
    "a pod that has the host's port": (
        agent(f"{TRACES}, {{containerPort: 8000, hostPort: 8125, protocol: UDP}}"),
        {"shop/web -> m/agent 8126/TCP,8000/UDP"},
        set(),
    ),
    "one of two": (agent(TRACES), {"shop/web -> m/agent 8126/TCP"}, {f"{NOBODY} 8125/UDP"}),
    "and the nodes": (
        agent(TRACES) + NODES,
        {"shop/web -> m/agent 8126/TCP", "shop/web -> 192.0.2.1/32,192.0.2.2/32 8125/UDP"},
        set(),
    ),
    "no port of the host": (agent("{containerPort: 8126}"), set(), {f"{NOBODY} 8126/TCP,8125/UDP"}),
    "another port of the host": (
        agent("{containerPort: 8126, hostPort: 9}"),
        set(),
        {f"{NOBODY} 8126/TCP,8125/UDP"},
    ),
    "not on every node": (agent(TRACES, kind="Deployment"), set(), {f"{NOBODY} 8126/TCP,8125/UDP"}),
    "on the nodes' network": (
        agent(TRACES, "hostNetwork: true") + NODES,
        {"shop/web -> 192.0.2.1/32,192.0.2.2/32 8126/TCP,8125/UDP"},
        set(),
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_ends(case: str, tmp_path: Path) -> None:
    others, wanted, asked = ENDS[case]
    check(tmp_path, "agents", DATADOG + others, wanted, asked)


def test_the_question(tmp_path: Path) -> None:
    (one,) = check(tmp_path, "agents", DATADOG, set(), {f"{NOBODY} 8126/TCP,8125/UDP"}).questions
    assert one.drafted == ("datadog/datadog-agent",)
    assert one.evidence[0].says == "env DD_AGENT_HOST from status.hostIP"
