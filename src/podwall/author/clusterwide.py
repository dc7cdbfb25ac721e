"""The baseline of every namespace: as one ClusterNetworkPolicy, or as a Kyverno policy that makes NetworkPolicies."""

from __future__ import annotations

from podwall.author.closing import directions, shut
from podwall.author.compose import metadata, ports_of
from podwall.author.recipe import Claim, Draft, Object, Policy
from podwall.author.resolver import allow_dns
from podwall.cluster.objects import NAME_LABEL
from podwall.engine.rules import Direction
from podwall.engine.sets import ALL_PORTS
from podwall.needs.need import Grant
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["baseline_policy", "but", "generated", "wide"]

_OUTSIDE = (
    "ClusterNetworkPolicy has no peer for what comes from outside the cluster or from nodes: only a default deny in "
    "each namespace closes that (podwall new baseline -n NS)"
)
_ALL = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}


def but(spared: frozenset[str]) -> Object:
    """Every namespace but some, as a selector."""
    return {"matchExpressions": [{"key": NAME_LABEL, "operator": "NotIn", "values": sorted(spared)}]}


def wide(name: str, spec: Object) -> Object:
    """A ClusterNetworkPolicy."""
    kind = {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy"}
    return {**kind, "metadata": metadata(name), "spec": spec}


def baseline_policy(site: Site, spared: frozenset[str], cache: tuple[str, ...]) -> Draft:
    """A Baseline-tier policy: DNS is accepted, then everything to and from pods, and to addresses, is denied (C3)."""
    subjects = Party("every pod", everywhere=True, spared=spared)
    dns = allow_dns(site, Party("every pod", "default", whole=True), cache)
    grants = dns.claims[0].grants
    rules = [_accept(rule, grant) for rule, grant in zip(dns.policies[0].object["spec"]["egress"], grants, strict=True)]
    denied = {"name": "deny-the-rest", "action": "Deny", "to": [{"namespaces": {}}, {"networks": list(_ALL.values())}]}
    spec: Object = {
        "tier": "Baseline",
        "priority": 900,
        "subject": {"namespaces": but(spared)},
        "ingress": [{"name": "deny-from-pods", "action": "Deny", "from": [{"namespaces": {}}]}],
        "egress": [*rules, denied],
    }
    item = wide("podwall-baseline", spec)
    about = (
        f"Where no NetworkPolicy decides, pods reach DNS alone, and no pod reaches them. Not in {_listed(spared)}.",
    )
    outside = Grant(Party("what is no pod", outside=True), ALL_PORTS)
    claims = (Claim(Direction.EGRESS, subjects, grants), Claim(Direction.INGRESS, subjects, (outside,)))
    return Draft((Policy(item, about),), claims, notes=(*dns.notes, _OUTSIDE), sudden=False)


def _accept(rule: Object, grant: Grant) -> Object:
    """A NetworkPolicy's egress rule in the words of a ClusterNetworkPolicy."""
    networks = [peer["ipBlock"]["cidr"] for peer in rule["to"] if "ipBlock" in peer]
    to: list[Object] = [{"pods": peer} for peer in rule["to"] if "ipBlock" not in peer]
    if networks:
        to.append({"networks": networks})
    protocols = [{p["protocol"].lower(): {"destinationPort": {"number": p["port"]}}} for p in ports_of(grant.ports)]
    return {"name": "dns", "action": "Accept", "to": to, "protocols": protocols}


def generated(site: Site, spared: frozenset[str], cache: tuple[str, ...]) -> Draft:
    """A Kyverno ClusterPolicy that makes the baseline in each namespace; what it makes is what is proved."""
    example = Party("every pod", "default", whole=True)
    made = shut(example, directions("both")) + allow_dns(site, example, cache)
    own = tuple(p for p in made.policies if p.object["metadata"]["namespace"] == example.namespace)
    rules = [_generate(policy.object, spared) for policy in own]
    item = {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": metadata("podwall-baseline"),
        "spec": {"rules": rules},
    }
    about = (
        f"Makes a default deny and an allowance for DNS in every namespace but {_listed(spared)}, and keeps them.",
    )
    rest = tuple(p for p in made.policies if p not in own)
    return Draft(rest, made.claims, notes=made.notes, others=(Policy(item, about),), behind=own, sudden=False)


def _generate(item: Object, spared: frozenset[str]) -> Object:
    meta = {key: value for key, value in item["metadata"].items() if key in ("labels", "annotations")}
    return {
        "name": item["metadata"]["name"],
        "match": {"any": [{"resources": {"kinds": ["Namespace"]}}]},
        "exclude": {"any": [{"resources": {"kinds": ["Namespace"], "names": sorted(spared)}}]},
        "generate": {
            "apiVersion": item["apiVersion"],
            "kind": item["kind"],
            "name": item["metadata"]["name"],
            "namespace": "{{request.object.metadata.name}}",
            "synchronize": True,
            "generateExisting": True,
            "data": {"metadata": meta, "spec": item["spec"]},
        },
    }


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
