"""ClusterNetworkPolicies as a platform team writes them: over the whole cluster, in both tiers, with every action."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.generate.objects import NAME_LABEL, Object

__all__ = ["cluster_policies"]

_OWNERS = ("amber", "cobalt", "jade")
_APPLICATION: Object = {"start": 8000, "end": 8079}
_EVERYONE: Object = {"namespaces": {}}


def cluster_policies(number: int) -> Iterator[Object]:
    """So many policies: four in five of the Admin tier, the last fifth of the Baseline tier."""
    for n in range(number):
        baseline = n >= number - number // 5
        yield _policy(n, "Baseline" if baseline else "Admin", _baseline(n) if baseline else _ADMIN[n % len(_ADMIN)](n))


def _policy(number: int, tier: str, rules: Object) -> Object:
    spec = {"tier": tier, "priority": 10 + number, "subject": rules.pop("subject", _EVERYONE), **rules}
    metadata = {"name": f"platform-{number:02d}"}
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }


def _dns(_: int) -> Object:
    pods = {"namespaceSelector": _named("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    ports = [{"udp": {"destinationPort": {"number": 53}}}, {"tcp": {"destinationPort": {"number": 53}}}]
    return {"egress": [{"action": "Accept", "to": [{"pods": pods}], "protocols": ports}]}


def _metrics(_: int) -> Object:
    rule = {"action": "Accept", "from": [{"namespaces": _named("monitoring")}]}
    return {"ingress": [{**rule, "protocols": [{"destinationNamedPort": "metrics"}]}]}


def _between_owners(number: int) -> Object:
    own, other = _OWNERS[number % 3], _OWNERS[(number + 1) % 3]
    ports = [{"tcp": {"destinationPort": {"range": {"start": 9000 + number, "end": 9100 + number}}}}]
    theirs = [{"namespaces": {"matchLabels": {"owner": other}}}]
    return {
        "subject": {"namespaces": {"matchLabels": {"owner": own}}},
        "ingress": [
            {"action": "Pass", "from": theirs, "protocols": ports},
            {"action": "Deny", "from": theirs, "protocols": [{"tcp": {"destinationPort": {"range": _APPLICATION}}}]},
        ],
    }


def _metadata_service(_: int) -> Object:
    return {"egress": [{"action": "Deny", "to": [{"networks": ["169.254.169.254/32"]}]}]}


def _baseline(number: int) -> Object:
    subject = {"namespaces": {"matchLabels": {"stage": ("staging", "production")[number % 2]}}}
    others = [{"namespaces": {"matchExpressions": [{"key": "owner", "operator": "Exists"}]}}]
    return {"subject": subject, "ingress": [{"action": "Deny", "from": others}]}


_ADMIN = (_dns, _metrics, _between_owners, _metadata_service)


def _named(namespace: str) -> Object:
    return {"matchLabels": {NAME_LABEL: namespace}}
