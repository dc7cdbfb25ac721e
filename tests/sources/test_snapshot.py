"""The snapshot format: what is kept, versions, damaged files, and that the same input gives the same bytes."""

from __future__ import annotations

import gzip
import json
import types
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from podwall.api import kinds
from podwall.cluster.objects import Located, Origin
from podwall.errors import InputError
from podwall.sources import files, gzipped
from podwall.sources.kept import Kept
from podwall.sources.reduced import fields_of, keys_of_selectors, permitted, reduced
from podwall.sources.snapshot import VERSION, Content, Header, Said, Source, Unanalyzed, read, write
from tests.sources.reading import read as read_text

VERSIONS = Path(__file__).parent / "snapshots"
EMPTY = Content(Header(), (), Said(), [], [], {})


def changed(content: bytes, **parts: Any) -> bytes:
    """A snapshot with some of its parts changed."""
    whole = json.loads(content) | parts
    return json.dumps(whole, separators=(",", ":")).encode()


# ------------------------------------------------------------------------------------------------------------ versions
def test_every_version_has_a_fixture() -> None:
    assert sorted(path.name for path in VERSIONS.glob("*.podwall.gz")) == [
        f"version-{number}.podwall.gz" for number in range(1, VERSION + 1)
    ]


def test_version_1() -> None:
    found = read(gzip.decompress((VERSIONS / "version-1.podwall.gz").read_bytes()), "version-1")
    assert (found.header.cni, found.header.admitted, found.header.labels, found.header.topology) == (
        "cilium",
        False,
        None,
        False,
    )
    objects = read_text((VERSIONS / "version-1.yaml").read_text(), "version-1.yaml")
    assert len(found.objects) == len(objects.decoder.objects)
    names = {type(located.object).__name__ for located in found.objects}
    assert {"NetworkPolicy", "ClusterNetworkPolicy", "BaselineAdminNetworkPolicy", "CronJob", "EndpointSlice"} <= names


@pytest.mark.parametrize("number", [0, 2, 99, -1])
def test_another_version_is_named(number: int) -> None:
    with pytest.raises(InputError, match=rf"^x.gz: is a snapshot of version {number}, and this Podwall reads up to 1"):
        read(changed(write(EMPTY), version=number), "x.gz")


# ------------------------------------------------------------------------------------------------------------- damaged
POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}}
DAMAGED: list[dict[str, Any]] = [
    {"version": "1"},
    {"objects": [POD]},
    {"objects": [POD], "places": [[0, 1]]},
    {"objects": [POD], "places": [[-1, 1]], "sources": [{"name": "a"}]},
    {"objects": [{"kind": "Pood"}], "places": [[0, 1]], "sources": [{"name": "a"}]},
    {"objects": [{**POD, "apiVersion": ""}], "places": [[0, 1]], "sources": [{"name": "a"}]},
    {"objects": [{**POD, "kind": "AdminNetworkPolicy"}], "places": [[0, 1]], "sources": [{"name": "a"}]},
    {"fields": [[0, {}]]},
    {"fields": [[-1, {}]]},
    {"objects": [POD], "places": [[0, 1]], "sources": [{"name": "a"}], "fields": [[0, {"spec": "1"}]]},
    {"objects": [POD], "places": [[0, 1]], "sources": [{"name": "a"}], "fields": [[0, [1]]]},
    {"topology": ["ConfigMap"]},
    {"sources": {}},
    {"said": {"unanalyzed": [1]}},
    {"header": []},
]


@pytest.mark.parametrize("parts", DAMAGED, ids=str)
def test_a_damaged_snapshot_is_an_error(parts: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^x.gz: is a damaged snapshot: "):
        read(changed(write(EMPTY), **parts), "x.gz")


def test_a_cut_snapshot_is_an_error() -> None:
    whole = write(EMPTY)
    for end in range(len(files.SNAPSHOT), len(whole)):
        with pytest.raises(InputError, match=r"^x.gz: is a damaged snapshot: "):
            read(whole[:end], "x.gz")


@pytest.mark.parametrize("data", [b"", b"{}", b"apiVersion: v1", b'{"apiVersion":"v1","kind":"List","items":[]}'])
def test_what_is_no_snapshot(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^x: is not a snapshot; "):
        read(data, "x")


def test_deep_brackets_are_an_error() -> None:
    with pytest.raises(InputError, match=r"^x: is a damaged snapshot"):
        read(files.SNAPSHOT + b'"version":1,"header":' + b"[" * 100_000, "x")


# ---------------------------------------------------------------------------------------------------------------- gzip
def test_packed_the_same_each_time() -> None:
    data = b"podwall" * 1000
    assert gzipped.pack(data) == gzipped.pack(data)
    assert gzipped.pack(data)[4:8] == bytes(4)  # no time
    assert gzip.decompress(gzipped.pack(data)) == data


def test_cut_packed_data_is_an_error() -> None:
    packed = gzipped.pack(b"podwall" * 1000)
    for end in range(len(packed)):
        with pytest.raises(InputError, match=r"^x: is not a whole gzip file") if end else pytest.raises(InputError):
            gzipped.unpack(packed[:end] or b"\x1f", "x", lambda _: 1 << 20)


def test_a_bomb_stops_at_the_bound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "_MAX_SNAPSHOT", 1 << 20)
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(files.SNAPSHOT + b" " * (1 << 25)))
    with pytest.raises(InputError, match=r"bomb.gz: unpacks to more than 1 MiB$"):
        list(files.read(str(bomb)))
    bomb.write_bytes(gzip.compress(b"{" + b" " * (1 << 25)))  # other files may be larger
    assert len(list(files.read(str(bomb)))) == 1


# ------------------------------------------------------------------------------------------------------------- reduced
def structs_below(annotation: Any, found: set[type[msgspec.Struct]]) -> None:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        if annotation not in found:
            found.add(annotation)
            for field in msgspec.structs.fields(annotation):
                if field.name in fields_of(annotation):
                    structs_below(field.type, found)
    elif isinstance(annotation, types.UnionType) or typing.get_origin(annotation) in (list, dict, typing.Union):
        for inner in typing.get_args(annotation):
            structs_below(inner, found)


def test_every_field_of_the_api_is_decided_about() -> None:
    found: set[type[msgspec.Struct]] = set()
    structs_below(kinds.KubernetesObject, found)
    left_out = {
        f"{struct.__name__}.{field.name}"
        for struct in found
        for field in msgspec.structs.fields(struct)
        if field.name not in fields_of(struct)
    }
    # A field that comes to be read of the API is either kept by a snapshot or named here.
    assert left_out == {
        "AdminNetworkPolicy.status",
        "BaselineAdminNetworkPolicy.status",
        "ClusterNetworkPolicy.status",
        "NetworkPolicy.status",
    }
    assert all(hasattr(struct, name) for struct in found for name in fields_of(struct))


def plain(text: str, keep: Any = None) -> Any:
    (located,) = read_text(text).decoder.objects
    return msgspec.to_builtins(reduced(located.object, "shop", keep))


def test_labels_and_annotations_that_nobody_reads_go() -> None:
    service = """{apiVersion: v1, kind: Service, metadata: {name: a, labels: {app: a, podwall.io/owner: me},
      annotations: {podwall.io/ignore: "PW150: x", note: mine}}, spec: {selector: {app: a}}}"""
    assert plain(service)["metadata"] == {
        "name": "a",
        "namespace": "shop",
        "labels": {"podwall.io/owner": "me"},
        "annotations": {"podwall.io/ignore": "PW150: x"},
    }
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: a, mail: b}, annotations: {c: d}}}"
    assert plain(pod)["metadata"]["labels"] == {"app": "a", "mail": "b"}
    assert plain(pod, permitted)["metadata"] == {"name": "a", "namespace": "shop"}


def test_nothing_and_empty_stay_apart() -> None:
    policy = """{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a},
      spec: {podSelector: {}, policyTypes: [], ingress: [null, {from: []}, {}], egress: []}}"""
    assert plain(policy)["spec"] == {
        "podSelector": {},
        "policyTypes": [],
        "ingress": [None, {"from": []}, {}],
        "egress": [],
    }


def test_keys_of_selectors() -> None:
    policy = """{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a, labels: {other: one}},
      spec: {podSelector: {matchLabels: {one: a}}, ingress: [{from: [{namespaceSelector:
      {matchExpressions: [{key: two, operator: Exists}]}}, null]}]}}"""
    service = "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {three: a}}}"
    objects = [located.object for located in read_text(f"{policy}\n---\n{service}").decoder.objects]
    assert sorted(keys_of_selectors(objects)) == ["one", "three", "two"]


# ------------------------------------------------------------------------------------------------------------ together
def snapshot_of(text: str, name: str, said: Said, **header: Any) -> bytes:
    objects = [("shop", Located(located.object, Origin(name, 0, -1, 7))) for located in read_text(text).decoder.objects]
    return write(Content(Header(**header), (Source(name, "me"),), said, objects, [7] * len(objects), {}))


def test_several_snapshots() -> None:
    first = Said((Unanalyzed("x.io", "Policy", 2),), ("b",), ("c",), (), ("f",))
    second = Said((Unanalyzed("x.io", "Policy", 1),), ("a", "b"), ("c",))
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: %s}}"
    one = read(snapshot_of(pod % "a", "a.yaml", first, cni="cilium", labels=("app", "x")), "1")
    two = read(snapshot_of(pod % "b", "a.yaml", second, pod_cidrs=("10.0.0.0/8",)), "2", len(one.objects))
    kept = Kept.of((one, two))
    assert (kept.cni, kept.pod_cidrs) == ("cilium", ("10.0.0.0/8",))
    assert len({located.origin for located in kept.objects}) == 2
    said = kept.joined(Said(skipped=("0",)))
    assert [(u.kind, u.count) for u in said.unanalyzed] == [("Policy", 3)]
    assert (said.skipped, said.left_out, said.foreign) == (("0", "a", "b"), ("c",), ("f",))
    assert kept.owners(["b.yaml"]) == {"a.yaml": "me"}
    assert kept.owners(["a.yaml"]) == {}


def test_snapshots_of_different_networks() -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}}"
    several = [read(snapshot_of(pod, "a.yaml", Said(), cni=cni), cni) for cni in ("cilium", "kubernetes")]
    with pytest.raises(InputError, match="different networks"):
        Kept.of(tuple(several))


def test_a_snapshot_holds_on_to_no_text() -> None:
    whole = gzip.decompress((VERSIONS / "version-1.podwall.gz").read_bytes())
    lines = read(whole, "x").lines
    assert lines
    assert all(len(bytes(raw)) < 2000 for raw in lines.values())
