"""Our own rules for a scenario: compiled and loaded as the product does it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from benchmarks.dataplane.namespaces import Lane, inside
from benchmarks.dataplane.scenario import PROTOCOLS, Policy, Scenario
from podwall.api.networking import NetworkPolicy
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import NAME_LABEL
from podwall.cluster.profile import KUBERNETES
from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler
from podwall.dataplane.kernel import NftKernel
from podwall.engine.policies import networkpolicy
from podwall.engine.rules import PolicyRules

__all__ = ["NODE", "compiled", "kernel_of", "local_pod", "peer_pod", "policy_object", "policy_rules", "whole"]

NODE, _ELSEWHERE, NAMESPACE = "node-a", "node-b", "shop"


def compiled(scenario: Scenario) -> Compiler:
    """A compiler that has seen the scenario; its first change is still to be asked for."""
    compiler = Compiler(NODE, KUBERNETES)
    compiler.put_namespace(NAMESPACE, {NAME_LABEL: NAMESPACE})
    for pod in scenario.local:
        compiler.put_endpoint(local_pod(pod.name, pod.app, pod.address))
    for policy in scenario.every_policy:
        for endpoint in _peers(policy):
            compiler.put_endpoint(endpoint)
        compiler.put_policy(policy_rules(policy))
    return compiler


def whole(compiler: Compiler) -> Change:
    """The change that loads all of it, whatever was there."""
    compiler.flush()
    return Change(whole=compiler.ruleset())


def kernel_of(lane: Lane) -> NftKernel:
    """The kernel of a lane's node."""
    return NftKernel(lambda: inside(lane.node))


def local_pod(name: str, app: str, address: str) -> Endpoint:
    """A pod of the node."""
    return Endpoint("Pod", NAMESPACE, name, {"app": app}, (address,), node=NODE)


def peer_pod(policy: Policy, rule: int, number: int, address: str) -> Endpoint:
    """A pod of another node that one rule of a policy means."""
    peer = _peer(policy, rule)
    return Endpoint("Pod", NAMESPACE, f"{peer}-{number}", {"peer": peer}, (address,), node=_ELSEWHERE)


def _peers(policy: Policy) -> Iterator[Endpoint]:
    for rule, one in enumerate(policy.rules):
        yield from (peer_pod(policy, rule, number, address) for number, address in enumerate(one.peers))


def policy_rules(policy: Policy) -> PolicyRules:
    """The policy as the engine reads it."""
    return networkpolicy.rules_of(policy_object(policy), NAMESPACE)


def policy_object(policy: Policy) -> NetworkPolicy:
    """The policy as users write it."""
    ingress = [
        {
            "from": [{"podSelector": {"matchLabels": {"peer": _peer(policy, number)}}}],
            "ports": [{"protocol": protocol, "port": rule.port} for protocol in PROTOCOLS],
        }
        for number, rule in enumerate(policy.rules)
    ]
    spec = {"podSelector": {"matchLabels": {"app": policy.app}}, "policyTypes": ["Ingress"], "ingress": ingress}
    metadata = {"name": policy.name, "namespace": NAMESPACE}
    written = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    return msgspec.convert(written, NetworkPolicy)


def _peer(policy: Policy, rule: int) -> str:
    return f"{policy.name}-{rule}"
