"""The gates, executed: VAP's and Kyverno's CEL and Gatekeeper's Rego, each by an evaluator that others wrote.

What a policy of `podwall new` must never do is trip a gate of `podwall new`; that is tried with all of them.
"""

from __future__ import annotations

import json
from functools import cache
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
import yaml

from tests.author.test_recipes import CASES, name, new
from tests.cli.program import podwall

cel: Any = pytest.importorskip("cel", reason="common-expression-language is not installed")
opa_eval: Any = pytest.importorskip("opa_eval", reason="opa-eval is not installed")

ENGINES = ("vap", "kyverno", "gatekeeper")


def policy(spec: str, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": "x", "namespace": "shop"}
    if annotations:
        meta["annotations"] = annotations
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    return {**kind, "metadata": meta, "spec": yaml.safe_load(spec)}


BOTH = "policyTypes: [Ingress, Egress]"
WEB = "podSelector: {matchLabels: {app: web}}"
# A NetworkPolicy, and the number of the check that its refusal names; none where it is let in.
CASE = [
    (policy(f"{{podSelector: {{}}, {BOTH}}}"), None),
    (policy(f"{{{BOTH}}}"), None),
    (policy("{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}"), None),
    (policy(f"{{{WEB}, policyTypes: [Ingress], ingress: [{{}}]}}"), None),
    (policy(f"{{{WEB}, policyTypes: [Ingress], egress: [{{to: [{{podSelector: {{}}}}]}}]}}"), "PW103"),
    (policy(f"{{{WEB}, policyTypes: [Egress], ingress: [{{from: [{{podSelector: {{}}}}]}}]}}"), "PW103"),
    (policy(f"{{podSelector: {{matchLabels: {{pod-template-hash: a}}}}, {BOTH}}}"), "PW124"),
    (policy(f"{{podSelector: {{matchExpressions: [{{key: job-name, operator: Exists}}]}}, {BOTH}}}"), "PW124"),
    (
        policy(f"{{{WEB}, {BOTH}, ingress: [{{from: [{{podSelector: {{matchLabels: {{controller-uid: a}}}}}}]}}]}}"),
        "PW124",
    ),
    (policy(f"{{{WEB}, {BOTH}, egress: [{{to: [{{ipBlock: {{cidr: 0.0.0.0/0}}}}]}}]}}"), "PW150"),
    (policy(f'{{{WEB}, {BOTH}, ingress: [{{from: [{{ipBlock: {{cidr: "::/0"}}}}]}}]}}'), "PW150"),
    (policy(f"{{{WEB}, {BOTH}, egress: [{{to: [{{ipBlock: {{cidr: 203.0.113.0/24}}}}]}}]}}"), None),
    (
        policy(
            f"{{{WEB}, {BOTH}, egress: [{{to: [{{ipBlock: {{cidr: 0.0.0.0/0}}}}]}}]}}",
            {"podwall.io/ignore": "PW150: x"},
        ),
        None,
    ),
    (policy("{podSelector: {}, policyTypes: [Ingress], ingress: [{}]}"), "PW173"),
    (policy("{policyTypes: [Egress], egress: [{to: []}]}"), "PW173"),
    (policy("{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53}]}]}"), None),
    (policy("{podSelector: {}, policyTypes: [Ingress], ingress: [{}]}", {"podwall.io/expires": "2027-01-31"}), None),
]
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "shop"}, "spec": {}}
# The NetworkPolicy default-deny of the pod's namespace, and whether the pod gets in.
DENIES = [
    (policy(f"{{podSelector: {{}}, {BOTH}}}"), True),
    (policy(f"{{{BOTH}}}"), True),
    (policy("{podSelector: {}, policyTypes: [Ingress]}"), False),
    (policy(f"{{{WEB}, {BOTH}}}"), False),
    (policy(f"{{podSelector: {{}}, {BOTH}, ingress: [{{}}]}}"), False),
]


@cache
def gate(engine: str, *more: str) -> dict[tuple[str, str], dict[str, Any]]:
    done = podwall("new", "gate", "--engine", engine, *more)
    assert done.code == 0, done.err
    return {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(done.out)}


def refusals(engine: str, item: dict[str, Any], default_deny: dict[str, Any] | None = None) -> list[str]:
    """What a gate says to an object; `default_deny` makes it the gate about workloads."""
    subject = "podwall-no-mistakes" if default_deny is None else "podwall-require-default-deny"
    written = gate(engine)
    if engine == "gatekeeper":
        kind = "podwallnetworkpolicy" if default_deny is None else "podwalldefaultdeny"
        return by_rego(written["ConstraintTemplate", kind]["spec"]["targets"][0]["rego"], kind, item, default_deny)
    if engine == "vap":
        spec = written["ValidatingAdmissionPolicy", subject]["spec"]
        return by_cel(spec.get("variables", []), spec["validations"], item, default_deny)
    spec = written["ClusterPolicy", subject]["spec"]["rules"][0]["validate"]["cel"]
    return by_cel(spec.get("variables", []), spec["expressions"], item, default_deny)


def by_cel(variables: Any, validations: Any, item: dict[str, Any], params: dict[str, Any] | None) -> list[str]:
    known: dict[str, Any] = {}
    scope = {"object": item, "params": params, "variables": known}
    for variable in variables:
        known[variable["name"]] = cel.evaluate(variable["expression"], scope)
    return [one["message"] for one in validations if cel.evaluate(one["expression"], scope) is not True]


def by_rego(module: str, package: str, item: dict[str, Any], default_deny: dict[str, Any] | None) -> list[str]:
    held = {"NetworkPolicy": {"default-deny": default_deny}} if default_deny else {}
    data = {"inventory": {"namespace": {"shop": {"networking.k8s.io/v1": held}}}}
    with NamedTemporaryFile("w", suffix=".rego", encoding="utf-8") as file:
        file.write(module)
        file.flush()
        rego = opa_eval.OpaEval(file.name, data_json=json.dumps(data), query=f"data.{package}.violation")
    found = rego.evaluate_parsed(json.dumps({"review": {"object": item}, "parameters": {}}))
    return [one["msg"] for one in found]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("item", "rule"), CASE)
def test_plain_mistakes_are_refused(engine: str, item: dict[str, Any], rule: str | None) -> None:
    found = refusals(engine, item)
    assert len(found) == (rule is not None)
    assert all(f"({rule})" in message for message in found)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("default_deny", "gets_in"), DENIES)
def test_a_workload_needs_a_default_deny(engine: str, default_deny: dict[str, Any], gets_in: bool) -> None:
    assert (refusals(engine, POD, default_deny) == []) is gets_in


def test_without_any_default_deny_nobody_gets_in() -> None:
    module = gate("gatekeeper")["ConstraintTemplate", "podwalldefaultdeny"]["spec"]["targets"][0]["rego"]
    assert by_rego(module, "podwalldefaultdeny", POD, None) != []
    binding = gate("vap")["ValidatingAdmissionPolicyBinding", "podwall-require-default-deny"]["spec"]
    assert binding["paramRef"] == {"name": "default-deny", "parameterNotFoundAction": "Deny"}


@pytest.mark.parametrize("engine", ENGINES)
def test_what_other_recipes_write_gets_in(engine: str) -> None:
    for words, _, _ in CASES:
        for item in yaml.safe_load_all(new(words).out):
            if item and item["kind"] == "NetworkPolicy":
                assert (words, name(item), refusals(engine, item)) == (words, name(item), [])


def test_audit_refuses_nothing_and_except_spares() -> None:
    vap = gate("vap", "--audit", "--except", "dev,test")
    for (kind, _), item in vap.items():
        if kind == "ValidatingAdmissionPolicyBinding":
            assert item["spec"]["validationActions"] == ["Warn", "Audit"]
            (term,) = item["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
            assert {"dev", "test", "kube-system"} <= set(term["values"])
    for (kind, _), item in gate("gatekeeper", "--audit").items():
        assert not kind.startswith("Podwall") or item["spec"]["enforcementAction"] == "dryrun"
    for item in gate("kyverno", "--audit").values():
        assert item["spec"]["rules"][0]["validate"]["failureAction"] == "Audit"


def test_an_engine_must_be_named() -> None:
    assert podwall("new", "gate").code == 2
