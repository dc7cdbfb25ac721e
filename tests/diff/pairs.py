"""Random pairs of clusters: one, and what is left of it after a few edits such as people make."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence

from podwall.diff.comparison import Comparison, compare
from podwall.engine.model import Model, allot_together
from podwall.engine.sets import NO_PORTS, PortSet
from tests.truth.cluster_policies import random_cluster_policies
from tests.truth.clusters import random_cluster
from tests.truth.engine import model_of, open_ports
from tests.truth.policies import random_policy, random_spec
from tests.truth.vocabulary import EXTERNAL, LABELS, NAMESPACE_LABELS, NODE_LABELS, Object, labels, maybe

POLICY = "NetworkPolicy"
TIERED = ("ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy")
Ports = dict[tuple[str, str, int], PortSet]  # source, destination, family


def random_pair(seed: int, size: str = "small") -> tuple[list[Object], list[Object], str]:
    """Objects before and after one to eight edits, and the CNI profile; odd seeds have cluster-wide policies."""
    rng = random.Random(seed)
    old = random_cluster(rng, size, tiers=seed % 2 == 1)
    new = copy.deepcopy(old)
    for _ in range(rng.choice((1, 2, 3, 4, 6, 8))):
        edit(rng, new, tiers=seed % 2 == 1)
    rng.shuffle(new)
    return old, new, "cilium" if maybe(rng, 0.2) else "kubernetes"


def edit(rng: random.Random, objects: list[Object], *, tiers: bool) -> None:
    """One edit, in place."""
    kinds: list[Callable[[random.Random, list[Object]], None]] = [
        *(3 * [add_policy]),
        *(3 * [change_policy]),
        *(2 * [drop_policy]),
        *(2 * [relabel_namespace]),
        *(2 * [relabel_pod]),
        relabel_workload,
        relabel_workload,
        change_ports,
        change_network,
        scale,
        drop_pod,
        copy_pod,
        relabel_node,
        roll_out,
    ]
    if tiers:
        kinds += [change_tier, change_tier, drop_tier, change_priority]
    rng.choice(kinds)(rng, objects)


def some(rng: random.Random, objects: Sequence[Object], *kinds: str) -> Object | None:
    """One of these kinds; a duplicate is never chosen, for it would differ from its copy."""
    found = [o for o in objects if o["kind"] in kinds and objects.count(o) == 1]
    return rng.choice(found) if found else None


def add_policy(rng: random.Random, objects: list[Object]) -> None:
    objects.append(random_policy(rng, f"added-{rng.randrange(10**9)}"))


def drop_policy(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, POLICY)
    if found:
        objects.remove(found)


def change_policy(rng: random.Random, objects: list[Object]) -> None:
    """Another spec, or one of its fields from another one."""
    found = some(rng, objects, POLICY)
    if found:
        spec = random_spec(rng)
        field = rng.choice(("podSelector", "policyTypes", "ingress", "egress", None))
        if field is None:
            found["spec"] = spec
        elif field in ("ingress", "egress") and found["spec"].get(field) and spec.get(field):
            found["spec"][field] = [*found["spec"][field], *spec[field]][rng.randint(0, 1) :]
        else:
            found["spec"][field] = spec.get(field)


def relabel(rng: random.Random, meta: Object, words: dict[str, tuple[str, ...]]) -> None:
    kept = {k: v for k, v in (meta.get("labels") or {}).items() if k not in words or maybe(rng, 0.5)}
    meta["labels"] = {**kept, **{k: v for k, v in labels(rng, words).items() if maybe(rng, 0.5)}}


def relabel_namespace(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, "Namespace")
    if found:
        relabel(rng, found["metadata"], NAMESPACE_LABELS)


def relabel_node(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, "Node")
    if found:
        relabel(rng, found["metadata"], NODE_LABELS)


def relabel_pod(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, "Pod")
    if found:
        relabel(rng, found["metadata"], LABELS)


def relabel_workload(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, "Deployment", "StatefulSet", "DaemonSet", "Job")
    if found:
        relabel(rng, found["spec"]["template"]["metadata"], LABELS)


def change_ports(rng: random.Random, objects: list[Object]) -> None:
    one, other = some(rng, objects, "Pod"), some(rng, objects, "Pod")
    if one and other:
        one["spec"]["containers"] = copy.deepcopy(other["spec"]["containers"])


def change_network(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, "Pod")
    if found and found["status"].get("hostIP"):
        found["spec"]["hostNetwork"] = not found["spec"].get("hostNetwork")


def scale(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, "Deployment", "StatefulSet")
    if found:
        found["spec"]["replicas"] = rng.choice((1, 3))


def drop_pod(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, "Pod", "Deployment")
    if found:
        objects.remove(found)


def copy_pod(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, "Pod")
    if found:
        made = copy.deepcopy(found)
        made["metadata"]["name"] += f"-{rng.randrange(10**9)}"
        objects.append(made)


def roll_out(rng: random.Random, objects: list[Object]) -> None:
    """Pods of a controller get other names."""
    found = some(rng, objects, "Pod")
    owners = found["metadata"].get("ownerReferences") if found else None
    for meta in (o["metadata"] for o in objects if owners and o["kind"] == "Pod"):
        if meta.get("ownerReferences") == owners and not meta["name"].endswith("-new"):
            meta["name"] += "-new"


def change_tier(rng: random.Random, objects: list[Object]) -> None:
    """Another policy of the tiers in the place of one, or one more."""
    made = rng.choice(random_cluster_policies(rng, 3) or [{}])
    same = [o for o in objects if made and key(o) == key(made)]
    for one in same:
        objects.remove(one)
    if made:
        objects.append(made)


def drop_tier(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, *TIERED)
    if found:
        objects.remove(found)


def change_priority(rng: random.Random, objects: list[Object]) -> None:
    found = some(rng, objects, "ClusterNetworkPolicy", "AdminNetworkPolicy")
    if found:
        found["spec"]["priority"] = rng.choice((0, 1, 5, 10))


def key(item: Object) -> tuple[str, str, str]:
    """Kind, namespace and name of an object."""
    meta = item["metadata"]
    scoped = item["kind"] in ("Namespace", "Node", *TIERED)
    return item["kind"], "" if scoped else meta.get("namespace") or "default", meta["name"]


# Both sides read, and the truth


FAMILIES = ("10.244.0.0/16", "fd00:10:244::/64")


def models(old: Sequence[Object], new: Sequence[Object], cni: str, cidrs: Sequence[str] = ()) -> tuple[Model, Model]:
    """The models of both sides, with addresses allotted together (D2)."""
    found = model_of(old, cni=cni), model_of(new, cni=cni)
    allot_together(found, cidrs)
    return found


def compared(old: Sequence[Object], new: Sequence[Object], cni: str) -> Comparison:
    """The comparison of two lists of objects."""
    return compare(*models(old, new, cni))


def difference(old: Model, new: Model, outside: Sequence[str] = EXTERNAL) -> tuple[Ports, Ports]:
    """Opened and closed between all that both sides have by name: the set difference of two maps, pod by pod."""
    names = [{f"{e.namespace}/{e.kind}/{e.name}" for e in model.endpoints} for model in (old, new)]
    both = {*names[0] & names[1], *outside}
    was, now = open_ports(old, outside), open_ports(new, outside)
    out: tuple[Ports, Ports] = ({}, {})
    for pair in was.keys() | now.keys():
        if both.issuperset(pair[:2]):
            for found, a, b in ((out[0], now, was), (out[1], was, now)):
                ports = a.get(pair, NO_PORTS) - b.get(pair, NO_PORTS)
                if ports:
                    found[pair] = ports
    return out
