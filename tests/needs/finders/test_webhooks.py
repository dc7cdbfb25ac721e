"""What the API server calls: where it calls from is the question."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwall.needs.need import Sureness
from tests.needs.objects import check, service, workload

HOOK = workload("hook") + service("hook", ports="{port: 443, targetPort: http}, {port: 9443, targetPort: metrics}")
REFERENCE = "{service: {name: hook, namespace: shop}}"
NINE = "{service: {name: hook, namespace: shop, port: 9443}}"


def webhooks(config: str = REFERENCE, kind: str = "Validating") -> str:
    return f"""
---
apiVersion: admissionregistration.k8s.io/v1
kind: {kind}WebhookConfiguration
metadata: {{name: w}}
webhooks: [{{name: a.example, clientConfig: {config}}}]
"""


def api(spec: str = "service: {name: hook, namespace: shop}") -> str:
    return f"""
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {{name: v1.metrics.example}}
spec: {{group: metrics.example, version: v1, {spec}}}
"""


def definition(conversion: str) -> str:
    return f"""
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: things.example}}
spec: {{group: example, conversion: {conversion}}}
"""


SLICE = """
---
apiVersion: v1
kind: Service
metadata: {name: kubernetes, namespace: default}
spec: {clusterIP: 10.96.0.1, ports: [{name: https, port: 443, targetPort: 6443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.1]}, {addresses: [192.0.2.2]}]
ports: [{name: https, port: 6443}]
"""
TUNNEL = workload("konnectivity-agent", namespace="kube-system")
HIDDEN = {"* -> shop/hook 8080/TCP"}

CASES = {
    "validating": (HOOK + webhooks(), HIDDEN),
    "mutating": (HOOK + webhooks(kind="Mutating"), HIDDEN),
    "another port": (HOOK + webhooks(NINE), {"* -> shop/hook 9100/TCP"}),
    "an address elsewhere": (HOOK + webhooks("{url: https://hook.example/}"), set()),
    "an API": (HOOK + api(), HIDDEN),
    "an API of the API server's own": (HOOK + api("groupPriorityMinimum: 1"), set()),
    "a conversion": (
        HOOK + definition(f"{{strategy: Webhook, webhook: {{clientConfig: {REFERENCE}}}}}"),
        HIDDEN,
    ),
    "no conversion": (HOOK + definition("{strategy: None}"), set()),
    "nobody in the input": (webhooks() + workload("web"), set()),
    "from addresses": (HOOK + SLICE + webhooks(), {"192.0.2.1/32,192.0.2.2/32 -> shop/hook 8080/TCP"}),
    "from a tunnel": (HOOK + TUNNEL + webhooks(), {"kube-system/konnectivity-agent -> shop/hook 8080/TCP"}),
    "from both": (
        HOOK + TUNNEL + SLICE + webhooks(),
        {
            "192.0.2.1/32,192.0.2.2/32 -> shop/hook 8080/TCP",
            "kube-system/konnectivity-agent -> shop/hook 8080/TCP",
        },
    ),
    "from a tunnel on its host's network": (
        HOOK + workload("konnectivity-agent", namespace="kube-system", spec="hostNetwork: true") + webhooks(),
        HIDDEN,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_webhooks(case: str, tmp_path: Path) -> None:
    check(tmp_path, "webhooks", *CASES[case])


def test_how_sure_it_is(tmp_path: Path) -> None:
    (hidden,) = check(tmp_path, "webhooks", HOOK + webhooks(), HIDDEN).needs
    assert hidden.sureness is Sureness.NAMED
    assert hidden.evidence[0].says.endswith("hook.shop:443, from where is not told")
    (known,) = check(tmp_path, "webhooks", *CASES["from addresses"]).needs
    assert known.sureness is Sureness.STATED


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    text = HOOK + SLICE + TUNNEL + webhooks("{service: {name: hook, namespace: shop, port: 1}}")
    out = check(tmp_path, "webhooks", text, set())
    assert [one.what for one in out.unseen] == ["names hook.shop, at 1, but its ports are 443, 9443"]
