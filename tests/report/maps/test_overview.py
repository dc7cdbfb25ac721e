"""Maps by namespace: their numbers are those of the whole list, in every format that draws them, and they fit."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.generate.shape import Shape, shape
from podwall.ops.focusing import Wanted
from podwall.ops.inputs import Inputs, Opened, open_cluster
from podwall.ops.mapping import make_map, open_map
from podwall.report.maps import overview as by_namespace
from podwall.report.maps import svg_neighbors
from podwall.report.maps.formats import writer
from podwall.report.maps.overview import OUTSIDE, overview
from podwall.report.public import Map
from tests.report.maps import parsing
from tests.truth.clusters import random_cluster
from tests.truth.engine import as_json


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    path = tmp_path_factory.mktemp("large") / "cluster.json"
    path.write_bytes(as_json(list(shape(Shape(pods=500)))))
    return open_cluster(Inputs((str(path),)))


def written(cluster: Opened, output: str, wanted: Wanted | None = None) -> str:
    return "".join(writer(output)(open_map(cluster, wanted or Wanted())))


def counted(whole: Map) -> dict[tuple[str, str], int]:
    """Pairs of distinct endpoints by their namespaces, and the endpoints that are open from or to the outside."""
    home = {e.name: e.namespace for e in whole.endpoints}
    pairs: Counter[tuple[str, str]] = Counter()
    ends: dict[tuple[str, str], set[str]] = {}
    for c in whole.connections:
        key = home.get(c.src, OUTSIDE), home.get(c.dst, OUTSIDE)
        if OUTSIDE in key:
            ends.setdefault(key, set()).add(c.dst if key[0] == OUTSIDE else c.src)
        else:
            pairs[key] += c.src != c.dst
    return {**pairs, **{key: len(names) for key, names in ends.items()}}


@pytest.mark.parametrize("seed", range(30))
def test_the_numbers_are_those_of_the_list(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    path.write_bytes(as_json(random_cluster(random.Random(seed), "medium")))
    cluster = open_cluster(Inputs((str(path),)))
    whole, found = make_map(cluster), overview(open_map(cluster))
    want = counted(whole)
    assert {(b.src, b.dst): b.pairs for b in found.between} == want
    assert found.connections == len(whole.connections)
    sizes = Counter(e.namespace for e in whole.endpoints)
    for row in found.namespaces:
        own = [e.isolated for e in whole.endpoints if e.namespace == row.name]
        outside = [want.get(key, 0) for key in ((OUTSIDE, row.name), (row.name, OUTSIDE))]
        assert (row.endpoints, row.ingress, row.egress, [row.from_outside, row.to_outside]) == (
            sizes[row.name],
            sum(i.ingress for i in own),
            sum(i.egress for i in own),
            outside,
        )
    for between in found.between:
        src, dst = between.src, between.dst
        most = sizes[src or dst] if OUTSIDE in (src, dst) else sizes[src] * (sizes[dst] - (src == dst))
        assert between.every is (between.pairs == most)


def test_the_text_of_a_large_map_fits_and_is_short(large: Opened) -> None:
    lines = written(large, "text").splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) < 250
    assert lines[0] == "499 endpoints in 27 namespaces, 10,607 connections, profile kubernetes"
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("team-")}
    assert rows["team-0000"] == ["20", "20", "20", "0", "5"]
    assert "  team-0000                   all 380 pairs     all ports" in lines


def test_many_ports_between_namespaces_are_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    path.write_bytes(as_json(list(shape(Shape(pods=220, pods_per_ns=110, policies_per_ns=60)))))
    lines = written(open_cluster(Inputs((str(path),))), "text").splitlines()
    assert max(map(len, lines)) <= 80
    first = next(n for n, line in enumerate(lines) if line.startswith("  team-0001   ") and "pairs" in line)
    assert lines[first + 1].startswith(" " * 48)
    assert lines[first + 1].endswith("more")


def test_one_namespace_of_many_endpoints_is_called_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "cluster.json"
    path.write_bytes(as_json(list(shape(Shape(pods=220, pods_per_ns=110)))))
    text = "".join(writer("text")(open_map(open_cluster(Inputs((str(path),), namespace="team-0000")))))
    head, _, rest = text.partition("With more than")
    assert head.startswith("110 endpoints in team-0000, ")
    assert " connections from or to them, profile kubernetes" in head.replace("\n", " ")
    assert "-n NS" not in rest


def test_a_focus_brings_the_endpoints_back(large: Opened) -> None:
    text = written(large, "text", Wanted(destinations=("team-0001/*",)))
    assert text.count("\nto team-0001/") == 20
    assert max(map(len, text.splitlines())) <= 80
    assert "\nfrom team-0001/" not in text


def test_what_one_endpoint_has_to_do_with_a_large_map_stands_both_ways(large: Opened) -> None:
    text = written(large, "text", Wanted(about=("team-0001/app00",)))
    heads = [line for line in text.splitlines() if line.startswith(("from ", "to "))]
    assert [head.split(" (")[0] for head in heads] == ["from team-0001/app00", "to team-0001/app00"]
    assert "by namespace" not in text


def test_the_matrix_of_a_large_map_is_by_namespace(large: Opened) -> None:
    want = {(b.src, b.dst): b.ports for b in overview(open_map(large)).between}
    drawn = parsing.from_matrix(written(large, "svg"))
    assert drawn == {pair: parsing.in_words(ports) for pair, ports in want.items()}


def test_tables_and_graphs_of_a_large_map_are_by_namespace(large: Opened) -> None:
    between = overview(open_map(large)).between
    rows = parsing.table(written(large, "md"), "Connections")
    outside = parsing.ANYWHERE
    assert [(row["From"], row["To"], row["Pairs"].removeprefix("all ")) for row in rows] == [
        (b.src or outside, b.dst or outside, str(b.pairs)) for b in between
    ]
    assert written(large, "dot").count(" -> ") == len(between)
    assert written(large, "mermaid").count(" -->|") == len(between)


def test_every_connection_is_in_the_formats_for_machines(large: Opened) -> None:
    want = parsing.from_json(json.loads(written(large, "json")))
    assert len(want) == 10_607
    assert parsing.from_wide(written(large, "wide")) == want
    assert parsing.from_csv(written(large, "csv")) == want


def test_mermaid_goes_by_namespace_where_it_would_give_up(large: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_namespace, "MOST_ENDPOINTS", 1_000)
    text = written(large, "mermaid")
    assert text.startswith("%% 499 endpoints, 10,607 connections, profile kubernetes; by namespace, as there are more")
    assert text.count(" -->|") < 280


def test_many_neighbors_stand_together(large: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Wanted(about=("monitoring/prometheus",))
    monkeypatch.setattr(svg_neighbors, "_MOST", 1_000)
    one_by_one = parsing.from_neighbors(written(large, "svg", wanted))
    monkeypatch.setattr(svg_neighbors, "_MOST", 60)
    drawn = written(large, "svg", wanted)
    assert parsing.from_neighbors(drawn).keys() == one_by_one.keys()
    assert len(parsing.squares(drawn)) < 40
