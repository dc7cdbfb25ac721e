"""podwall diff as a whole: the difference of two maps' JSON, causes with places, risks, and what both sides share."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from podwall.errors import InputError
from podwall.ops import diffing
from podwall.ops.diffing import Sides, diff
from podwall.ops.inputs import Inputs, open_cluster
from podwall.ops.mapping import make_map
from tests.diff.pairs import random_pair
from tests.truth.engine import as_json

ROOT = Path(__file__).parents[2]
GOOD, BROKEN = (ROOT / "examples" / "shop" / name for name in ("good", "broken"))
Json = dict[str, Any]


def told(old: object, new: object, **flags: Any) -> Json:
    """The answer as its JSON."""
    found = diff(Inputs(**flags), Sides(str(old), str(new)))
    return dict(msgspec.json.decode(msgspec.json.encode(found.answer)))


def written(folder: Path, name: str, *objects: Json) -> Path:
    path = folder / f"{name}.json"
    path.write_bytes(as_json(objects))
    return path


def namespace(name: str, **labels: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(home: str, name: str, address: str | None = None, **labels: str) -> Json:
    meta = {"namespace": home, "name": name, "labels": labels}
    status = {"phase": "Running", **({"podIP": address} if address else {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": []}, "status": status}


def workload(home: str, name: str, replicas: int = 1, **labels: str) -> Json:
    template = {"metadata": {"labels": labels}, "spec": {"containers": []}}
    spec = {"replicas": replicas, "template": template}
    meta = {"namespace": home, "name": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def policy(home: str, name: str, **spec: Any) -> Json:
    meta = {"namespace": home, "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def pairs(found: list[Json]) -> list[tuple[str, str]]:
    return [(one["src"], one["dst"]) for one in found]


# Against two maps

Edges = set[tuple[str, str, str, int, int]]


def edges(path: Path) -> tuple[set[str], Edges]:
    """The names and the open ports of a map's JSON, one by one family and end of range."""
    opened = open_cluster(Inputs(filenames=(str(path),)))
    found = msgspec.to_builtins(make_map(opened, why=False))
    out = set()
    for one in found["connections"]:
        for port in one["ports"]:
            for family in (port["family"],) if "family" in port else (4, 6):
                for number in (1, 53, 80, 443, 5432, 7070, 8080, 8081, 9090, 65535):
                    if port["port"] <= number <= port["endPort"]:
                        out.add((one["src"], one["dst"], port["protocol"], number, family))
    return {e["name"] for e in found["endpoints"]}, out


def test_the_shop_against_its_maps() -> None:
    (names, was), (others, now) = edges(BROKEN), edges(GOOD)
    assert names == others
    found = told(BROKEN, GOOD)
    for got, want in ((found["opened"], now - was), (found["closed"], was - now)):
        assert set(pairs(got)) == {edge[:2] for edge in want}
    assert found["endpoints"] == {"added": [], "removed": [], "opened": [], "closed": []}


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_names_are_those_of_the_maps(seed: int, tmp_path: Path) -> None:
    """Where all are alone and all have an address, both maps have the names of the difference."""
    objects = [[o for o in side if o["kind"] in ("Namespace", "NetworkPolicy")] for side in random_pair(seed)[:2]]
    fixed = [pod("alpha", f"p{n}", f"10.0.0.{n + 1}", app=("web", "db", "api")[n % 3]) for n in range(4)]
    fixed += [pod("beta", f"p{n}", f"10.1.0.{n + 1}", tier=("front", "back")[n % 2]) for n in range(3)]
    old, new = (written(tmp_path, str(n), *side, *fixed) for n, side in enumerate(objects))
    (names, was), (_, now) = edges(old), edges(new)
    found = told(old, new)
    for got, want in ((found["opened"], now - was), (found["closed"], was - now)):
        inside = {(src, dst) for src, dst in pairs(got) if {src, dst} <= names}
        assert inside == {edge[:2] for edge in want if {*edge[:2]} <= names}
        for one in got:
            if {one["src"], one["dst"]} <= names:
                spans = {(p["protocol"], p["port"], p["endPort"]) for p in one["ports"]}
                ports = {edge[2:4] for edge in want if edge[:2] == (one["src"], one["dst"])}
                assert all(any(q == p and a <= n <= b for q, a, b in spans) for p, n in ports)


# Causes


def test_causes_have_their_places() -> None:
    found = told(BROKEN, GOOD)
    (cause,) = next(one["cause"] for one in found["opened"] if one["dst"] == "shop/catalog")
    assert (cause["kind"], cause["namespace"], cause["name"], cause["edit"]) == (
        "NetworkPolicy",
        "shop",
        "catalog",
        "changed",
    )
    (field,) = cause["fields"]
    assert (field["path"], field["edit"]) == ("spec.ingress[0].from[0]", "added")
    line = Path(field["file"]).read_text().splitlines()[field["line"] - 1]
    assert line.strip().startswith("- ")
    (gone,) = told(GOOD, BROKEN)["closed"][-1]["cause"]
    assert gone["fields"][0]["file"].startswith(
        str(GOOD.relative_to(Path.cwd())) if Path.cwd() in GOOD.parents else "/"
    )
    assert {one["name"] for one in found["edits"]} == {"catalog", "allow-dns", "ledger-db"}


def test_labels_and_replicas_are_causes(tmp_path: Path) -> None:
    deny = policy("a", "deny", podSelector={"matchLabels": {"app": "web"}})
    old = written(
        tmp_path, "old", namespace("a"), deny, workload("a", "one", app="web"), workload("a", "two", app="api")
    )
    new = written(
        tmp_path, "new", namespace("a"), deny, workload("a", "one", app="api"), workload("a", "two", 3, app="api")
    )
    found = told(old, new)
    by_pair = {(one["src"], one["dst"]): one["cause"] for one in found["opened"]}
    (label,) = by_pair["a/two", "a/one"]
    assert (label["kind"], label["name"], label["line"]) == ("Deployment", "one", 1)
    assert [(f["path"], f["entry"], f["edit"]) for f in label["fields"]] == [
        ("spec.template.metadata.labels", "app", "changed")
    ]
    (replicas,) = by_pair["a/two", "a/two"]
    assert [f["path"] for f in replicas["fields"]] == ["spec.replicas"]
    assert found["closed"] == []


def test_labels_of_namespaces_are_causes(tmp_path: Path) -> None:
    allow = policy("a", "p", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"env": "dev"}}}]}])
    both = (allow, pod("a", "web", "10.0.0.1"), pod("b", "web", "10.0.0.2"), namespace("a"))
    old = written(tmp_path, "old", *both, namespace("b", env="prod", other="x"))
    new = written(tmp_path, "new", *both, namespace("b", env="dev", other="y"))
    (one,) = told(old, new)["opened"]
    (cause,) = one["cause"]
    assert (one["src"], one["dst"], one["risks"]) == ("b/web", "a/web", ["other-namespace"])
    assert (cause["kind"], cause["namespace"], cause["name"]) == ("Namespace", "", "b")
    assert [(f["path"], f["entry"]) for f in cause["fields"]] == [("metadata.labels", "env")]


def test_edits_at_both_ends_are_named_by_the_parts_that_did_it(tmp_path: Path) -> None:
    """A port that moves: the new one is open since both ends added it, the old one closed since both removed it."""
    pods = [pod("a", "web", app="web"), pod("a", "api", app="api")]

    def side(name: str, port: int) -> Path:
        ports = [{"port": port}]
        web, api = ({"podSelector": {"matchLabels": {"app": app}}} for app in ("web", "api"))
        out = policy("a", "out", **web, policyTypes=["Egress"], egress=[{"to": [api], "ports": ports}])
        into = policy("a", "into", **api, policyTypes=["Ingress"], ingress=[{"from": [web], "ports": ports}])
        return written(tmp_path, name, *pods, out, into)

    found = told(side("old", 80), side("new", 81))
    for way, edit in (("opened", "added"), ("closed", "removed")):
        (one,) = found[way]
        fields = [(cause["name"], f["path"], f["edit"]) for cause in one["cause"] for f in cause["fields"]]
        assert fields == [("into", "spec.ingress[0].ports[0]", edit), ("out", "spec.egress[0].ports[0]", edit)]


def test_two_edits_that_do_the_same_are_both_named(tmp_path: Path) -> None:
    both = (namespace("a"), pod("a", "web", "10.0.0.1"), pod("a", "api", "10.0.0.2"))
    old = written(tmp_path, "old", *both, policy("a", "one"), policy("a", "two", policyTypes=["Ingress"]))
    found = told(old, written(tmp_path, "new", *both))
    assert {tuple(cause["name"] for cause in one["cause"]) for one in found["opened"]} == {("one", "two")}


# Risks


RISKS = [
    (
        {},
        {"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]},
        {("from-internet", "a/web"), ("other-namespace", "a/web"), ("from-everyone", "a/web")},
    ),
    ({}, {"ingress": [{"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}]}, {("from-internet", "a/web")}),
    ({}, {"ingress": [{"from": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]}]}, set()),
    ({}, {"ingress": [{"from": [{"podSelector": {}}]}]}, set()),
    (
        {},
        {"ingress": [{"from": [{"namespaceSelector": {}}]}]},
        {("other-namespace", "a/web"), ("from-everyone", "a/web")},
    ),
    ({"ingress": [{}]}, {"ingress": [{}], "egress": []}, set()),
    (
        {"ingress": [{}], "egress": [{"to": [{"ipBlock": {"cidr": "10.9.0.0/16"}}]}]},
        {"ingress": [{}], "egress": [{"to": [{"ipBlock": {"cidr": "8.8.8.8/32"}}]}]},
        {("to-internet", "a/web")},
    ),
    (
        {"ingress": [{}], "egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}]},
        {"ingress": [{}], "egress": [{"ports": [{"port": 443}]}]},
        {
            ("dns-lost", "a/web"),
            ("to-internet", "a/web"),
            ("other-namespace", "b/web"),
            ("other-namespace", "kube-system/dns"),
        },
    ),
]


@pytest.mark.parametrize(("before", "after", "risks"), RISKS)
def test_risks(before: Json, after: Json, risks: set[tuple[str, str]], tmp_path: Path) -> None:
    both = [namespace(n) for n in ("a", "b", "kube-system")]
    both += [pod("a", "web", "10.0.0.1", app="web"), pod("b", "web", "10.0.0.2"), pod("a", "near", "10.0.0.3")]
    both.append(pod("kube-system", "dns", "10.0.0.4", **{"k8s-app": "kube-dns"}))
    chosen = {"podSelector": {"matchLabels": {"app": "web"}}}
    old, new = (written(tmp_path, n, *both, policy("a", "p", **chosen, **s)) for n, s in (("o", before), ("n", after)))
    found = told(old, new)["risks"]
    ranks = [diffed["risk"] for diffed in found]
    assert {(one["risk"], one["endpoint"]) for one in found} == risks
    assert ranks == sorted(
        ranks, key=["from-internet", "to-internet", "from-everyone", "to-everyone", "dns-lost", "other-namespace"].index
    )


def test_names_are_no_risk_to_the_name_servers(tmp_path: Path) -> None:
    dns = pod("kube-system", "dns", "10.0.0.4", **{"k8s-app": "kube-dns"})
    both = (namespace("a"), namespace("kube-system"), pod("a", "web", "10.0.0.1"), dns)
    deny = policy("a", "deny", policyTypes=["Egress"])
    asks = policy(
        "a",
        "dns",
        egress=[{"ports": [{"port": 53, "protocol": "UDP"}], "to": [{"namespaceSelector": {}}]}],
        policyTypes=["Egress"],
    )
    found = told(written(tmp_path, "o", *both, deny), written(tmp_path, "n", *both, deny, asks))
    assert (pairs(found["opened"]), found["risks"]) == ([("a/web", "kube-system/dns")], [])


# Endpoints that come and go


def test_added_and_removed_endpoints_stand_apart(tmp_path: Path) -> None:
    both = (namespace("a"), pod("a", "web", "10.0.0.1"))
    old = written(tmp_path, "old", *both, pod("a", "gone", "10.0.0.2"))
    new = written(tmp_path, "new", *both, pod("a", "new", "10.0.0.3"))
    found = told(old, new)
    assert (found["opened"], found["closed"]) == ([], [])
    ends = found["endpoints"]
    assert (ends["added"], ends["removed"]) == (["a/new"], ["a/gone"])
    assert set(pairs(ends["opened"])) == {
        ("a/new", "a/web"),
        ("a/web", "a/new"),
        ("a/new", "0.0.0.0/0"),
        ("0.0.0.0/0", "a/new"),
    }
    assert set(pairs(ends["closed"])) == {
        (s.replace("new", "gone"), d.replace("new", "gone")) for s, d in pairs(ends["opened"])
    }
    assert {(r["risk"], r["endpoint"], r["added"]) for r in found["risks"]} == {
        ("from-internet", "a/new", True),
        ("to-internet", "a/new", True),
    }


def test_a_rollout_is_no_difference(tmp_path: Path) -> None:
    def replica(name: str, code: str, address: str) -> Json:
        made = pod("a", f"web-{code}-{name}", address, app="web", **{"pod-template-hash": code})
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"web-{code}", "controller": True}
        made["metadata"]["ownerReferences"] = [owner]
        return made

    both = (
        namespace("a"),
        policy("a", "p", podSelector={"matchLabels": {"app": "web"}}, ingress=[{"ports": [{"port": 80}]}]),
    )
    old = written(tmp_path, "old", *both, *(replica(f"x{n}", "7d4f9c6b5d", f"10.0.0.{n}") for n in range(1, 4)))
    new = written(tmp_path, "new", *both, *(replica(f"y{n}", "5c8b9f7zzx", f"10.0.1.{n}") for n in range(1, 5)))
    found = told(old, new)
    assert (found["opened"], found["closed"], found["edits"]) == ([], [], [])
    assert found["endpoints"]["added"] == found["endpoints"]["removed"] == []


def test_addresses_are_allotted_over_both_sides(tmp_path: Path) -> None:
    """D2: what comes takes no address that somebody on the other side has."""
    base = [workload("a", f"w{n}") for n in range(6)]
    block = policy("a", "p", ingress=[{"from": [{"ipBlock": {"cidr": "10.244.0.0/30"}}]}])
    old = written(tmp_path, "old", namespace("a"), block, *base[1:])
    new = written(tmp_path, "new", namespace("a"), block, *base)
    found = told(old, new, pod_cidrs=("10.244.0.0/28",))
    assert (found["opened"], found["closed"], found["endpoints"]["added"]) == ([], [], ["a/w0"])


# What both sides share


def test_files_of_both_sides_give_way_to_the_sides_themselves(tmp_path: Path) -> None:
    """A dump holds the policies that OLD and NEW are about, one of them as the API server filled it in."""
    pods = (namespace("a"), pod("a", "web", "10.0.0.1"), pod("a", "api", "10.0.0.2"))
    deny, keep = policy("a", "deny", policyTypes=["Ingress"]), policy("a", "keep", policyTypes=["Egress"])
    filled = policy("a", "deny", podSelector={}, policyTypes=["Ingress"])
    dump = written(tmp_path, "dump", *pods, filled, keep)
    old, new = written(tmp_path, "old", deny), written(tmp_path, "new", policy("a", "other", policyTypes=["Egress"]))
    found = told(old, new, filenames=(str(dump),))
    assert {(one["kind"], one["name"], one["edit"]) for one in found["edits"]} == {
        ("NetworkPolicy", "deny", "removed"),
        ("NetworkPolicy", "other", "added"),
    }
    assert {("0.0.0.0/0", "a/web"), ("0.0.0.0/0", "a/api")} == set(pairs(found["opened"]))
    assert found["closed"] == []


def test_one_namespace(tmp_path: Path) -> None:
    both = [namespace(n) for n in "abc"] + [pod(n, "web", f"10.0.0.{i}") for i, n in enumerate("abc", 1)]
    old = written(tmp_path, "old", *both)
    new = written(tmp_path, "new", *both, *(policy(n, "p") for n in "abc"))
    ends = {(one["src"], one["dst"]) for one in told(old, new, namespace="a")["closed"]}
    names = ("a/web", "b/web", "c/web", "0.0.0.0/0")
    expected = {(s, d) for s, d in itertools.permutations(names, 2) if d != "0.0.0.0/0" and "a/web" in (s, d)}
    assert ends == expected
    everything = {pair for pair in itertools.permutations(names, 2) if pair[1] != "0.0.0.0/0"}
    assert set(pairs(told(old, new, namespace="a", all_namespaces=True)["closed"])) == everything


def test_standard_input_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="standard input can be read once only"):
        told("-", "-")


def test_a_running_cluster_is_named_and_not_taken_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="live: a running cluster is not read yet"):
        diff(Inputs(), Sides("live", str(written(tmp_path, "a", namespace("a")))))


def test_too_many_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffing, "_MOST_PAIRS", 3)
    with pytest.raises(InputError, match="7 pairs of endpoints differ, too many to list: give a namespace with -n"):
        told(BROKEN, GOOD)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_revision_against_the_working_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(BROKEN, tmp_path / "shop")
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, env={**os.environ, **who})
    shutil.copytree(GOOD, tmp_path / "shop", dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    found = told("git:main:shop", "shop")
    plain = told(BROKEN, GOOD)
    assert [pairs(found[way]) for way in ("opened", "closed")] == [pairs(plain[way]) for way in ("opened", "closed")]
    fields = [f for one in found["closed"] for cause in one["cause"] for f in cause["fields"]]
    assert {field["file"] for field in fields if field["edit"] == "removed"} == {"main:shop/payments-policies.yaml"}
    assert json.dumps(found["opened"]).count('"file": "shop/')
