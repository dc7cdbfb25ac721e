"""podwall snapshot and --snapshot: every answer is the same as from the input, and nothing else is in the file."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podwall.errors import InputError
from podwall.ops.writing import write_whole
from tests.cli.program import ROOT, SHOP, Done, podwall, process
from tests.truth.clusters import random_cluster

VERSIONS = ROOT / "tests" / "sources" / "snapshots"
BROKEN = SHOP / "broken"
BOUTIQUE = ROOT.parent / "shared" / "data" / "online-boutique"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME, namespace: shop, labels: {app: NAME, tier: t}}\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
DENY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, ingress: []}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def snapshot(*arguments: str | Path, target: str = "x.podwall.gz") -> Done:
    done = podwall("snapshot", *arguments, "-o", target)
    assert done.code in (0, 3), done.err
    return done


def content(path: str = "x.podwall.gz") -> Any:
    return json.loads(gzip.decompress(Path(path).read_bytes()))


# ---------------------------------------------------------------------------------------------------------- round trip
def questions(endpoints: list[Any]) -> bytes:
    names = sorted(endpoint["name"] for endpoint in endpoints)[:12]
    asked = ({"src": a, "dst": b, "port": p} for a in names for b in [*names, "203.0.113.9"] for p in (80, 5432))
    return b"".join(json.dumps(question).encode() + b"\n" for question in asked)


def answers(*source: str | Path) -> Iterator[Done]:
    yield (whole := podwall("map", *source, "--why", "-o", "json"))
    for arguments in (
        ("map",),
        ("map", "-o", "json"),
        ("map", "--summary", "-o", "json"),
        ("map", "--why"),
        ("map", "--exposure", "-o", "json"),
        ("map", "--cni", "cilium", "--pod-cidr", "10.9.0.0/16", "-o", "json"),
    ):
        yield podwall(*arguments, *source)
    asked = questions(whole.json["endpoints"])
    yield podwall("verdict", *source, "--queries", "-", "--trace", stdin=asked)


def assert_round_trip(*source: str | Path) -> None:
    snapshot(*source)
    for one, other in zip(answers(*source), answers("--snapshot", "x.podwall.gz"), strict=True):
        assert (other.code, other.out, other.err) == (one.code, one.out, one.err)


@pytest.mark.parametrize("folder", [SHOP / "good", BROKEN, BOUTIQUE, VERSIONS / "version-1.yaml"], ids=lambda p: p.name)
def test_round_trip(folder: Path, here: Path) -> None:
    if not folder.exists():
        pytest.skip(f"needs {folder.name}")
    assert_round_trip("-f", folder)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("form", ["json", "yaml", "lines"])
def test_round_trip_of_random_clusters(seed: int, form: str, here: Path) -> None:
    objects = random_cluster(random.Random(seed), "small", tiers=seed % 2 == 1)
    if form == "json":
        Path("c.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=seed % 5))
    elif form == "yaml":
        Path("c.yaml").write_text("\n---\n".join(json.dumps(item, indent=2) for item in objects))
    else:
        Path("c.json").write_text("\n".join(map(json.dumps, objects)))
    assert_round_trip("-f", ".")


def test_explanations_are_the_same(here: Path) -> None:
    snapshot("-f", BROKEN)
    for asked in (
        ("shop/web", "shop/catalog", "8080"),
        ("shop/web", "shop/cart"),
        ("monitoring/prometheus", "shop/web"),
    ):
        one, other = (
            podwall("explain", *asked, *source, "-o", "json")
            for source in (("-f", BROKEN), ("--snapshot", "x.podwall.gz"))
        )
        assert (other.code, other.out) == (one.code, one.out)


def test_an_excerpt_is_the_rule_as_yaml_with_the_lines_that_it_had(here: Path) -> None:
    snapshot("-f", BROKEN)
    text = podwall("explain", "shop/web", "shop/catalog", "8080", "--snapshot", "x.podwall.gz").out
    assert "\n  > 78 |   - protocol: TCP\n    78 |     port: 8080\n" in text
    original = podwall("explain", "shop/web", "shop/catalog", "8080", "-f", BROKEN).out
    assert "\n  > 78 |   - {protocol: TCP, port: 8080}\n" in original


def test_a_snapshot_of_a_snapshot(here: Path) -> None:
    snapshot("-f", BROKEN, "--with-topology", "--cni", "cilium", "--taken", "2026-07-31T20:00:00+02:00")
    snapshot("--snapshot", "x.podwall.gz", "--with-topology", target="y.podwall.gz")
    assert content("y.podwall.gz") == content()
    assert content()["header"]["taken"] == "2026-07-31T18:00:00Z"


def test_the_same_input_gives_the_same_bytes(here: Path) -> None:
    paths = sorted(BROKEN.iterdir())
    for number, order in enumerate((paths, paths[::-1], [BROKEN])):
        snapshot(*(part for path in order for part in ("-f", path)), target=f"{number}.gz")
    assert len({Path(f"{number}.gz").read_bytes() for number in range(3)}) == 1


def test_the_version_of_the_fixtures_is_read(here: Path) -> None:
    for path in sorted(VERSIONS.glob("*.podwall.gz")):
        text = path.with_name(path.name.replace(".podwall.gz", ".yaml"))
        one = podwall("map", "--snapshot", path, "--why", "-o", "json").json
        other = podwall("map", "-f", text, "--cni", "cilium", "--why", "-o", "json").json
        for found in (one, other):
            for connection in found["connections"]:
                for ref in [*connection["egressBy"], *connection["ingressBy"]]:
                    if isinstance(ref, dict):
                        ref["file"], ref["owner"] = Path(ref["file"]).name, ref["owner"].rpartition("/")[2]
        assert one == other


# --------------------------------------------------------------------------------------------------------- what is said
def test_what_was_said_is_said_again(here: Path) -> None:
    kind = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p}\n"
    slip = DENY.replace("ingress: []", "ingres: []").replace("name: deny", "name: slip")
    wide = DENY.replace("ingress: []", "ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/8}}]}]")
    bad = DENY.replace("ingress: []", "ingress: [{ports: [{port: 0}]}]").replace("name: deny", "name: bad")
    (here / "in").mkdir()
    (here / "in" / "a.yaml").write_text("---\n".join([POD.replace("NAME", "a"), kind, kind, slip, wide, bad]))
    (here / "in" / "values.yaml").write_text("a: 1\n")
    (here / "in" / "chart").mkdir()
    (here / "in" / "chart" / "Chart.yaml").write_text("name: c\n")
    assert snapshot("-f", "in", "--skip-invalid").code == 3
    one = podwall("map", "-f", "in", "--skip-invalid", "-o", "json")
    other = podwall("map", "--snapshot", "x.podwall.gz", "-o", "json")
    assert (other.code, other.out, other.err) == (one.code, one.out, one.err)
    assert other.code == 3
    assert len(other.json["incomplete"]) == 4
    assert podwall("map", "--snapshot", "x.podwall.gz", "--ignore-kinds").code == 0
    assert podwall("map", "--snapshot", "x.podwall.gz", "--ignore-kinds", "--strict").code == 3


def test_invalid_input_is_not_written(here: Path) -> None:
    (here / "a.yaml").write_text(DENY.replace("ingress: []", "ingress: [{ports: [{port: 0}]}]"))
    assert podwall("snapshot", "-f", "a.yaml", "-o", "x.gz").code == 2
    assert not (here / "x.gz").exists()


def test_the_namespace_and_the_network_stay(here: Path) -> None:
    (here / "a.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
    snapshot("-f", "a.yaml", "-n", "shop", "--cni", "cilium", "--pod-cidr", "10.9.0.0/16")
    found = podwall("map", "--snapshot", "x.podwall.gz", "-o", "json").json
    assert (found["profile"], found["endpoints"][0]["name"]) == ("cilium", "shop/a")
    assert found["endpoints"][0]["addresses"][0].startswith("10.9.")
    assert (
        podwall("map", "--snapshot", "x.podwall.gz", "--cni", "kubernetes", "-o", "json").json["profile"]
        == "kubernetes"
    )
    said = podwall("map", "--snapshot", "x.podwall.gz", "-v", "--summary").err
    assert "x.podwall.gz: snapshot, 1 objects of 1 texts\n" in said


# -------------------------------------------------------------------------------------------------------- secrets
PLANTED = "pl4nted"
OPEN = "0penly"
SECRETS = f"""# {PLANTED} in a comment
apiVersion: v1
kind: Secret
metadata: {{name: s, namespace: shop}}
data: {{password: {PLANTED}}}
stringData: {{password: {PLANTED}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: c, namespace: shop, annotations: {{a: {PLANTED}}}}}
data: {{url: {OPEN}}}
binaryData: {{b: {PLANTED}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: p
  namespace: shop
  uid: {PLANTED}
  annotations: {{a: {PLANTED}, prometheus.io/path: {OPEN}}}
  managedFields: [{{manager: {PLANTED}}}]
spec: &pod
  hostname: {PLANTED}
  serviceAccountName: web
  imagePullSecrets: [{{name: {PLANTED}}}]
  volumes: [{{name: {PLANTED}, hostPath: {{path: {PLANTED}}}}}]
  containers:
  - name: web
    image: {OPEN}
    command: [{OPEN}]
    args: [--password={OPEN}]
    env:
    - {{name: URL, value: {OPEN}}}
    - {{name: KEY, valueFrom: {{secretKeyRef: {{name: the-secret, key: k}}}}}}
    ports: [{{containerPort: 80, name: http, hostIP: 10.0.0.1}}]
    livenessProbe: {{httpGet: {{path: /x, port: 80, httpHeaders: [{{name: A, value: {PLANTED}}}]}}}}
    lifecycle: {{preStop: {{exec: {{command: [{PLANTED}]}}}}}}
    volumeMounts: [{{name: {PLANTED}, mountPath: {PLANTED}}}]
status: {{podIP: 10.0.0.9, message: {PLANTED}, containerStatuses: [{{name: {PLANTED}}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: d, namespace: shop, labels: {{l: {PLANTED}}}, annotations: {{last-applied: {PLANTED}}}}}
spec:
  template:
    metadata: {{labels: {{app: d}}, annotations: {{a: {PLANTED}}}}}
    spec:
      containers:
      - {{name: d, image: {OPEN}, env: [{{name: A, value: {OPEN}}}], securityContext: {{x: {PLANTED}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: s, namespace: shop, labels: {{l: {PLANTED}}}, annotations: {{a: {PLANTED}}}}}
spec: {{selector: {{app: d}}, sessionAffinity: {PLANTED}, ports: [{{port: 80}}]}}
---
apiVersion: v1
kind: Node
metadata: {{name: node, annotations: {{a: {PLANTED}}}}}
spec: {{providerID: {PLANTED}}}
status: {{nodeInfo: {{kernelVersion: {PLANTED}}}, addresses: [{{type: InternalIP, address: 10.1.1.1}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p, namespace: shop, labels: {{l: {PLANTED}}}, annotations: {{a: {PLANTED}, podwall.io/owner: me}}}}
spec: {{podSelector: {{}}, extra: {PLANTED}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: i, namespace: shop, annotations: {{a: {PLANTED}}}}}
spec: {{rules: [{{host: {OPEN}.example}}]}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {{name: c, namespace: shop}}
spec: {{secretName: {PLANTED}}}
"""


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_no_secret_gets_in(form: str, here: Path) -> None:
    if form == "yaml":
        (here / "a.yaml").write_text(SECRETS)
    else:
        from podwall.text.yaml import documents

        items = [document.value for document in documents(SECRETS.encode(), "a")]
        (here / "a.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    snapshot("-f", ".")
    text = json.dumps(content())
    assert PLANTED not in text
    assert OPEN not in text
    snapshot("-f", ".", "--with-topology", target="t.gz")
    text = json.dumps(content("t.gz"))
    assert PLANTED not in text
    assert text.count(OPEN) == 9
    topology = {(item["kind"], item["metadata"]["name"]) for item in content("t.gz")["topology"]}
    assert topology == {("ConfigMap", "c"), ("Pod", "p"), ("Deployment", "d"), ("Ingress", "i")}
    assert "the-secret" in text  # whose it is may be told, not what it is
    maps = [podwall("map", "--snapshot", name, "-o", "json").out for name in ("x.podwall.gz", "t.gz")]
    assert maps[0] == maps[1]


def test_labels_that_no_selector_asks_for(here: Path) -> None:
    policy = DENY.replace("podSelector: {}", "podSelector: {matchLabels: {app: a}}")
    (here / "a.yaml").write_text("---\n".join([NAMESPACE, POD.replace("NAME", "a"), POD.replace("NAME", "b"), policy]))
    for arguments, labels in (
        ((), {"app", "tier"}),
        (("--used-labels",), {"app"}),
        (("--label", "tier"), {"app", "tier"}),
        (("--label", "other"), {"app"}),
    ):
        snapshot("-f", "a.yaml", *arguments)
        found = podwall("map", "--snapshot", "x.podwall.gz", "-o", "json")
        assert (found.code, found.err) == (0, "")
        assert found.json["endpoints"][0]["labels"].keys() == labels
        original = podwall("map", "-f", "a.yaml", "-o", "json").json
        assert found.json["connections"] == original["connections"]


def test_a_selector_that_asks_for_a_label_that_is_gone_is_no_quiet_miss(here: Path) -> None:
    (here / "a.yaml").write_text(f"{NAMESPACE}---\n{POD.replace('NAME', 'a')}")
    (here / "p.yaml").write_text(DENY.replace("podSelector: {}", "podSelector: {matchLabels: {tier: t}}"))
    snapshot("-f", "a.yaml", "--used-labels")
    done = podwall("map", "--snapshot", "x.podwall.gz", "-f", "p.yaml", "-o", "json")
    assert (done.code, done.json["incomplete"]) == (
        3,
        ["the snapshot was written without labels that a selector asks for: tier"],
    )
    snapshot("--snapshot", "x.podwall.gz", "--label", "tier", target="y.gz")  # which does not bring it back
    assert podwall("map", "--snapshot", "y.gz", "-f", "p.yaml").code == 3


# -------------------------------------------------------------------------------------------------- as an input
def test_a_file_beside_a_snapshot_adds_and_replaces(here: Path) -> None:
    (here / "a.yaml").write_text("---\n".join([NAMESPACE, POD.replace("NAME", "a"), POD.replace("NAME", "b"), DENY]))
    snapshot("-f", "a.yaml")
    (here / "new.yaml").write_text(DENY.replace("ingress: []", "ingress: [{}]"))
    done = podwall("map", "--snapshot", "x.podwall.gz", "-f", "new.yaml", "--why", "-o", "json", "-v")
    pairs = {(c["src"], c["dst"]) for c in done.json["connections"]}
    assert {("shop/a", "shop/b"), ("shop/b", "shop/a")} <= pairs
    assert "1 objects of the snapshot give way to those of the same name in the files" in done.err
    (ref,) = next(c for c in done.json["connections"] if (c["src"], c["dst"]) == ("shop/a", "shop/b"))["ingressBy"]
    assert (ref["file"], ref["line"]) == ("new.yaml", 1)
    (here / "more.yaml").write_text(POD.replace("NAME", "c"))
    done = podwall("map", "--snapshot", "x.podwall.gz", "-f", "more.yaml", "-o", "json")
    assert [endpoint["name"] for endpoint in done.json["endpoints"]] == ["shop/a", "shop/b", "shop/c"]


def test_the_place_of_a_changed_file_is_its_own(here: Path) -> None:
    (here / "a.yaml").write_text(f"{NAMESPACE}---\n{POD.replace('NAME', 'a')}---\n{DENY}")
    snapshot("-f", "a.yaml")
    (here / "a.yaml").write_text(f"# moved\n\n{DENY.replace('ingress: []', 'ingress: [{}]')}")
    done = podwall("map", "--snapshot", "x.podwall.gz", "-f", "a.yaml", "--why", "-o", "json")
    lines = {
        ref["line"] for c in done.json["connections"] if isinstance(c["ingressBy"], list) for ref in c["ingressBy"]
    }
    assert lines == {3}


def test_two_snapshots_that_disagree(here: Path) -> None:
    for name, label in (("a", "first"), ("b", "second")):
        (here / "f.yaml").write_text(POD.replace("NAME", "a").replace("tier: t", f"tier: {label}"))
        snapshot("-f", "f.yaml", target=f"{name}.gz")
    assert podwall("map", "--snapshot", "a.gz", "--snapshot", "a.gz").code == 0
    done = podwall("map", "--snapshot", "a.gz", "--snapshot", "b.gz")
    assert (done.code, "differs from another Pod shop/a" in done.err) == (2, True)


def test_recognized_wherever_it_is_given(here: Path) -> None:
    snapshot("-f", BROKEN)
    expected = podwall("map", "--snapshot", "x.podwall.gz", "-o", "json").out
    data = (here / "x.podwall.gz").read_bytes()
    (here / "any.name").write_bytes(data)
    (here / "plain.json").write_bytes(gzip.decompress(data))
    for arguments in (("-f", "x.podwall.gz"), ("-f", "any.name"), ("-f", "plain.json"), ("--snapshot", "plain.json")):
        assert podwall("map", *arguments, "-o", "json").out == expected
    for flag in ("-f", "--snapshot"):
        assert podwall("map", flag, "-", "-o", "json", stdin=data).out == expected


WRONG = [
    ("cut.gz", "is not a whole gzip file"),
    ("text.yaml", "is not a snapshot; `podwall snapshot -o FILE` writes one, files are given with -f"),
    ("none.gz", "cannot be read: No such file or directory"),
    ("folder", "is not a snapshot; `podwall snapshot -o FILE` writes one, files are given with -f"),
    ("new.gz", "is a snapshot of version 2, and this Podwall reads up to 1: upgrade it"),
]


@pytest.mark.parametrize(("name", "said"), WRONG)
def test_what_is_no_snapshot(name: str, said: str, here: Path) -> None:
    snapshot("-f", BROKEN)
    data = (here / "x.podwall.gz").read_bytes()
    (here / "cut.gz").write_bytes(data[: len(data) // 2])
    (here / "text.yaml").write_text(POD)
    (here / "folder").mkdir()
    (here / "folder" / "a.yaml").write_text(POD)
    (here / "new.gz").write_bytes(gzip.compress(gzip.decompress(data).replace(b'"version":1', b'"version":2')))
    done = podwall("map", "--snapshot", name)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert name in done.err


ODD: list[Any] = [
    None,
    0,
    -1,
    99999,
    10**12,
    "",
    "x",
    "10.0.0.0/33",
    "::/0",
    [],
    {},
    [None],
    [{}],
    {"": ""},
    True,
    1.5,
    "a" * 300,
]


def mutated(value: Any, rng: random.Random) -> Any:
    """The content of a snapshot with something in it taken away, doubled or replaced."""
    out = json.loads(json.dumps(value))
    places: list[tuple[Any, Any]] = [(out, key) for key in out]
    for held, key in places:  # grows while it is gone through
        inner = held[key]
        keys = inner.keys() if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        places += [(inner, each) for each in keys]
    held, key = rng.choice(places)
    match rng.randrange(4):
        case 0:
            del held[key]
        case 1 if isinstance(held, list):
            held.append(held[key])
        case _:
            held[key] = rng.choice(ODD)
    return out


@pytest.mark.parametrize("block", range(6))
def test_whatever_is_in_a_snapshot_is_refused_or_answered(block: int, here: Path) -> None:
    rng = random.Random(block)
    objects = random_cluster(rng, "small", tiers=block % 2 == 1)
    Path("c.yaml").write_text("\n---\n".join(json.dumps(item, indent=2) for item in objects))
    snapshot("-f", "c.yaml", "--with-topology")
    whole = content()
    for _ in range(40):
        odd = mutated(whole, rng)
        if isinstance(odd.get("header"), dict):
            odd["header"]["admitted"] = True  # then nobody looks at its policies once more
        Path("odd.gz").write_bytes(gzip.compress(json.dumps(odd, separators=(",", ":")).encode(), 1))
        for arguments in (("map", "--why"), ("check",), ("snapshot", "-o", "y.gz", "--force")):
            done = podwall(*arguments, "--snapshot", "odd.gz")
            assert done.code in (0, 1, 2, 3), (odd, done.err)


def test_a_block_that_is_no_cidr_means_nobody(here: Path) -> None:
    """What an API server is said to have checked is not checked again, and fails closed."""
    block = DENY.replace("ingress: []", "ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]")
    Path("c.yaml").write_text("---\n".join((NAMESPACE, POD.replace("NAME", "a"), POD.replace("NAME", "b"), block)))
    snapshot("-f", "c.yaml")
    changed = {**content(), "header": {"admitted": True}}
    odd = json.dumps(changed, separators=(",", ":")).replace('"10.0.0.0/8"', '""')
    Path("odd.gz").write_bytes(gzip.compress(odd.encode()))
    assert podwall("check", "--snapshot", "odd.gz").code in (0, 1)
    assert podwall("map", "--snapshot", "odd.gz", "-o", "json", "--to", "shop/a").json["connections"] == []


def test_standard_input_once(here: Path) -> None:
    done = podwall("map", "--snapshot", "-", "-f", "-")
    assert (done.code, done.err) == (2, "error: standard input can be given once only: -f - or --snapshot -\n")
    assert podwall("verdict", "--snapshot", "-", "--queries", "-").code == 2


# ------------------------------------------------------------------------------------------------------- the file
def test_only_a_snapshot_is_overwritten(here: Path) -> None:
    (here / "notes").write_text("mine\n")
    done = podwall("snapshot", "-f", BROKEN, "-o", "notes")
    assert (done.code, (here / "notes").read_text()) == (2, "mine\n")
    assert done.err == "error: notes is there already and is no snapshot: choose another name, or give --force\n"
    assert snapshot("-f", BROKEN, "--force", target="notes").code == 0
    assert snapshot("-f", BROKEN, target="notes").out.startswith("notes: 47 objects in ")
    (here / "link").symlink_to("notes")
    before = (here / "notes").stat().st_ino
    snapshot("-f", SHOP / "good", target="link")
    assert (here / "link").is_symlink()
    assert (here / "notes").stat().st_ino != before


def test_standard_output(here: Path) -> None:
    snapshot("-f", BROKEN)
    with process("snapshot", "-f", BROKEN, "-o", "-", stdout=subprocess.PIPE) as started:
        out, _ = started.communicate(timeout=60)
    assert started.returncode == 0
    assert out == Path("x.podwall.gz").read_bytes()


@pytest.mark.parametrize("target", ["no/folder/x.gz", "."])
def test_a_place_that_cannot_be_written_to(target: str, here: Path) -> None:
    done = podwall("snapshot", "-f", BROKEN, "-o", target)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {target}: cannot be written: ")


def test_written_whole_or_not_at_all(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = here / "x"
    write_whole(path, b"old")
    path.chmod(0o640)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="x: cannot be written: No space left on device"):
        write_whole(path, b"new")
    assert [entry.name for entry in here.iterdir()] == ["x"]
    assert path.read_bytes() == b"old"
    monkeypatch.undo()
    write_whole(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)


def test_times(here: Path) -> None:
    for given, told in (("2026-01-02", "2026-01-02T00:00:00Z"), ("2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z")):
        snapshot("-f", BROKEN, "--taken", given)
        assert content()["header"]["taken"] == told
    snapshot("-f", BROKEN, "--taken", "now")
    assert content()["header"]["taken"].startswith("20")
    assert f"taken {content()['header']['taken']}" in podwall("map", "--snapshot", "x.podwall.gz", "-v").err
    done = podwall("snapshot", "-f", BROKEN, "-o", "x.podwall.gz", "--taken", "yesterday")
    assert (done.code, "--taken yesterday: expected `now`" in done.err) == (2, True)
