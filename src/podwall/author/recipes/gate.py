"""Admission policies: no workload in a namespace without a default deny, and no NetworkPolicy with a plain mistake.

  vap         ValidatingAdmissionPolicy, built into Kubernetes 1.30
  kyverno     Kyverno ClusterPolicies, with the same CEL
  gatekeeper  ConstraintTemplates with Rego, and what they must see

The first one demands that the namespace has a NetworkPolicy named default-deny that denies both directions (`podwall
new deny`). The second refuses what one object alone shows to be wrong: rules of a direction that policyTypes leaves
out, selectors by labels that do not last, 0.0.0.0/0 without a reason, an allow-all for every pod without an end. What
takes more than one object to see, `podwall check` sees.

The system namespaces are left alone, and those of --except. With --audit nothing is refused, only reported: begin so.
"""

from __future__ import annotations

from podwall.author.closing import left_out
from podwall.author.clusterwide import but
from podwall.author.compose import metadata
from podwall.author.gatecel import DEFAULT_DENY, POLICY, VARIABLES, Demand
from podwall.author.gaterego import default_deny, policy
from podwall.author.recipe import Asked, Draft, Flag, Object, Policy, Recipe
from podwall.errors import CannotWrite
from podwall.needs.site import Site

__all__ = ["RECIPE"]

_NETWORKING = "networking.k8s.io"
_WORKLOADS = {
    "": ("v1", ("Pod",)),
    "apps": ("v1", ("DaemonSet", "Deployment", "StatefulSet")),
    "batch": ("v1", ("CronJob", "Job")),
}
_MISTAKES, _REQUIRE = "podwall-no-mistakes", "podwall-require-default-deny"
_ABOUT = {
    _MISTAKES: "Refuses NetworkPolicies that do something else than they say.",
    _REQUIRE: "Refuses workloads in a namespace without a NetworkPolicy default-deny that denies both directions.",
}


def _draft(site: Site, asked: Asked) -> Draft:  # noqa: ARG001 - it knows no cluster
    spared = left_out(asked.texts("except"))
    engines = {"vap": _vap, "kyverno": _kyverno, "gatekeeper": _gatekeeper}
    name = asked.text("engine")
    if not name:
        raise CannotWrite("say which engine decides in the cluster: --engine vap, kyverno or gatekeeper")
    return Draft(others=tuple(engines[name](spared, audit=asked.yes("audit"))), sudden=False)


def _vap(spared: frozenset[str], *, audit: bool) -> list[Policy]:
    mistakes = {"variables": _variables(), "validations": _validations(POLICY)}
    rules = [_rule(_NETWORKING, "v1", ("NetworkPolicy",))]
    require = {"paramKind": _PARAM, "validations": _validations((DEFAULT_DENY,))}
    workloads = [_rule(group, *kinds) for group, kinds in _WORKLOADS.items()]
    ref: Object = {"paramRef": {"name": "default-deny", "parameterNotFoundAction": "Deny"}}
    return [
        *_vap_pair(_MISTAKES, {"matchConstraints": {"resourceRules": rules}, **mistakes}, _binding({}, spared, audit)),
        *_vap_pair(
            _REQUIRE, {"matchConstraints": {"resourceRules": workloads}, **require}, _binding(ref, spared, audit)
        ),
    ]


_PARAM = {"apiVersion": f"{_NETWORKING}/v1", "kind": "NetworkPolicy"}


def _vap_pair(name: str, spec: Object, binding: Object) -> list[Policy]:
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy"}
    own = {**kind, "metadata": metadata(name), "spec": {"failurePolicy": "Fail", **spec}}
    bound = {
        **kind,
        "kind": f"{kind['kind']}Binding",
        "metadata": metadata(name),
        "spec": {"policyName": name, **binding},
    }
    return [Policy(own, (_ABOUT[name],)), Policy(bound, (f"Where {name} holds.",))]


def _binding(ref: Object, spared: frozenset[str], audit: bool) -> Object:  # noqa: FBT001 - --audit, handed on
    actions = ["Warn", "Audit"] if audit else ["Deny"]
    return {"validationActions": actions, **ref, "matchResources": {"namespaceSelector": but(spared)}}


def _rule(group: str, version: str, kinds: tuple[str, ...]) -> Object:
    resources = ["networkpolicies" if kind == "NetworkPolicy" else f"{kind.lower()}s" for kind in kinds]
    operations = ["CREATE", "UPDATE"] if group == _NETWORKING else ["CREATE"]
    return {"apiGroups": [group], "apiVersions": [version], "operations": operations, "resources": resources}


def _variables() -> list[Object]:
    return [{"name": name, "expression": expression} for name, expression in VARIABLES.items()]


def _validations(demands: tuple[Demand, ...]) -> list[Object]:
    return [{"expression": demand.expression, "message": demand.message} for demand in demands]


def _kyverno(spared: frozenset[str], *, audit: bool) -> list[Policy]:
    mistakes = {"variables": _variables(), "expressions": _validations(POLICY)}
    require: Object = {
        "paramKind": _PARAM,
        "paramRef": {"name": "default-deny", "parameterNotFoundAction": "Deny"},
        "expressions": _validations((DEFAULT_DENY,)),
    }
    kinds = [
        f"{group}/{version}/{kind}".lstrip("/") for group, (version, names) in _WORKLOADS.items() for kind in names
    ]
    return [
        _kyverno_policy(_MISTAKES, [f"{_NETWORKING}/v1/NetworkPolicy"], mistakes, spared, audit=audit),
        _kyverno_policy(_REQUIRE, kinds, require, spared, audit=audit),
    ]


def _kyverno_policy(name: str, kinds: list[str], cel: Object, spared: frozenset[str], *, audit: bool) -> Policy:
    resources: Object = {"kinds": kinds, "operations": ["CREATE", "UPDATE"] if name == _MISTAKES else ["CREATE"]}
    rule = {
        "name": name,
        "match": {"any": [{"resources": resources}]},
        "exclude": {"any": [{"resources": {"namespaces": sorted(spared)}}]},
        "validate": {"failureAction": "Audit" if audit else "Enforce", "cel": cel},
    }
    spec = {"background": name == _MISTAKES, "rules": [rule]}
    item = {"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": metadata(name), "spec": spec}
    return Policy(item, (_ABOUT[name],))


def _gatekeeper(spared: frozenset[str], *, audit: bool) -> list[Policy]:
    sync = {
        "apiVersion": "syncset.gatekeeper.sh/v1alpha1",
        "kind": "SyncSet",
        "metadata": metadata("podwall-networkpolicies"),
        "spec": {"gvks": [{"group": _NETWORKING, "version": "v1", "kind": "NetworkPolicy"}]},
    }
    mistakes = [{"apiGroups": [_NETWORKING], "kinds": ["NetworkPolicy"]}]
    workloads = [{"apiGroups": [group], "kinds": list(kinds)} for group, (_, kinds) in _WORKLOADS.items()]
    return [
        Policy(sync, ("What Gatekeeper must see to know of a namespace's default deny.",)),
        *_constraint(_MISTAKES, "PodwallNetworkPolicy", policy(), _match(mistakes, spared, audit)),
        *_constraint(_REQUIRE, "PodwallDefaultDeny", default_deny(), _match(workloads, spared, audit)),
    ]


def _match(kinds: list[Object], spared: frozenset[str], audit: bool) -> Object:  # noqa: FBT001 - --audit, handed on
    action = "dryrun" if audit else "deny"
    return {"enforcementAction": action, "match": {"kinds": kinds, "excludedNamespaces": sorted(spared)}}


def _constraint(name: str, kind: str, rego: str, spec: Object) -> list[Policy]:
    template = {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": metadata(kind.lower()),
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    }
    constraint = {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": metadata(name),
        "spec": spec,
    }
    return [Policy(template, (f"What {kind} asks.",)), Policy(constraint, (_ABOUT[name],))]


RECIPE = Recipe(
    name="gate",
    says="admission policies: a default deny, and no plain mistakes",
    draft=_draft,
    examples=("podwall new gate --engine vap --audit", "podwall new gate --engine gatekeeper --except dev -d gate/"),
    flags=(
        Flag("--engine", "vap, kyverno or gatekeeper.", metavar="ENGINE", choices=("vap", "kyverno", "gatekeeper")),
        Flag("--audit", "Report, and refuse nothing.", "yes"),
        Flag("--except", "A namespace that is left out; repeatable.", "texts", "NS"),
    ),
    needs_input=False,
)
