import ipaddress
import json
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "clusters.py"
NAME = "kubernetes.io/metadata.name"

SHAPE = ("shape", "--pods", "204", "--pods-per-ns", "17")
HOSTILE = ("hostile", "--pods", "300", "--policies", "120", "--namespaces", "7")
TIERED = (*SHAPE, "--cluster-policies", "20")
QUERIES = ("queries", "--pods", "204", "--pods-per-ns", "17", "--replicas", "3", "--count", "200")

Object = dict[str, Any]


def generated(*arguments: str) -> bytes:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], check=True, capture_output=True, timeout=60).stdout


def items(*arguments: str) -> dict[str, list[Object]]:
    listed = json.loads(generated(*arguments))
    assert (listed["apiVersion"], listed["kind"]) == ("v1", "List")
    kinds: dict[str, list[Object]] = {"Namespace": [], "Pod": [], "NetworkPolicy": [], "ClusterNetworkPolicy": []}
    for item in listed["items"]:
        kinds[item["kind"]].append(item)
    return kinds


def matches(selector: Object, labels: dict[str, str]) -> bool:
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(holds(expression, labels) for expression in selector.get("matchExpressions", []))


def holds(expression: Object, labels: dict[str, str]) -> bool:
    value = labels.get(expression["key"])
    return {
        "In": lambda: value in expression["values"],
        "NotIn": lambda: value not in expression["values"],
        "Exists": lambda: value is not None,
        "DoesNotExist": lambda: value is None,
    }[expression["operator"]]()


def rules(policy: Object, direction: str) -> list[Object]:
    found: list[Object] = policy["spec"].get(direction, [])
    return found


def peers(policy: Object) -> list[Object]:
    ingress = (rule["from"] for rule in rules(policy, "ingress"))
    return list(chain.from_iterable([*ingress, *(rule["to"] for rule in rules(policy, "egress"))]))


@pytest.mark.parametrize(
    "arguments",
    [SHAPE, (*SHAPE, "--full", "--indent", "4"), (*SHAPE, "--format", "yaml"), TIERED, HOSTILE, QUERIES],
    ids=["shape", "shape full", "shape yaml", "shape with tiers", "hostile", "queries"],
)
def test_same_arguments_give_the_same_bytes_and_another_seed_others(arguments: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "out"
    generated(*arguments, "--out", str(file))
    assert generated(*arguments) == file.read_bytes()
    assert generated(*arguments, "--seed", "2") != file.read_bytes()


@pytest.mark.parametrize(
    ("pods", "per_namespace", "policies", "expected"),
    [
        (2000, 20, 8, (102, 2000, 800)),
        (204, 17, 8, (14, 204, 96)),
        (204, 17, 5, (14, 204, 60)),
        (204, 17, 2, (14, 204, 24)),
        (204, 17, 0, (14, 204, 0)),
        (4, 20, 8, (3, 4, 8)),
        (24, 20, 6, (4, 24, 12)),
    ],
)
def test_a_shape_has_the_counts_asked_for(
    pods: int, per_namespace: int, policies: int, expected: tuple[int, int, int]
) -> None:
    found = items("shape", "--pods", str(pods), "--pods-per-ns", str(per_namespace), "--policies-per-ns", str(policies))
    assert tuple(map(len, found.values())) == (*expected, 0)
    budgets = Counter(policy["metadata"]["namespace"] for policy in found["NetworkPolicy"])
    assert set(budgets.values()) <= {policies}


def test_policies_of_the_cluster_come_on_top_in_both_tiers() -> None:
    found = items(*TIERED)
    assert tuple(map(len, found.values())) == (14, 204, 96, 20)
    tiers = Counter(policy["spec"]["tier"] for policy in found["ClusterNetworkPolicy"])
    assert tiers == {"Admin": 16, "Baseline": 4}


def test_a_hostile_cluster_has_the_counts_asked_for_and_no_two_pods_alike() -> None:
    found = items(*HOSTILE)
    assert tuple(map(len, found.values())) == (7, 300, 120, 0)
    assert len({json.dumps(pod["metadata"]["labels"], sort_keys=True) for pod in found["Pod"]}) == 300
    selectors = [peer for policy in found["NetworkPolicy"] for peer in peers(policy) if "ipBlock" not in peer]
    assert all(peer["namespaceSelector"] == {} for peer in selectors)


@pytest.mark.parametrize("arguments", [SHAPE, (*SHAPE, "--replicas", "4", "--full"), (*HOSTILE, "--full")])
def test_objects_are_sound(arguments: tuple[str, ...]) -> None:
    found = items(*arguments)
    names = {namespace["metadata"]["name"] for namespace in found["Namespace"]}
    assert all(namespace["metadata"]["labels"][NAME] in names for namespace in found["Namespace"])
    for kind in ("Pod", "NetworkPolicy"):
        identities = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in found[kind]]
        assert len(set(identities)) == len(identities)
        assert {namespace for namespace, _ in identities} <= names
    addresses = {ipaddress.ip_address(pod["status"]["podIP"]) for pod in found["Pod"]}
    assert len(addresses) == len(found["Pod"])
    for policy in found["NetworkPolicy"]:
        assert_sound(policy)


def assert_sound(policy: Object) -> None:
    spec = policy["spec"]
    assert spec["policyTypes"]
    for direction, side in (("ingress", "from"), ("egress", "to")):
        assert direction not in spec or direction.capitalize() in spec["policyTypes"]
        assert all(rule[side] for rule in rules(policy, direction))
        for port in (port for rule in rules(policy, direction) for port in rule.get("ports", [])):
            assert port["protocol"] in {"TCP", "UDP", "SCTP"}
            assert port.get("endPort", 65535) >= port["port"] if isinstance(port.get("port"), int) else True
    for block in (peer["ipBlock"] for peer in peers(policy) if "ipBlock" in peer):
        outer = ipaddress.IPv4Network(block["cidr"])
        assert all(ipaddress.IPv4Network(inner).subnet_of(outer) for inner in block["except"])


def test_every_selector_of_a_shape_matches_some_pod() -> None:
    found = items(*SHAPE, "--replicas", "2")
    labels_of = {space["metadata"]["name"]: space["metadata"]["labels"] for space in found["Namespace"]}
    pods = [(pod["metadata"]["namespace"], pod["metadata"]["labels"]) for pod in found["Pod"]]
    for policy in found["NetworkPolicy"]:
        own = policy["metadata"]["namespace"]
        assert any(space == own and matches(policy["spec"]["podSelector"], labels) for space, labels in pods)
        for peer in (peer for peer in peers(policy) if "ipBlock" not in peer):
            chosen = peer.get("namespaceSelector", {"matchLabels": {NAME: own}})
            assert any(
                matches(chosen, labels_of[space]) and matches(peer["podSelector"], labels) for space, labels in pods
            )


def test_every_call_between_namespaces_is_allowed_at_both_ends() -> None:
    ends: dict[str, list[str]] = {"out": [], "in": []}
    for policy in items(*SHAPE)["NetworkPolicy"]:
        kind, _, rest = policy["metadata"]["name"].partition("-")
        if kind == "call":
            number, _, end = rest.partition("-")
            ends[end].append(number)
    inside = set(ends["out"]) - set(ends["in"])
    assert set(ends["in"]) <= set(ends["out"])
    assert len(inside) <= 2
    assert len(ends["in"]) > 10


def test_replicas_share_owner_and_labels() -> None:
    owners: dict[tuple[str, str], list[Object]] = {}
    for pod in items(*SHAPE, "--replicas", "5")["Pod"][3:]:
        metadata = pod["metadata"]
        owners.setdefault((metadata["namespace"], metadata["ownerReferences"][0]["uid"]), []).append(metadata["labels"])
    assert Counter(map(len, owners.values())) == {5: 11 * 3 + 2, 2: 11, 4: 1}
    assert all(labels == group[0] for group in owners.values() for labels in group)


def test_full_pods_differ_only_in_what_is_not_read_and_have_the_size_of_real_ones() -> None:
    slim, full = items(*SHAPE)["Pod"], items(*SHAPE, "--full")["Pod"]
    for before, after in zip(slim, full, strict=True):
        assert after["metadata"].items() >= before["metadata"].items()
        assert after["status"].items() >= before["status"].items()
        assert after["spec"]["containers"][0].items() >= before["spec"]["containers"][0].items()
        assert 2_800 < len(json.dumps(after, separators=(",", ":"))) < 3_600


def test_indented_json_is_laid_out_as_kubectl_does() -> None:
    text = generated(*SHAPE, "--full", "--indent", "4").decode()
    assert text == json.dumps(json.loads(text), indent=4, sort_keys=True) + "\n"


def test_queries_name_pods_of_the_shape() -> None:
    pods = items("shape", *QUERIES[1:-2])["Pod"]
    names = {f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in pods}
    asked = [json.loads(line) for line in generated(*QUERIES).splitlines()]
    assert len(asked) == 200
    assert {query[end] for query in asked for end in ("src", "dst")} <= names


@pytest.mark.parametrize("arguments", [("shape", "--pods", "3"), ("shape", "--pods", "9", "--replicas", "0")])
def test_impossible_numbers_are_refused(arguments: tuple[str, ...]) -> None:
    run = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "must" in run.stderr
    assert "Traceback" not in run.stderr
