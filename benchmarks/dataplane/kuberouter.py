"""Rules of the shape that kube-router 2 gives them: iptables and ipset, linear in the pods and in a pod's policies.

Only the shape is its own, as its documents and source describe it: every packet of the forward hook is compared with
every pod's address until one sends it into the pod's chain; there established connections are accepted, and a new one
runs through the chains of all policies that select the pod, each rule of which compares by sets and leaves a mark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from benchmarks.dataplane.scenario import PROTOCOLS, Pod, Policy, Scenario

__all__ = ["restored_rules", "restored_sets"]

_TOP = "KUBE-ROUTER-FORWARD"
_COMMON = "KUBE-NWPLCY-COMMON"
_DEFAULT = "KUBE-NWPLCY-DEFAULT"
_ALLOWED, _DONE = "0x10000/0x10000", "0x20000/0x20000"
_ICMP = (("echo-request", 8), ("destination-unreachable", 3), ("time-exceeded", 11))


def restored_sets(scenario: Scenario) -> str:
    """What `ipset restore` reads: a set of targets for each policy, and a set of peers for each rule."""
    lines: list[str] = []
    for policy in scenario.every_policy:
        targets = [pod.address for pod in scenario.local if pod.app == policy.app]
        lines += _set(_targets(policy), targets)
        for number, rule in enumerate(policy.rules):
            lines += _set(_peers(policy, number), rule.peers)
    return "\n".join(lines) + "\n"


def restored_rules(scenario: Scenario) -> str:
    """What `iptables-restore` reads."""
    chains = [_TOP, _COMMON, _DEFAULT]
    chains += [_policy_chain(policy) for policy in scenario.every_policy]
    chains += [_pod_chain(pod) for pod in scenario.local]
    rules = [f"-A FORWARD {_says('netpol')} -j {_TOP}", *_common()]
    for policy in scenario.every_policy:
        rules += _policy_rules(policy)
    for pod in scenario.local:
        rules += _pod_rules(pod, scenario.policies_of(pod.app))
        rules += _jumps(pod)
    rules.append(f"-A {_TOP} {_says('complies with the policies')} -m mark --mark {_DONE} -j ACCEPT")
    heads = [":INPUT ACCEPT", ":FORWARD ACCEPT", ":OUTPUT ACCEPT", *(f":{chain} -" for chain in chains)]
    return "\n".join(["*filter", *heads, *rules, "COMMIT"]) + "\n"


def _set(name: str, addresses: tuple[str, ...] | list[str]) -> Iterator[str]:
    yield f"create {name} hash:ip family inet timeout 0"
    for address in addresses:
        yield f"add {name} {address} timeout 0"


def _common() -> Iterator[str]:
    """What holds for every pod."""
    yield f"-A {_COMMON} {_says('invalid')} -m conntrack --ctstate INVALID -j DROP"
    yield f"-A {_COMMON} {_says('stateful')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    for name, number in _ICMP:
        yield f"-A {_COMMON} {_says(name)} -p icmp --icmp-type {number} -j ACCEPT"
    yield f"-A {_DEFAULT} {_says('no policy selects it')} -j MARK --set-xmark {_ALLOWED}"


def _policy_rules(policy: Policy) -> Iterator[str]:
    """Two rules for each port: one leaves the mark, one returns with it."""
    for number, rule in enumerate(policy.rules):
        sets = f"-m set --match-set {_peers(policy, number)} src -m set --match-set {_targets(policy)} dst"
        for protocol in PROTOCOLS:
            matched = (
                f"-A {_policy_chain(policy)} {_says(policy.name)} {sets} -p {protocol.lower()} --dport {rule.port}"
            )
            yield f"{matched} -j MARK --set-xmark {_ALLOWED}"
            yield f"{matched} -m mark --mark {_ALLOWED} -j RETURN"


def _pod_rules(pod: Pod, policies: list[Policy]) -> Iterator[str]:
    chain = f"-A {_pod_chain(pod)}"
    yield f"{chain} {_says('common')} -j {_COMMON}"
    yield f"{chain} {_says('from its node')} -m addrtype --src-type LOCAL -d {pod.address} -j ACCEPT"
    for policy in policies:
        yield f"{chain} -d {pod.address} {_says(policy.name)} -j {_policy_chain(policy)}"
    yield f"{chain} -s {pod.address} {_says('egress')} -j {_DEFAULT}"
    unmarked = f"-m mark ! --mark {_ALLOWED}"
    yield f"{chain} {_says(pod.name)} {unmarked} -m limit --limit 10/minute --limit-burst 10 -j NFLOG --nflog-group 100"
    yield f"{chain} {_says(pod.name)} {unmarked} -j REJECT"
    yield f"{chain} -j MARK --set-mark 0/{_ALLOWED.partition('/')[2]}"
    yield f"{chain} {_says('complies')} -j MARK --set-mark {_DONE}"


def _jumps(pod: Pod) -> Iterator[str]:
    """To a pod and from it, routed and bridged."""
    for side in ("-d", "-s"):
        for seen in ("", "-m physdev --physdev-is-bridged "):
            yield f"-A {_TOP} {seen}{_says(pod.name)} {side} {pod.address} -j {_pod_chain(pod)}"


def _says(text: str) -> str:
    return f'-m comment --comment "{text}"'


def _policy_chain(policy: Policy) -> str:
    return f"KUBE-NWPLCY-{_digest(policy.name)}"


def _pod_chain(pod: Pod) -> str:
    return f"KUBE-POD-FW-{_digest(pod.name)}"


def _targets(policy: Policy) -> str:
    return f"KUBE-DST-{_digest(policy.name)}"


def _peers(policy: Policy, rule: int) -> str:
    return f"KUBE-SRC-{_digest(f'{policy.name}/{rule}')}"


def _digest(text: str) -> str:
    """Names of 16 letters, as long as the real ones."""
    return hashlib.sha256(text.encode()).hexdigest()[:16].upper()
