"""The cluster's network plugin does not enforce NetworkPolicy: policies are accepted, and nothing happens.

The API server stores NetworkPolicies whether or not somebody enforces them. Flannel alone does not; with Calico's
policy engine beside it (Canal) it does, and so does any cluster that runs another enforcer.

Said where Flannel's DaemonSet is in the input, and none of the known enforcers.

**What to do:** install a plugin that enforces (Calico, Cilium, Antrea, kube-router, or Canal for Flannel), and try it:
a denied connection must fail.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.workloads import DaemonSet
from podwall.check.facts import Facts, Object
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.cluster.objects import Located, name_of

__all__ = ["RULE"]

_FLANNEL = ("kube-flannel", "flannel")
# By the name of their DaemonSet.
_ENFORCERS = (
    "antrea-agent",
    "aws-node",
    "azure-npm",
    "calico-node",
    "canal",
    "cilium",
    "kube-network-policies",
    "kube-router",
    "kindnet",
    "ovnkube-node",
    "weave-net",
)


def _check(facts: Facts) -> Iterator[Finding]:
    found: dict[str, tuple[str, Located[DaemonSet]]] = {}
    for bucket in facts.model.cluster.namespaces.values():
        for located in bucket.workloads:
            if isinstance(located.object, DaemonSet):
                found[name_of(located.object.metadata)] = (bucket.name, Located(located.object, located.origin))
    if any(name.startswith(_ENFORCERS) for name in found):
        return
    for name, (namespace, located) in sorted(found.items()):
        if name.startswith(_FLANNEL) and "canal" not in name:
            yield Finding(
                Object("DaemonSet", namespace, name, located.origin),
                (),
                f"is a network plugin that enforces no policy: {_effect(len(facts.policies))}",
                "install a plugin that enforces, and try a connection that should be denied",
            )


def _effect(policies: int) -> str:
    if policies < 2:
        return "the one in the input does nothing" if policies else "whatever is written does nothing"
    return f"the {policies:,} in the input do nothing"


_DAEMON = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: %s, namespace: kube-system}
spec: {selector: {matchLabels: {app: cni}}, template: {metadata: {labels: {app: cni}}, spec: {hostNetwork: true}}}
---
"""

RULE = Rule(
    id="PW170",
    severity=Severity.ERROR,
    says="the network plugin of the input does not enforce NetworkPolicy",
    check=_check,
    good=(Good(_DAEMON % "calico-node"), Good(_DAEMON % "kube-flannel-ds" + _DAEMON % "kube-router")),
    bad=(Bad(_DAEMON % "kube-flannel-ds", ("kube-system/kube-flannel-ds",)),),
)
