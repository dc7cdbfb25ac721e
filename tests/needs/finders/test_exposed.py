"""Services that lead in from outside by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs.objects import check, service, workload

TWO = "{name: http, port: 80, targetPort: http}, {name: dns, port: 53, targetPort: 5353, protocol: UDP}"
WEB = workload("web")
ALL = {"* -> shop/web 8080/TCP,5353/UDP"}
CASES = {
    "a load balancer": (WEB + service("web", ports=TWO, spec="type: LoadBalancer"), ALL),
    "a node port": (WEB + service("web", ports=TWO, spec="type: NodePort"), ALL),
    "external addresses": (WEB + service("web", ports=TWO, spec="externalIPs: [203.0.113.9]"), ALL),
    "from some addresses, which may be rewritten": (
        WEB + service("web", spec="type: LoadBalancer\n  loadBalancerSourceRanges: [203.0.113.0/24]"),
        {"* -> shop/web 8080/TCP"},
    ),
    "inside only": (WEB + service("web", ports=TWO), set()),
    "headless": (WEB + service("web", spec="clusterIP: None"), set()),
    "nobody behind it": (WEB + service("other", spec="type: LoadBalancer"), set()),
    "a name that is not there": (
        WEB + service("web", ports="{port: 80, targetPort: grpc}", spec="type: LoadBalancer"),
        set(),
    ),
    "on the nodes' network, nobody knows where": (
        workload("web", spec="hostNetwork: true") + service("web", spec="type: LoadBalancer"),
        set(),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_exposed(case: str, tmp_path: Path) -> None:
    check(tmp_path, "exposed", *CASES[case])


def test_evidence(tmp_path: Path) -> None:
    (need,) = check(tmp_path, "exposed", WEB + service("web", ports=TWO, spec="type: NodePort"), ALL).needs
    (evidence,) = need.evidence
    assert (evidence.about, evidence.path, evidence.says) == (
        ("Service", "shop", "web"),
        ("spec", "type"),
        "type NodePort",
    )
