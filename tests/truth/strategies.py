"""Hypothesis strategies for small clusters that shrink well: short lists of pods and policies of few words.

Everything is sampled, first values are the plainest, and nothing depends on anything but the words of vocabulary.py.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.truth.vocabulary import BLOCKS, EXTERNAL, LABELS, NAMESPACE_LABELS, NUMBERS, PORT_NAMES, PROTOCOLS, Object

Drawn = st.SearchStrategy[Any]
SPACES = ("alpha", "beta", "ghost")  # ghost has no Namespace object (D11)
TYPES: tuple[list[str] | None, ...] = (["Ingress"], ["Egress"], ["Ingress", "Egress"], [], None)
NAME_LABEL = "kubernetes.io/metadata.name"


def sampled(*values: object) -> Drawn:
    """One of some values, shrinking to the first."""
    return st.sampled_from(values)


def fields(**optional: Drawn) -> st.SearchStrategy[Object]:
    """A dict in which every key may be absent."""
    return st.fixed_dictionaries({}, optional=optional)


def words(table: dict[str, tuple[str, ...]]) -> st.SearchStrategy[dict[str, str]]:
    """Labels: each key absent, or with one of its values."""
    return fields(**{key: sampled(*values) for key, values in table.items()})


def expressions(table: dict[str, tuple[str, ...]]) -> Drawn:
    """One requirement with each of the four operators."""
    with_values = [
        st.fixed_dictionaries(
            {
                "key": st.just(key),
                "operator": sampled("In", "NotIn"),
                "values": st.lists(sampled(*values), min_size=1, max_size=2, unique=True),
            }
        )
        for key, values in table.items()
    ]
    without = st.fixed_dictionaries({"key": sampled(*table), "operator": sampled("Exists", "DoesNotExist")})
    return st.one_of([without, *with_values])


def selectors(table: dict[str, tuple[str, ...]]) -> Drawn:
    """A label selector; {} and its null and empty fields included (N9)."""
    return st.one_of(
        st.just({}),
        fields(
            matchLabels=st.one_of(words(table), st.none()),
            matchExpressions=st.one_of(st.lists(expressions(table), max_size=1), st.none()),
        ),
    )


def pod_selectors() -> Drawn:
    """Selectors of pods."""
    return selectors(LABELS)


def namespace_selectors() -> Drawn:
    """Selectors of namespaces, by name too (N21)."""
    by_name = st.fixed_dictionaries({"matchLabels": st.fixed_dictionaries({NAME_LABEL: sampled(*SPACES)})})
    return st.one_of(selectors(NAMESPACE_LABELS), by_name)


def blocks() -> Drawn:
    """An ipBlock with excepts strictly inside it (V2)."""
    made = [
        st.fixed_dictionaries(
            {"cidr": st.just(cidr)},
            optional={"except": st.one_of(st.lists(sampled(*inner), max_size=2, unique=True), st.none())},
        )
        for cidr, inner in BLOCKS.items()
    ]
    return st.one_of(made)


def peers() -> Drawn:
    """One entry of from or to (V1)."""
    return st.one_of(
        st.fixed_dictionaries({"podSelector": pod_selectors()}, optional={"namespaceSelector": st.none()}),
        st.fixed_dictionaries({"namespaceSelector": namespace_selectors()}, optional={"podSelector": st.none()}),
        st.fixed_dictionaries({"podSelector": pod_selectors(), "namespaceSelector": namespace_selectors()}),
        st.fixed_dictionaries({"ipBlock": blocks()}),
    )


def ports() -> Drawn:
    """One entry of ports: null, empty, number, range, name (N11, N12, N13)."""
    protocol = {"protocol": sampled(*PROTOCOLS, None)}
    ranges = st.tuples(sampled(*NUMBERS), sampled(0, 1, 1000, 9999)).map(
        lambda p: {"port": p[0], "endPort": p[0] + p[1]}
    )
    return st.one_of(
        st.fixed_dictionaries({"port": sampled(*NUMBERS)}, optional=protocol),
        st.fixed_dictionaries({"port": sampled(*PORT_NAMES)}, optional=protocol),
        ranges,
        fields(**protocol),
        st.none(),
    )


def rules(peer_key: str) -> Drawn:
    """One rule, {} and null included (N6)."""
    lists = {
        peer_key: st.one_of(st.lists(peers(), max_size=2), st.none()),
        "ports": st.one_of(st.lists(ports(), max_size=2), st.none()),
    }
    return st.one_of(fields(**lists), st.none())


def specs() -> Drawn:
    """The spec of a policy in every form (N2, N3, N4)."""
    return fields(
        podSelector=st.one_of(pod_selectors(), st.none()),
        policyTypes=sampled(*TYPES),
        ingress=st.one_of(st.lists(rules("from"), max_size=2), st.none()),
        egress=st.one_of(st.lists(rules("to"), max_size=2), st.none()),
    )


@st.composite
def policies(draw: st.DrawFn, index: int) -> Object:
    """One valid NetworkPolicy."""
    meta = {"namespace": draw(sampled(*SPACES)), "name": f"p{index}"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": draw(specs())}


@st.composite
def pods(draw: st.DrawFn, index: int) -> Object:
    """A running Pod with addresses of one family or both; now and then host-network, pending or finished."""
    number = index + 1
    state = draw(sampled("Running", "Running", "Running", "host", "Pending", "Succeeded"))
    family = draw(sampled((4,), (4, 6), (6,)))
    texts = {4: f"10.244.{1 + index % 2}.{number}", 6: f"fd00:10:244:{1 + index % 2}::{number}"}
    addresses = ["192.168.0.1"] if state == "host" else [texts[f] for f in family]
    names = draw(st.lists(sampled(*PORT_NAMES), max_size=2, unique=True))  # unique in a container
    listed = [
        {"name": n, "containerPort": draw(sampled(*NUMBERS)), "protocol": draw(sampled(*PROTOCOLS))} for n in names
    ]
    spec: Object = {"containers": [{"name": "main", "image": "app:1", "ports": listed}]}
    if state == "host":
        spec["hostNetwork"] = True
    status: Object = {"phase": "Running" if state == "host" else state}
    if state != "Pending":
        spec["nodeName"] = "n1"
        status |= {"hostIP": "192.168.0.1", "podIP": addresses[0], "podIPs": [{"ip": a} for a in addresses]}
    meta = {"namespace": draw(sampled(*SPACES)), "name": f"pod-{index}", "labels": draw(words(LABELS))}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


@st.composite
def clusters(draw: st.DrawFn, most_pods: int = 4, most_policies: int = 3) -> list[Object]:
    """Namespaces, one node, at least one pod, and policies."""
    objects: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": draw(words(NAMESPACE_LABELS))}}
        for n in SPACES[:-1]
    ]
    node = {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]}
    objects.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": node})
    objects += [draw(pods(i)) for i in range(draw(st.integers(1, most_pods)))]
    objects += [draw(policies(i)) for i in range(draw(st.integers(0, most_policies)))]
    return objects


def questions(objects: list[Object]) -> st.SearchStrategy[dict[str, str | int]]:
    """Questions between the pods of a cluster, its node and external addresses."""
    listed = [f"{o['metadata']['namespace']}/{o['metadata']['name']}" for o in objects if o["kind"] == "Pod"]
    ends = sampled(*listed, "node/n1", *EXTERNAL)
    asked = {"src": ends, "dst": ends, "protocol": sampled(*PROTOCOLS), "port": sampled(*NUMBERS, 1, 65535)}
    return st.fixed_dictionaries(asked, optional={"family": sampled(4, 6)})
