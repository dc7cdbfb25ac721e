"""The map and its counts, and both for one namespace, on random clusters."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from podwall.ops import mapping
from podwall.ops.inputs import Inputs, Opened, open_cluster
from podwall.ops.mapping import make_map, open_map, summarize
from podwall.report import json as report
from podwall.report.maps.formats import writer
from podwall.report.public import Connection, Map
from tests.truth.clusters import random_cluster


def opened(path: Path, namespace: str | None = None, *, everywhere: bool = False) -> Opened:
    return open_cluster(Inputs((str(path),), namespace=namespace, all_namespaces=everywhere))


def written(folder: Path, seed: int) -> Path:
    path = folder / "cluster.json"
    objects = random_cluster(random.Random(seed))
    for each in objects:  # -n is the namespace of objects without one, too: here none is
        if each["kind"] not in ("Namespace", "Node"):
            each["metadata"].setdefault("namespace", "default")
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return path


def open_pairs(found: Map) -> set[tuple[str, str]]:
    inside = {e.name for e in found.endpoints}
    return {(c.src, c.dst) for c in found.connections if {c.src, c.dst} <= inside and c.src != c.dst}


@pytest.mark.parametrize("seed", range(60))
def test_the_answer_of_a_namespace_is_a_part_of_the_whole(seed: int, tmp_path: Path) -> None:
    path = written(tmp_path, seed)
    whole = make_map(opened(path), why=True)
    for namespace in [*sorted({e.namespace for e in whole.endpoints}), "nowhere"]:
        part = opened(path, namespace)
        cut = make_map(part, why=True)
        inside = {e.name for e in whole.endpoints if e.namespace == namespace}
        assert cut.connections == [c for c in whole.connections if c.src in inside or c.dst in inside]
        ends = inside.union(*({c.src, c.dst} for c in cut.connections))
        assert cut.endpoints == [e for e in whole.endpoints if e.name in ends]
        others = len(whole.endpoints) - len(inside)
        counts = summarize(part)
        assert counts.endpoints == len(inside)
        assert counts.pairs == len(inside) * (len(inside) - 1) + 2 * len(inside) * others
        assert counts.openPairs == len(open_pairs(cut))
        assert make_map(opened(path, namespace, everywhere=True), why=True) == whole


@pytest.mark.parametrize("seed", range(30))
def test_the_map_and_its_forms_agree(seed: int, tmp_path: Path) -> None:
    found = opened(written(tmp_path, seed))
    plain, reasons = make_map(found, why=False), make_map(found, why=True)
    assert summarize(found).openPairs == len(open_pairs(plain))
    assert [(c.src, c.dst, c.ports) for c in plain.connections] == [
        (c.src, c.dst, c.ports) for c in reasons.connections
    ]
    assert "".join(writer("json")(open_map(found, why=True))) == report.document(reasons)
    assert all(map(has_reasons, reasons.connections))
    text = "".join(writer("text")(open_map(found, why=True)))
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    for endpoint in plain.endpoints:
        assert f"\nfrom {endpoint.name} (" in text


@pytest.mark.parametrize("seed", range(6))
def test_what_connections_share_is_kept_within_bounds(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = opened(written(tmp_path, seed))
    whole = "".join(writer("json")(open_map(found, why=True)))
    monkeypatch.setattr(mapping, "_MOST_SHARED", 2)
    assert "".join(writer("json")(open_map(found, why=True))) == whole


def has_reasons(connection: Connection) -> bool:
    """At each end a policy that allows it, or none that isolates."""
    return all(
        by == "not isolated" or (isinstance(by, list) and len(by) > 0 and all(ref.rules != () for ref in by))
        for by in (connection.egressBy, connection.ingressBy)
    )
