"""A rule needs what the cluster's network plugin does not do as it comes, so it does something else than it says.

NetworkPolicy has parts that plugins came to support late or not at all: port ranges (`endPort`), SCTP, and named ports
in egress rules, which have to be looked up on other pods. A plugin takes the policy all the same. Most ignore what they
do not know, so that nothing, or one port of the range, is allowed.

Asked of the profile that is given (`--cni`): `kubernetes` does everything; Cilium does SCTP only where it is switched
on (`sctp.enabled`, a beta feature), and `endPort` from version 1.16.

**What to do:** switch the feature on, and suppress the finding with that as its reason; or write the rule without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.cluster.profile import CILIUM
from podwall.engine.rules import Direction, NamedPort, PortRange, PortTerm
from podwall.engine.rules import Rule as PolicyRule

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    profile = facts.model.profile
    for policy in facts.policies if profile.lacks else ():
        for rule in policy.rules:
            for number, port in enumerate(rule.ports):
                for feature in _needs(rule, port):
                    if feature in profile.lacks:
                        yield Finding(
                            policy.what,
                            facts.field(rule, port=number),
                            f"needs {feature}, which {profile.name} does not do as it comes",
                            "switch it on in the plugin, or write the rule without it",
                        )


def _needs(rule: PolicyRule, port: PortTerm) -> Iterator[str]:
    if isinstance(port, PortRange | NamedPort) and port.protocol == "SCTP":
        yield "SCTP"
    if isinstance(port, PortRange) and port.first < port.last and (port.first, port.last) != (1, 65535):
        yield "endPort"
    if isinstance(port, NamedPort) and rule.direction is Direction.EGRESS:
        yield "named egress ports"


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: signaling, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - ports: [{port: 3868, protocol: %s}]
"""

RULE = Rule(
    id="PW134",
    severity=Severity.WARNING,
    says="a rule needs what the network plugin does not do",
    check=_check,
    good=(
        Good(_POLICY % "SCTP", because="a plugin that does all of NetworkPolicy"),
        Good(_POLICY % "TCP", profile=CILIUM),
    ),
    bad=(Bad(_POLICY % "SCTP", ("shop/signaling spec.ingress[0].ports[0]",), profile=CILIUM),),
)
