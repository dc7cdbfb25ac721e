"""Who is in a mesh, and asks its control plane."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs.objects import check, workload

ISTIOD = workload("istiod", namespace="istio-system")
LINKERD = "".join(
    workload(f"linkerd-{name}", namespace="linkerd", labels=f"linkerd.io/control-plane-component: {name}")
    for name in ("destination", "identity", "proxy-injector")
)
SIDECAR = {"shop/web -> istio-system/istiod 15012/TCP"}
PROXY = {
    "shop/web -> linkerd/linkerd-destination 8086/TCP,8090/TCP",
    "shop/web -> linkerd/linkerd-identity 8080/TCP",
}


def namespace(labels: str = "", annotations: str = "") -> str:
    return f"""
---
apiVersion: v1
kind: Namespace
metadata: {{name: shop, labels: {{{labels}}}, annotations: {{{annotations}}}}}
"""


def web(labels: str = "", annotations: str = "", spec: str = "", container: str = "") -> str:
    return workload("web", labels=labels, annotations=annotations, spec=spec, container=container)


ISTIO = {
    "the namespace": (namespace("istio-injection: enabled") + web(), SIDECAR),
    "the namespace, by revision": (namespace("istio.io/rev: stable") + web(), SIDECAR),
    "the pod": (web('sidecar.istio.io/inject: "true"'), SIDECAR),
    "the pod, by annotation": (web(annotations='sidecar.istio.io/inject: "true"'), SIDECAR),
    "the pod, by revision": (web("istio.io/rev: stable"), SIDECAR),
    "its container": (web().replace("- name: c", "- name: istio-proxy"), SIDECAR),
    "the pod is left out": (namespace("istio-injection: enabled") + web('sidecar.istio.io/inject: "false"'), set()),
    "by annotation": (
        namespace("istio-injection: enabled") + web(annotations='sidecar.istio.io/inject: "false"'),
        set(),
    ),
    "the namespace is left out": (namespace("istio-injection: disabled") + web(), set()),
    "ambient": (namespace("istio.io/dataplane-mode: ambient") + web(), set()),
    "nothing": (namespace() + web(), set()),
    "on its host's network": (namespace("istio-injection: enabled") + web(spec="hostNetwork: true"), set()),
}


@pytest.mark.parametrize("case", ISTIO)
def test_istio(case: str, tmp_path: Path) -> None:
    text, wanted = ISTIO[case]
    check(tmp_path, "mesh", text + ISTIOD, wanted)
    check(tmp_path, "mesh", text, set(), {"shop/web -> istiod.istio-system 15012/TCP"} if wanted else set())


def test_revisions(tmp_path: Path) -> None:
    two = "".join(
        workload(
            f"istiod-{name}", namespace="istio-system", labels=f'istio.io/rev: {name}, sidecar.istio.io/inject: "false"'
        ).replace(f"{{app: istiod-{name}", "{app: istiod")
        for name in ("stable", "canary")
    )
    one = {"shop/web -> istio-system/istiod-canary 15012/TCP"}
    check(tmp_path, "mesh", two + web("istio.io/rev: canary"), one)
    check(tmp_path, "mesh", two + namespace("istio.io/rev: canary") + web(), one)
    both = one | {"shop/web -> istio-system/istiod-stable 15012/TCP"}
    check(tmp_path, "mesh", two + namespace("istio-injection: enabled") + web(), both)


LINKERDS = {
    "the namespace": (namespace(annotations="linkerd.io/inject: enabled") + web(), PROXY),
    "the pod": (web(annotations="linkerd.io/inject: enabled"), PROXY),
    "the pod, behind an ingress": (web(annotations="linkerd.io/inject: ingress"), PROXY),
    "its container": (web().replace("- name: c", "- name: linkerd-proxy"), PROXY),
    "the pod is left out": (
        namespace(annotations="linkerd.io/inject: enabled") + web(annotations="linkerd.io/inject: disabled"),
        set(),
    ),
    "the namespace is left out": (namespace(annotations="linkerd.io/inject: disabled") + web(), set()),
    "a label is no annotation": (namespace("linkerd.io/inject: enabled") + web(), set()),
}


@pytest.mark.parametrize("case", LINKERDS)
def test_linkerd(case: str, tmp_path: Path) -> None:
    text, wanted = LINKERDS[case]
    check(tmp_path, "mesh", text + LINKERD, wanted)
    asked = {
        "shop/web -> linkerd-destination.linkerd 8086/TCP,8090/TCP",
        "shop/web -> linkerd-identity.linkerd 8080/TCP",
    }
    out = check(tmp_path, "mesh", text, set(), asked if wanted else set())
    assert all(one.drafted == (f"linkerd/{one.peer.removesuffix('.linkerd')}",) for one in out.questions)
