"""Lockdowns over what is there: names that are taken, pods that some policy isolates, and what a lockdown left before.

Nothing that is needed closes at any moment, nothing that is closed opens, and nothing that others wrote is replaced.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.applications.application import Application, Connection
from benchmarks.applications.generate import random_application
from podwall.ops.inputs import Inputs
from podwall.ops.locking import Locked, Wanted, lock
from podwall.sources.files import Text
from tests.needs.world import service, workload
from tests.ops.applying import closed_on_the_way
from tests.truth.oracle import Oracle

Manifest = dict[str, Any]
API = (workload("api"), service("api", 8080))
CALLS_API: Manifest = {"containers": [{"name": "main", "env": [{"name": "API_URL", "value": "http://api:8080"}]}]}
WEB = workload("web", **CALLS_API)
_LONG = ".".join(letter * 62 for letter in "abcd")


def policy(name: str, *types: str, namespace: str = "shop", **spec: Any) -> Manifest:
    whole = {"podSelector": {}, **spec, **({"policyTypes": list(types)} if types else {})}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": whole}


def pod(labels: dict[str, str], **meta: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "shop", "labels": labels, **meta},
        "spec": CALLS_API,
    }


def locked(folder: Path, objects: Iterable[Manifest], **wanted: Any) -> Locked:
    path = folder / "in.yaml"
    path.write_text(yaml.safe_dump_all(list(objects)))
    return lock(Inputs(filenames=(str(path),)), Wanted("podwall lockdown", **wanted))


def documents(found: Locked, stage: str = "") -> list[Manifest]:
    texts = (text for name, text in sorted(found.texts.items()) if name.startswith(stage))
    return [document for text in texts for document in yaml.safe_load_all(text)]


def named(found: Locked, stage: str = "") -> list[str]:
    return [document["metadata"]["name"] for document in documents(found, stage)]


@pytest.mark.parametrize(
    "objects",
    [
        [workload("default-deny", **CALLS_API), workload("allow-dns", **CALLS_API)],
        [workload("bracket-egress", **CALLS_API)],
        [workload("web", "StatefulSet", **CALLS_API), workload("web-statefulset", **CALLS_API)],
        [workload("web", "DaemonSet", **CALLS_API), workload("podwall-web", **CALLS_API), policy("web")],
        [policy("web", podSelector={"matchLabels": {"app": "a"}}), policy("podwall-web"), policy("podwall-web-2")],
        [workload(_LONG, **CALLS_API), policy("theirs", podSelector={"matchLabels": {"app": "api"}})],
        [pod({"app": "made"}, generateName="made-")],
    ],
    ids=["ours", "bracket", "kinds", "renamed", "taken", "long", "generated"],
)
def test_every_policy_has_a_name_of_its_own_that_nobody_else_has(objects: list[Manifest], tmp_path: Path) -> None:
    for item in objects:  # each workload with labels of its own
        if "template" in item["spec"]:
            own = {"app": item["metadata"]["name"][:40] + item["kind"]}
            item["spec"]["template"]["metadata"]["labels"] = own
            item["spec"]["selector"] = {"matchLabels": own}
    found = locked(tmp_path, [*API, WEB, *objects])
    assert not found.closed
    assert not found.plan.unwritten
    theirs = [item["metadata"]["name"] for item in objects if item["kind"] == "NetworkPolicy"]
    held = Counter([*named(found), *theirs])
    assert max(held.values()) == 1
    assert max(map(len, held)) <= 253


def test_a_policy_that_is_there_word_for_word_is_not_written_again(tmp_path: Path) -> None:
    theirs = policy(
        "allow-dns",
        "Egress",
        egress=[
            {
                "to": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                    }
                ],
                "ports": [{"protocol": "TCP", "port": 53}, {"protocol": "UDP", "port": 53}],
            }
        ],
    )
    found = locked(tmp_path, [*API, WEB, theirs])
    assert "allow-dns" not in named(found)
    assert not found.closed


def test_a_pod_without_a_label_keeps_others_neither_from_a_bracket_nor_from_a_policy(tmp_path: Path) -> None:
    partly = policy("theirs", podSelector={"matchLabels": {"app": "api"}})
    found = locked(tmp_path, [*API, WEB, partly, pod({}, name="bare")])
    assert named(found, "00-") == ["bracket-egress", "bracket-ingress-web"]
    assert sorted({one.src for one in found.closed}) == ["shop/bare"]
    (api,) = [d for d in documents(found, "20-") if d["metadata"]["name"] == "api"]
    assert api["spec"]["ingress"][0]["from"] == [{"podSelector": {"matchLabels": {"app": "web"}}}]


def test_a_peer_that_nothing_selects_never_becomes_everyone(tmp_path: Path) -> None:
    found = locked(tmp_path, [*API, pod({}, name="bare")])
    rules = [r for d in documents(found, "20-") for side in ("ingress", "egress") for r in d["spec"].get(side, [])]
    assert all(rule.get("from") or rule.get("to") for rule in rules)
    assert found.closed


def test_pods_of_a_workload_that_are_open_have_a_bracket_beside_those_that_are_closed(tmp_path: Path) -> None:
    """Nothing that they need closes, though a policy isolates another pod of the workload."""
    owner = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api", "controller": True, "uid": "1"}]
    meta = {"namespace": "shop", "ownerReferences": owner}
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"api-{n}", "labels": {"app": "api", "track": n}, **meta},
            "spec": {"containers": [{"name": "main"}]},
        }
        for n in ("old", "new")
    ]
    partly = policy("theirs", podSelector={"matchLabels": {"track": "old"}}, ingress=[{"from": [{"podSelector": {}}]}])
    objects = [*pods, API[1], WEB, partly]
    found = locked(tmp_path, objects)
    (bracket,) = [d for d in documents(found, "00-") if d["metadata"]["name"] == "bracket-ingress-api"]
    assert bracket["spec"]["podSelector"] == {"matchLabels": {"track": "new"}}
    assert closed_on_the_way([Text("in.yaml", yaml.safe_dump_all(objects).encode())], found) == {}


def test_dns_that_is_isolated_is_opened_though_its_askers_may_ask_already(tmp_path: Path) -> None:
    dns = workload("coredns", namespace="kube-system")
    dns["spec"]["template"]["metadata"]["labels"] = {"k8s-app": "kube-dns"}
    dns["spec"]["selector"] = {"matchLabels": {"k8s-app": "kube-dns"}}
    theirs = policy("out", "Egress", egress=[{}])
    found = locked(tmp_path, [*API, WEB, dns, theirs, policy("deny", "Ingress", namespace="kube-system")])
    assert not found.closed


def test_one_workload_is_judged_beside_what_was_written_for_others(tmp_path: Path) -> None:
    """The policy of the api is older than its client, whom it closes: to leave it out of the proof would hide that."""
    alone = locked(tmp_path, [*API, WEB.copy() | {"kind": "StatefulSet"}], only="shop/api")
    (api,) = documents(alone, "20-")
    api["spec"].pop("ingress")
    found = locked(tmp_path, [*API, WEB, api], only="shop/web")
    assert [(one.dst, one.by) for one in found.closed] == [("shop/api", ("shop/api",))]


NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "one"},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.10"}]},
}


@pytest.mark.parametrize(("nodes", "drafted"), [([], ()), ([NODE], ("node/one",))], ids=["unknown", "known"])
def test_who_is_on_its_nodes_network_is_asked_about(
    nodes: list[Manifest], drafted: tuple[str, ...], tmp_path: Path
) -> None:
    """No rule can name it, and no verdict be asked about it: it was a need that was proved by nothing."""
    agent = workload("agent", "DaemonSet", **CALLS_API, hostNetwork=True)
    found = locked(tmp_path, [*API, WEB, agent, *nodes])
    (question,) = found.settled.found.questions
    assert (question.key, question.drafted) == ("shop/agent -> shop/api", drafted)
    assert [need.sources.name for need in found.settled.found.needs] == ["web"]


def test_what_many_clients_make_of_one_policy_stays_small(tmp_path: Path) -> None:
    """An annotation has its limit, and assertions are a line for each client, not for each two."""
    clients = [workload(f"client-of-the-api-{number:04}", **CALLS_API) for number in range(300)]
    found = locked(tmp_path, [*API, *clients])
    (api,) = [d for d in documents(found, "20-") if d["metadata"]["name"] == "api"]
    said = api["metadata"]["annotations"]["podwall.io/needs"]
    assert len(said.encode()) < 17_000
    assert "more" in said.splitlines()[-1]
    assert len(api["spec"]["ingress"]) == 1
    assert len(found.expectations.splitlines()) < 1_000
    assert "- shop/* -> shop/api:8080 allow\n" in found.expectations
    assert "shop/* -> shop/client-of-the-api-0007 deny" in found.expectations


def test_a_policy_that_kubectl_cannot_copy_into_an_annotation_is_told(tmp_path: Path) -> None:
    """As with all the ranges of a provider for an answer."""
    pays: Manifest = {
        "containers": [{"name": "main", "env": [{"name": "PAY_URL", "value": "https://pay.example.com"}]}]
    }
    ranges = [f"2001:db8:{'f' * 4}:eeee:dddd:cccc:bbbb:{number:x}/128" for number in range(0x1000, 0x4000, 3)]
    one = {"question": "shop/web -> pay.example.com", "allow": ranges}
    answers = tmp_path / "answers.txt"
    answers.write_text(yaml.safe_dump({"apiVersion": "podwall.io/v1", "kind": "Answers", "answers": [one]}))
    found = locked(tmp_path, [workload("web", **pays)], answers=str(answers))
    assert [note for note in found.plan.notes if "--server-side" in note and note.startswith("shop/web ")]


def declared(application: Application, known: set[str]) -> list[Connection]:
    return [n for n in sorted(application.needs) if {n.source, n.destination} <= known]


def named_workloads(objects: Iterable[Manifest]) -> set[str]:
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job")
    return {f"{o['metadata']['namespace']}/{o['metadata']['name']}" for o in objects if o["kind"] in kinds}


@pytest.mark.parametrize("seed", range(12))
def test_new_policies_over_old_ones_close_nothing_that_stays_needed(seed: int, tmp_path: Path) -> None:
    """A workload comes while the lockdown is in force and its bracket gone: at no object a need of others closes."""
    application = random_application(seed)
    rng = random.Random(seed)
    comes = rng.choice(sorted(w for w in named_workloads(application.objects) if not w.startswith("kube-system/")))
    for name, data in application.texts.items():
        (tmp_path / name).write_bytes(data)
    whole = lock(Inputs(filenames=(str(tmp_path),)), Wanted("podwall lockdown"))
    less = [o for o in application.objects if f"{o['metadata'].get('namespace')}/{o['metadata']['name']}" != comes]
    folder = tmp_path / "old"
    folder.mkdir()
    old = locked(folder, less)
    state = {_key(o): o for o in documents(old) if not _is_bracket(o)}
    stay = declared(application, named_workloads(less))
    before = _closed(application, state.values(), stay)
    for item in documents(whole):
        if not _is_bracket(item):
            state[_key(item)] = item
            assert _closed(application, state.values(), stay) <= before, _key(item)


def _is_bracket(item: Manifest) -> bool:
    return "podwall.io/bracket" in item["metadata"]["labels"]


def _key(item: Manifest) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _closed(application: Application, policies: Iterable[Manifest], needs: Iterable[Connection]) -> set[Connection]:
    oracle = Oracle([*application.objects, *policies])
    asked = ((n, (n.source, n.destination, n.protocol, n.port)) for n in needs)
    return {need for need, question in asked if oracle.verdict(*question)["verdict"] != "allow"}
