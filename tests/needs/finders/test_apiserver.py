"""Users of the API server: by role, by name, and who is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwall.needs.need import Sureness
from tests.needs.objects import check, workload

ASKED = {"shop/web -> kubernetes.default 443/TCP,6443/TCP"}
ACCOUNT = "serviceAccountName: web"


def binding(
    subject: str = "{kind: ServiceAccount, name: web, namespace: shop}", name: str = "b", kind: str = "Cluster"
) -> str:
    return f"""
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {kind}RoleBinding
metadata: {{name: "{name}"{"" if kind else ", namespace: shop"}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}
subjects: [{subject}]
"""


def account(automount: str) -> str:
    return f"""
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: web, namespace: shop}}
automountServiceAccountToken: {automount}
"""


def group(name: str) -> str:
    return f"{{kind: Group, name: {name}, apiGroup: rbac.authorization.k8s.io}}"


def variable(name: str, value: str) -> str:
    return workload("web", container=f'env: [{{name: {name}, value: "{value}"}}]')


WEB = workload("web", spec=ACCOUNT)
BY_HAND = "volumes: [{name: t, projected: {sources: [{serviceAccountToken: {AUDIENCEpath: token}}]}}]"
UNMOUNTED = f"{ACCOUNT}\n      automountServiceAccountToken: false"
CASES = {
    "a role of its account": (WEB + binding(), ASKED),
    "in its namespace": (WEB + binding(kind=""), ASKED),
    "a namespace that is left out": (WEB + binding("{kind: ServiceAccount, name: web}", kind=""), ASKED),
    "the default account": (workload("web") + binding("{kind: ServiceAccount, name: default, namespace: shop}"), ASKED),
    "all of its namespace": (WEB + binding(group("system:serviceaccounts:shop")), ASKED),
    "all": (WEB + binding(group("system:serviceaccounts")), ASKED),
    "no role": (WEB, set()),
    "another account": (WEB + binding("{kind: ServiceAccount, name: api, namespace: shop}"), set()),
    "another namespace's": (WEB + binding("{kind: ServiceAccount, name: web, namespace: b}"), set()),
    "another namespace's group": (WEB + binding(group("system:serviceaccounts:b")), set()),
    "a group of people": (WEB + binding(group("developers")), set()),
    "what Kubernetes binds for all": (
        WEB + binding(group("system:serviceaccounts"), "system:service-account-issuer-discovery"),
        set(),
    ),
    "a user of its name": (WEB + binding("{kind: User, name: web, namespace: shop}"), set()),
    "no token, says the pod": (workload("web", spec=UNMOUNTED) + binding(), set()),
    "no token, says the account": (WEB + account("false") + binding(), set()),
    "the pod comes first": (
        workload("web", spec=UNMOUNTED.replace("false", "true")) + account("false") + binding(),
        ASKED,
    ),
    "and so where it takes it away": (workload("web", spec=UNMOUNTED) + account("true") + binding(), set()),
    "a token by hand": (
        workload("web", spec=f"{UNMOUNTED}\n      {BY_HAND.replace('AUDIENCE', '')}") + binding(),
        ASKED,
    ),
    "a token for somebody else": (
        workload("web", spec=f"{UNMOUNTED}\n      {BY_HAND.replace('AUDIENCE', 'audience: vault, ')}") + binding(),
        set(),
    ),
    "its name": (variable("API", "https://kubernetes.default.svc:443"), ASKED),
    "its short name": (variable("API", "kubernetes.default"), ASKED),
    "its long name": (variable("API", "https://kubernetes.default.svc.cluster.local/api"), ASKED),
    "its variable": (variable("KUBERNETES_SERVICE_HOST", "192.0.2.1"), ASKED),
    "its variable in an argument": (
        workload("web", container='args: ["--server=https://$(KUBERNETES_SERVICE_HOST)"]'),
        ASKED,
    ),
    "another name": (variable("API", "kubernetes.default.example.com"), set()),
    "a longer name": (variable("API", "my-kubernetes.default.svc"), set()),
    "a word": (variable("MODE", "kubernetes"), set()),
    "on its host's network": (workload("web", spec=f"{ACCOUNT}\n      hostNetwork: true") + binding(), set()),
}


@pytest.mark.parametrize("case", CASES)
def test_users(case: str, tmp_path: Path) -> None:
    check(tmp_path, "apiserver", CASES[case][0], set(), CASES[case][1])


SERVICE = """
---
apiVersion: v1
kind: Service
metadata: {name: kubernetes, namespace: default}
spec: {ports: [{name: https, port: 443, targetPort: 6443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.1]}, {addresses: [192.0.2.2]}]
ports: [{name: https, port: 6443}]
"""
NODE = """
---
apiVersion: v1
kind: Node
metadata: {name: main, labels: {node-role.kubernetes.io/control-plane: ""}}
status: {addresses: [{type: InternalIP, address: 192.0.2.7}]}
"""


@pytest.mark.parametrize(("where", "addresses"), [(SERVICE, "192.0.2.1/32,192.0.2.2/32"), (NODE, "192.0.2.7/32")])
def test_where_it_is(where: str, addresses: str, tmp_path: Path) -> None:
    check(tmp_path, "apiserver", WEB + binding() + where, {f"shop/web -> {addresses} 6443/TCP"})


def test_evidence(tmp_path: Path) -> None:
    out = check(
        tmp_path,
        "apiserver",
        WEB + binding() + binding(group("system:serviceaccounts:shop"), "c") + SERVICE,
        {"shop/web -> 192.0.2.1/32,192.0.2.2/32 6443/TCP"},
    )
    (need,) = out.needs
    assert [(one.about, one.path, one.says) for one in need.evidence] == [
        (("ClusterRoleBinding", "", "b"), ("subjects", 0), "role view of ServiceAccount web"),
        (("ClusterRoleBinding", "", "c"), ("subjects", 0), "role view of Group system:serviceaccounts:shop"),
    ]
    assert need.sureness is Sureness.NAMED


def test_one_question_for_a_workload(tmp_path: Path) -> None:
    text = workload("web", spec=ACCOUNT, container="args: [kubernetes.default, KUBERNETES_SERVICE_HOST]") + binding()
    (one,) = check(tmp_path, "apiserver", text, set(), ASKED).questions
    assert (len(one.evidence), one.drafted) == (3, ())
    assert (
        one.asks == "shop/web uses the API server, and the input does not tell where that is "
        "(`kubectl get svc,endpointslices -n default -o yaml` does)"
    )
