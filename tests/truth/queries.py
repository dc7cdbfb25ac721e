"""Random questions about a cluster: references of every form, ports that rules and containers mention."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.truth.picture import TIER_KINDS, get, key_of, several_items
from tests.truth.targets import parse_address
from tests.truth.vocabulary import DOMAINS, EXTERNAL, NUMBERS, PORT_NAMES, PROTOCOLS, Object, maybe

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")
EDGES = tuple(sorted({n + d for n in NUMBERS for d in (-1, 0, 1, 30, 31)} | {1, 65535}))
ODD = ("nowhere/nothing", "nothing", "node/nowhere", "alpha/service/nothing", "not a reference/x/y/z")


def random_queries(rng: random.Random, objects: Sequence[Object], n: int) -> list[dict[str, str | int]]:
    """`n` questions with src, dst, protocol, port and sometimes family; some have no answer."""
    ends = sorted(set(references(objects)))
    services = [o for o in objects if o["kind"] == "Service"]
    return [random_query(rng, ends, services) for _ in range(n)]


def random_query(rng: random.Random, ends: Sequence[str], services: Sequence[Object]) -> dict[str, str | int]:
    """One question."""
    src = rng.choice(ends)
    fitting = [e for e in ends if version(e) is None or version(e) == (version(src) or version(e))]
    query: dict[str, str | int] = {"src": src, "dst": src if maybe(rng, 0.08) else rng.choice(fitting)}
    query |= {"protocol": rng.choice((*PROTOCOLS, "TCP", "TCP")), "port": rng.choice(EDGES)}
    if version(str(query["dst"])) is None and maybe(rng, 0.15):
        query["port"] = rng.choice(PORT_NAMES)
    if services and maybe(rng, 0.2):
        service = rng.choice(services)
        port = rng.choice(service["spec"]["ports"])
        query["dst"] = f"{namespace_of(service)}/service/{key_of(service)[2]}"
        query["port"] = port["port"] if maybe(rng, 0.8) else port["name"]
        query["protocol"] = port.get("protocol", "TCP")
        if maybe(rng, 0.1):
            query["src"] = query["dst"]
    if maybe(rng, 0.1):
        query["family"] = rng.choice((4, 6))
    if maybe(rng, 0.02):
        query[rng.choice(("src", "dst"))] = rng.choice(ODD)
    return query


def version(reference: str) -> int | None:
    """The family of a reference that is an address."""
    address = parse_address(reference)
    return address.version if address else None


def namespace_of(obj: Object) -> str:
    """An object's namespace, default where it names none (D12)."""
    return key_of(obj)[0] or "default"


def references(objects: Sequence[Object]) -> Iterator[str]:
    """Everything that can be asked about, but Services by name."""
    pods = {parse_address(i["ip"]) for o in objects for i in several_items(o, "status", "podIPs")}
    families = {a.version for a in pods if a} or {4}  # bare workloads get IPv4 (D2)
    yield from (a for a in EXTERNAL if version(a) in families)
    if any(o["kind"] in TIER_KINDS for o in objects):  # nothing but the tiers goes by name
        yield from (*DOMAINS, "Www.Example.com.", "*.example.com")
    for obj in objects:
        name = key_of(obj)[2]
        where = f"{namespace_of(obj)}/{name}"
        if obj["kind"] == "Node":
            yield f"node/{name}"
            yield from (a["address"] for a in obj["status"]["addresses"] if a["type"] == "InternalIP")
        elif obj["kind"] == "Service":
            yield from several_items(obj, "spec", "clusterIPs")
        elif obj["kind"] == "Pod":
            yield where
            yield from (i["ip"] for i in several_items(obj, "status", "podIPs"))
            refs = several_items(obj, "metadata", "ownerReferences")
            if refs:
                stem = refs[0]["name"]
                cut = stem.rpartition("-")[0] if refs[0]["kind"] == "ReplicaSet" and stem.count("-") == 2 else stem
                yield f"{namespace_of(obj)}/{cut}"
            if get(obj, "spec", "hostNetwork"):
                yield f"{namespace_of(obj)}/Pod/{name}"
        elif obj["kind"] in WORKLOADS:
            yield where
            yield f"{namespace_of(obj)}/{obj['kind']}/{name}"
