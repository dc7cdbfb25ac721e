"""The objects of a cluster changed so that the oracle's answer tells which policy decides, or what a map leaves out."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from tests.truth.picture import TIER_KINDS, get, several_items
from tests.truth.vocabulary import Object

Named = tuple[str, str]  # kind and name of a policy


def off_nodes(objects: Iterable[Object]) -> list[Object]:
    """The objects with no Pod on a node, those of the host network excepted."""
    return [off_node(o) if o["kind"] == "Pod" and not get(o, "spec", "hostNetwork") else o for o in objects]


def off_node(pod: Object) -> Object:
    """A Pod that does not say where it runs."""
    spec = {k: v for k, v in (pod.get("spec") or {}).items() if k != "nodeName"}
    status = {k: v for k, v in (pod.get("status") or {}).items() if k not in ("hostIP", "hostIPs")}
    return {**pod, "spec": spec, "status": status}


def policy_names(objects: Iterable[Object], namespace: str | None) -> Iterator[Named]:
    """The NetworkPolicies of a namespace; for None, the cluster-wide policies."""
    for obj in objects:
        wanted = obj["kind"] in TIER_KINDS if namespace is None else obj["kind"] == "NetworkPolicy"
        if wanted and namespace in (None, home(obj)):
            yield obj["kind"], obj["metadata"]["name"]


def refusing(objects: Iterable[Object], policies: Container[Named]) -> list[Object]:
    """The objects with each rule of some cluster-wide policies that accepts denying instead.

    So a port that was open is denied exactly if such a rule is the one that decides about it (C2).
    """
    return [refused(o) if (o["kind"], o["metadata"]["name"]) in policies else o for o in objects]


def refused(policy: Object) -> Object:
    """The cluster-wide policy with Deny for Accept and Allow."""
    spec = dict(policy["spec"])
    for side in ("ingress", "egress"):
        rules = several_items(spec, side)
        if rules:
            spec[side] = [{**r, "action": "Pass" if r["action"] == "Pass" else "Deny"} for r in rules]
    return {**policy, "spec": spec}


def only_rules_of(objects: Iterable[Object], policy: tuple[str, str] | None) -> list[Object]:
    """The objects with all policies isolating as before, and none but one allowing anything."""
    return [
        o if o["kind"] != "NetworkPolicy" or (home(o), o["metadata"]["name"]) == policy else without_rules(o)
        for o in objects
    ]


def home(obj: Object) -> str:
    """An object's namespace (D12)."""
    return str(obj["metadata"].get("namespace") or "default")


def without_rules(policy: Object) -> Object:
    """The policy's isolation alone, with its types written out (N3)."""
    spec = policy.get("spec") or {}
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    return {**policy, "spec": {"podSelector": spec.get("podSelector"), "policyTypes": types}}
