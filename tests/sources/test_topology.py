"""What `--with-topology` keeps of each kind, and that snapshots of snapshots keep the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from podwall.sources.evidence import read_topology
from podwall.sources.files import Text
from podwall.sources.topology import topology

PLANTED = "pl4nted"


def kept(text: str, old: tuple[Raw, ...] = (), name: str = "f.yaml") -> list[dict[str, Any]]:
    return [msgspec.json.decode(raw) for raw in topology(old, [Text(name, text.encode())], "home")]


def one(api: str, kind: str, body: str, meta: str = "") -> str:
    return f"---\napiVersion: {api}\nkind: {kind}\nmetadata: {{name: a{meta}}}\n{body}\n"


POD = f"""
    containers: [{{name: c, image: x:1, securityContext: {{a: {PLANTED}}}, volumeMounts: [{{name: {PLANTED}}}]}}]
    initContainers: [{{name: i, env: [{{name: A, valueFrom: {{fieldRef: {{fieldPath: status.hostIP}}}}}}]}}]
    volumes:
    - {{name: {PLANTED}, configMap: {{name: m, items: [{PLANTED}]}}}}
    - {{hostPath: {{path: {PLANTED}}}}}
    - {{secret: {{secretName: s, optional: true}}}}
    - {{projected: {{sources: [
      {{configMap: {{name: b}}}}, {{secret: {{name: t}}}}, {{serviceAccountToken: {{audience: v}}}}]}}}}
    serviceAccountName: w
    automountServiceAccountToken: false
    hostNetwork: true
    nodeName: {PLANTED}
"""
KEPT_POD = {
    "containers": [{"name": "c", "image": "x:1"}],
    "initContainers": [
        {"name": "i", "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]}
    ],
    "volumes": [
        {"configMap": {"name": "m"}},
        {},
        {"secret": {"secretName": "s"}},
        {
            "projected": {
                "sources": [
                    {"configMap": {"name": "b"}},
                    {"secret": {"name": "t"}},
                    {"serviceAccountToken": {"audience": "v"}},
                ]
            }
        },
    ],
    "serviceAccountName": "w",
    "automountServiceAccountToken": False,
    "hostNetwork": True,
}
SET = f"spec:\n  replicas: 3\n  serviceName: h\n  selector: {{matchLabels: {{a: b}}}}\n  template:\n   spec: {POD}"
HOOK = f"webhooks: [{{name: h, clientConfig: {{caBundle: {PLANTED}, service: {{name: s, namespace: ns}}}}}}]"
KEPT_HOOK = {"webhooks": [{"name": "h", "clientConfig": {"service": {"name": "s", "namespace": "ns"}}}]}
CONVERSION = (
    f"spec: {{group: {PLANTED}, conversion: {{webhook: {{clientConfig: {{service: {{name: s, namespace: ns}}}}}}}}}}"
)
BINDING = """
subjects: [{kind: ServiceAccount, name: s, namespace: ns, apiGroup: ""}]
roleRef: {kind: Role, name: r, apiGroup: g}
"""
KEPT_BINDING = {
    "subjects": [{"kind": "ServiceAccount", "name": "s", "namespace": "ns"}],
    "roleRef": {"kind": "Role", "name": "r"},
}
MONITOR = (
    f"spec: {{selector: {{}}, FIELD: [{{port: m, interval: {PLANTED}, basicAuth: {{password: {{name: {PLANTED}}}}}}}]}}"
)
KINDS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("v1", "Pod", f"spec: {POD}", {"spec": KEPT_POD}),
    (
        "apps/v1",
        "StatefulSet",
        SET,
        {"spec": {"template": {"spec": KEPT_POD}, "selector": {"matchLabels": {"a": "b"}}, "serviceName": "h"}},
    ),
    ("v1", "ServiceAccount", "automountServiceAccountToken: false", {"automountServiceAccountToken": False}),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", HOOK, KEPT_HOOK),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", HOOK, KEPT_HOOK),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        CONVERSION,
        {"spec": {"conversion": {"webhook": {"clientConfig": {"service": {"name": "s", "namespace": "ns"}}}}}},
    ),
    (
        "apiregistration.k8s.io/v1",
        "APIService",
        f"spec: {{service: {{name: s, namespace: ns}}, caBundle: {PLANTED}}}",
        {"spec": {"service": {"name": "s", "namespace": "ns"}}},
    ),
    (
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        MONITOR.replace("FIELD", "endpoints"),
        {"spec": {"selector": {}, "endpoints": [{"port": "m"}]}},
    ),
    (
        "monitoring.coreos.com/v1",
        "PodMonitor",
        MONITOR.replace("FIELD", "podMetricsEndpoints"),
        {"spec": {"selector": {}, "podMetricsEndpoints": [{"port": "m"}]}},
    ),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", BINDING, KEPT_BINDING),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", BINDING, KEPT_BINDING),
    (
        "networking.k8s.io/v1",
        "IngressClass",
        f"spec: {{controller: k8s.io/ingress-nginx, parameters: {{name: {PLANTED}}}}}",
        {"spec": {"controller": "k8s.io/ingress-nginx"}},
    ),
]


@pytest.mark.parametrize(("api", "kind", "body", "wanted"), KINDS, ids=[kind for _, kind, _, _ in KINDS])
def test_kinds(api: str, kind: str, body: str, wanted: dict[str, Any]) -> None:
    (found,) = kept(one(api, kind, body))
    assert found == {"apiVersion": api, "kind": kind, "metadata": {"name": "a", "namespace": "home"}, **wanted}


NOTHING = [
    ("v1", "Secret", f"data: {{a: {PLANTED}}}"),
    ("v1", "Namespace", ""),
    ("v1", "Service", "spec: {selector: {app: a}}"),
    ("v1", "ServiceAccount", ""),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "spec: {group: g, conversion: {strategy: None}}"),
    ("apiregistration.k8s.io/v1", "APIService", "spec: {group: g}"),
    ("cert-manager.io/v1", "Certificate", "spec: {secretName: s}"),
    ("example.com/v1", "Ingress", "spec: {rules: []}"),
]


@pytest.mark.parametrize(("api", "kind", "body"), NOTHING, ids=[kind for _, kind, _ in NOTHING])
def test_what_tells_nothing(api: str, kind: str, body: str) -> None:
    assert kept(one(api, kind, body)) == []


ANNOTATIONS = [
    "prometheus.io/port",
    "kubernetes.io/ingress.class",
    "linkerd.io/inject",
    "sidecar.istio.io/inject",
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "podwall.io/owner",
]


@pytest.mark.parametrize("kind", ["Namespace", "Service", "ServiceAccount"])
def test_annotations(kind: str) -> None:
    said = ", ".join(f'{key}: "v"' for key in [*ANNOTATIONS, "kubectl.kubernetes.io/last-applied-configuration"])
    (found,) = kept(one("v1", kind, "", f", annotations: {{{said}}}"))
    assert found["metadata"]["annotations"] == dict.fromkeys(ANNOTATIONS, "v")


def test_labels_of_services_that_monitors_select_by() -> None:
    labeled = one("v1", "Service", "", f", labels: {{team: t, app: a, other: {PLANTED}}}")
    selector = "{matchLabels: {team: t}, matchExpressions: [{key: app, operator: Exists}]}"
    monitor = one("monitoring.coreos.com/v1", "ServiceMonitor", f"spec: {{selector: {selector}}}")
    found = {item["kind"]: item for item in kept(labeled + monitor)}
    assert found["Service"]["metadata"]["labels"] == {"team": "t", "app": "a"}
    assert kept(labeled) == []
    pods = monitor.replace("ServiceMonitor", "PodMonitor")
    assert [item["kind"] for item in kept(labeled + pods)] == ["PodMonitor"]


def test_again() -> None:
    text = "".join(one(api, kind, body) for api, kind, body, _ in KINDS)
    first = topology((), [Text("f.yaml", text.encode())], "home")
    assert topology(first, (), "other") == first
    assert topology(first, [Text("f.yaml", text.encode())], "home") == first
    assert PLANTED.encode() not in b"".join(map(bytes, first))


def test_of_two_of_one_name_the_text_stands_and_of_several_the_last() -> None:
    def text(value: str) -> str:
        return one("v1", "ConfigMap", f"data: {{a: {value}}}")

    old = topology((), [Text("f.yaml", text("z").encode())], "home")
    (found,) = kept(text("x") + text("b"), old)
    assert found["data"] == {"a": "b"}
    read = read_topology([Text("f.yaml", (text("x") + text("b")).encode())], [("s", old)], "home")
    (located,) = read.objects.values()
    assert getattr(located.object, "data", None) == {"a": "b"}


# What the first version wrote, which had less in it.
OLD_SET = (
    b'{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"a","namespace":"shop"},'
    b'"spec":{"template":{"spec":{"containers":[{"name":"c","ports":[{"containerPort":1}]}]}}}}'
)
OLD_MAP = b'{"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"c","namespace":"shop"}}'
OLD = OLD_SET, OLD_MAP


def test_what_was_written_before_is_read() -> None:
    read = read_topology((), [("s", map(Raw, OLD))], "home")
    assert sorted(read.objects) == [("ConfigMap", "shop", "c"), ("StatefulSet", "shop", "a")]
    assert not read.unread
    assert [bytes(raw) for raw in topology(map(Raw, OLD), (), "home")] == sorted(OLD)
