"""Cloud identities and metadata: their marks, and what only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs.objects import check, workload

METADATA = {"shop/web -> 169.254.169.254/32 80/TCP"}
GOOGLE = {"shop/web -> 169.254.169.254/32 80/TCP,8080/TCP", "shop/web -> 169.254.169.252/32 987-988/TCP"}
IDENTITY = {"shop/web -> 169.254.170.23/32 80/TCP"}


def account(annotation: str, name: str = "web") -> str:
    return f"""
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: shop, annotations: {{{annotation}}}}}
"""


def variable(name: str, value: str) -> str:
    return workload("web", container=f'env: [{{name: {name}, value: "{value}"}}]')


def config(text: str, volume: str = "configMap: {name: c}") -> str:
    return f"""{workload("web", spec=f"volumes: [{{name: v, {volume}}}]")}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: c, namespace: shop}}
data: {{app.conf: "{text}"}}
"""


TEXTS = {
    "a variable": (variable("URL", "http://169.254.169.254/latest/meta-data/"), METADATA),
    "an argument": (workload("web", container="args: [--metadata=169.254.169.254:80]"), METADATA),
    "a file": (config("a: 1\\nurl: http://169.254.169.254/metadata\\n"), METADATA),
    "a projected file": (config("169.254.169.254", "projected: {sources: [{configMap: {name: c}}]}"), METADATA),
    "several at once": (variable("URL", "169.254.169.254,metadata.google.internal"), METADATA | GOOGLE),
    "over IPv6": (variable("URL", "http://[fd00:ec2::254]/latest"), {"shop/web -> fd00:ec2::254/128 80/TCP"}),
    "Google's": (variable("GCE_METADATA_HOST", "metadata.google.internal"), GOOGLE),
    "Google's, in full": (variable("HOST", "http://metadata.google.internal./computeMetadata"), GOOGLE),
    "Pod Identity": (variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"), IDENTITY),
    "Pod Identity over IPv6": (
        variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[fd00:ec2::23]/v1/credentials"),
        {"shop/web -> fd00:ec2::23/128 80/TCP"},
    ),
    "a file of somebody else": (config("169.254.169.254", "configMap: {name: other}"), set()),
    "what is not asked by way of a proxy": (variable("NO_PROXY", "10.0.0.0/8,169.254.169.254"), set()),
    "the same in a file": (config("no_proxy = 169.254.169.254"), set()),
    "a rule about the address": (variable("DENY", "169.254.169.254/32"), set()),
    "a longer address": (variable("URL", "http://169.254.169.2540/"), set()),
    "a longer name": (variable("URL", "metadata.google.internal.example"), set()),
    "a comment": (config("# was 169.254.169.254\\n"), set()),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts(case: str, tmp_path: Path) -> None:
    check(tmp_path, "cloud", *TEXTS[case])


ROLE = "eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/web"
WEB = workload("web", spec="serviceAccountName: web")
REGION = workload("web", spec="serviceAccountName: web", container="env: [{name: AWS_REGION, value: eu-west-1}]")
ACCOUNTS: dict[str, tuple[str, set[str], set[str]]] = {
    "EKS": (WEB + account(ROLE), set(), {"shop/web -> sts.amazonaws.com 443/TCP"}),
    "EKS in its region": (REGION + account(ROLE), set(), {"shop/web -> sts.eu-west-1.amazonaws.com 443/TCP"}),
    "EKS in China": (
        WEB + account(ROLE.replace("arn:aws:", "arn:aws-cn:")),
        set(),
        {"shop/web -> sts.amazonaws.com.cn 443/TCP"},
    ),
    "GKE": (WEB + account("iam.gke.io/gcp-service-account: web@p.example"), GOOGLE, set()),
    "the account of another": (WEB + account(ROLE, "other"), set(), set()),
    "another annotation": (WEB + account("eks.amazonaws.com/audience: sts.amazonaws.com"), set(), set()),
    "Azure": (
        workload("web", labels='azure.workload.identity/use: "true"'),
        set(),
        {"shop/web -> login.microsoftonline.com 443/TCP"},
    ),
    "Azure, not used": (workload("web", labels='azure.workload.identity/use: "false"'), set(), set()),
    "on its host's network": (
        workload("web", spec="serviceAccountName: web\n      hostNetwork: true") + account(ROLE),
        set(),
        set(),
    ),
}


@pytest.mark.parametrize("case", ACCOUNTS)
def test_accounts(case: str, tmp_path: Path) -> None:
    check(tmp_path, "cloud", *ACCOUNTS[case])


def test_evidence(tmp_path: Path) -> None:
    (need,) = check(tmp_path, "cloud", *TEXTS["a file"]).needs
    (evidence,) = need.evidence
    assert (evidence.about, evidence.path, evidence.says) == (
        ("ConfigMap", "shop", "c"),
        ("data", "app.conf"),
        "url: http://169.254.169.254/metadata",
    )
