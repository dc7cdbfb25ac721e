"""Every format of the map says what its JSON says: read back and compared, on random clusters and on odd names."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from podwall.ops.focusing import Wanted
from podwall.ops.inputs import Inputs, Opened, open_cluster
from podwall.ops.mapping import open_map
from podwall.report.maps import folding, mermaid, svg_matrix
from podwall.report.maps.formats import FORMATS, REASONED, writer
from podwall.report.public import API_VERSION, Connection, Endpoint, External, Isolated, Map, Permit, Port
from tests.report.maps import parsing
from tests.report.maps.answers import answer_of
from tests.truth.compare import trial
from tests.truth.engine import as_json

SEEDS = range(0, 120, 3)


def opened(folder: Path, seed: int) -> Opened:
    path = folder / "cluster.json"
    found = trial(seed, (0, 3, 2, 0))
    path.write_bytes(as_json(found.objects))
    return open_cluster(Inputs((str(path),), cni=found.cni))


def written(cluster: Opened, output: str, wanted: Wanted | None = None, *, why: bool = False) -> str:
    return "".join(writer(output)(open_map(cluster, wanted or Wanted(), why=why)))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_format_says_what_json_says(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mermaid, "_MOST_ARROWS", 10_000)
    monkeypatch.setattr(svg_matrix, "_MOST_EXTERNAL", 10_000)
    cluster = opened(tmp_path, seed)
    whole = json.loads(written(cluster, "json"))
    ends, want = parsing.Ends(whole), parsing.from_json(whole)
    assert parsing.from_text(written(cluster, "text"), ends) == want
    for why in (False, True):
        assert parsing.from_wide(written(cluster, "wide", why=why)) == want
        assert parsing.from_csv(written(cluster, "csv", why=why)) == want
        assert parsing.from_md(written(cluster, "md", why=why), ends) == want
    assert parsing.from_dot(written(cluster, "dot"), ends) == want
    assert parsing.from_mermaid(written(cluster, "mermaid"), ends) == want
    assert parsing.from_matrix(written(cluster, "svg")) == want


@pytest.mark.parametrize("seed", SEEDS)
def test_the_neighbors_of_one_end_are_its_connections(seed: int, tmp_path: Path) -> None:
    cluster = opened(tmp_path, seed)
    whole = json.loads(written(cluster, "json"))
    want = parsing.from_json(whole)
    for endpoint in whole["endpoints"]:
        name = endpoint["name"]
        for wanted, mine in (
            (Wanted(about=(name,)), {pair: ports for pair, ports in want.items() if name in pair}),
            (Wanted(sources=(name,)), {pair: ports for pair, ports in want.items() if name == pair[0]}),
            (Wanted(destinations=(name,)), {pair: ports for pair, ports in want.items() if name == pair[1]}),
        ):
            answer = open_map(cluster, wanted)
            if answer.scope.named == frozenset((name,)):  # else a workload of which some replicas are told apart
                assert parsing.from_neighbors("".join(writer("svg")(answer))) == mine


def test_the_reasons_of_csv_are_those_of_json(tmp_path: Path) -> None:
    cluster = opened(tmp_path, 3)
    whole = json.loads(written(cluster, "json", why=True))
    rows = list(csv.DictReader(io.StringIO(written(cluster, "csv", why=True), newline="")))
    said = {(row["src"], row["dst"]): (row["egressBy"], row["ingressBy"]) for row in rows}
    assert any(by != "not isolated" for pair in said.values() for by in pair)
    for connection in whole["connections"]:
        for by, text in zip(("egressBy", "ingressBy"), said[connection["src"], connection["dst"]], strict=True):
            found = connection[by]
            if isinstance(found, str):
                assert text == found
                continue
            parts = text.split("; ")
            assert len(parts) == len(found)
            for ref, part in zip(found, parts, strict=True):
                for told in (ref["kind"], ref["name"], *ref["rules"], f"{ref['file']}:{ref['line']}"):
                    assert told in part


@pytest.mark.parametrize("output", FORMATS)
def test_the_order_of_the_input_does_not_show(output: str, tmp_path: Path) -> None:
    objects = trial(7, (0, 0, 1, 0)).objects
    texts = []
    for number, ordered in enumerate((objects, objects[::-1])):
        path = tmp_path / str(number) / "cluster.json"
        path.parent.mkdir()
        path.write_bytes(as_json(ordered))
        texts.append(written(open_cluster(Inputs((str(path),))), output))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("output", FORMATS)
def test_nothing_is_a_map_too(output: str) -> None:
    empty = Map(API_VERSION, "Map", "kubernetes", [], [], [], [])
    text = "".join(writer(output)(answer_of(empty)))
    assert text.endswith("\n")


# ---------------------------------------------------------------------------------------------------------- odd names
ODD = 'te|am`s, "A" \\ *x* <b>&amp; #1;\nnext'


def an_odd_map() -> Map:
    permit = Permit("NetworkPolicy", "a", "p", ODD, f"{ODD}.yaml", 3, ("spec.ingress[0]", "spec.ingress[2]"))
    admin = Permit("AdminNetworkPolicy", "", "q", None, None, None, ("spec.egress[1]",))
    closed = Isolated(ingress=True, egress=True)
    ends = [Endpoint(name, "Pod", "a", {}, [], 1, closed) for name in ("a/x", "a/y")]
    connections = [Connection("a/x", "a/y", [Port("TCP", 80, 90)], [admin], [permit])]
    return Map(API_VERSION, "Map", "kubernetes", ends, [External("::/0", ["::/0"])], connections, [])


def test_csv_quotes_what_needs_it() -> None:
    (row,) = csv.DictReader(io.StringIO("".join(writer("csv")(answer_of(an_odd_map()))), newline=""))
    assert row["egressBy"] == "AdminNetworkPolicy q spec.egress[1]"
    assert row["ingressBy"] == f"NetworkPolicy a/p spec.ingress[0] spec.ingress[2] ({ODD}.yaml:3, {ODD})"


def test_markdown_escapes_what_would_be_markup() -> None:
    text = "".join(writer("md")(answer_of(an_odd_map())))
    rows = {row["Policy"]: row for row in parsing.table(text, "Policies")}
    assert rows["a/p"]["Owner"] == " ".join(ODD.split())
    assert rows["a/p"]["Place"] == f"{' '.join(ODD.split())}.yaml:3"
    (line,) = parsing.table(text, "Connections")
    assert (line["Egress allowed by"], line["Ingress allowed by"]) == ("AdminNetworkPolicy q[1]", "a/p[0,2]")


def test_wide_has_no_blank_in_a_column() -> None:
    head, line = "".join(writer("wide")(answer_of(an_odd_map()))).splitlines()
    assert len(line.split()) == len(head.split()) == 7
    assert line.split()[5] == "AdminNetworkPolicy/q[1]"


@pytest.mark.parametrize("output", FORMATS)
def test_reasons_stand_where_there_is_a_place_for_them(output: str) -> None:
    text = "".join(writer(output)(answer_of(an_odd_map())))
    assert ("a/p" in text) is (output in REASONED and output != "json")


def test_pictures_fetch_nothing_and_say_what_they_show() -> None:
    text = "".join(writer("svg")(answer_of(an_odd_map())))
    picture = parsing.picture(text)
    children = [child.tag.rpartition("}")[2] for child in picture]
    assert children[:2] == ["title", "desc"]
    assert picture.attrib["role"] == "img"
    for foreign in ("href", "<script", "<style", "url(", "<image", "http://", "https://"):
        assert foreign not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


# ------------------------------------------------------------------------------------------------------------ folding
def pod(name: str) -> Endpoint:
    return Endpoint(name, "Pod", name.partition("/")[0], {}, [], 1, Isolated(ingress=False, egress=False))


FOLDED = [
    (["a/x b/x", "a/x b/y"], ["a/x b/*"]),
    (["a/x b/x", "a/y b/x", "a/x b/y", "a/y b/y"], ["a/* b/*"]),
    (["a/x b/x", "a/y b/x"], ["a/* b/x"]),
    (["a/x b/x"], ["a/x b/x"]),
    (["c/1 c/2", "c/1 c/3"], ["c/1 c/*"]),
    (["c/1 c/1", "c/1 c/2", "c/1 c/3"], ["c/1 c/*", "c/1 c/1"]),
    (["c/1 c/2", "c/1 c/3", "c/2 c/1", "c/2 c/3", "c/3 c/1", "c/3 c/2"], ["c/* c/*"]),
    (["c/1 c/3", "c/2 c/3"], ["c/* c/3"]),
    (["a/x 10.0.0.0/8", "a/x 11.0.0.0/8"], ["a/x *"]),
    (["10.0.0.0/8 a/x", "11.0.0.0/8 a/x"], ["* a/x"]),
    (["a/x a/y", "a/y a/x"], ["a/x a/y", "a/y a/x"]),  # of two, one is left on either side
]


@pytest.mark.parametrize(("pairs", "expected"), FOLDED, ids=[" + ".join(e) for _, e in FOLDED])
def test_whole_namespaces_are_folded(pairs: list[str], expected: list[str]) -> None:
    ports = [Port("TCP", 80, 80)]
    connections = [Connection(src, dst, ports) for src, dst in sorted(map(str.split, pairs))]
    external = [External(name, [name]) for name in ("10.0.0.0/8", "11.0.0.0/8")]
    ends = [pod(name) for name in ("a/x", "a/y", "b/x", "b/y", "c/1", "c/2", "c/3")]
    whole = Map(API_VERSION, "Map", "kubernetes", ends, external, connections, [])
    assert sorted(f"{line.src} {line.dst}" for line in folding.fold(answer_of(whole))) == sorted(expected)


def test_what_differs_is_not_folded() -> None:
    connections = [Connection("a/x", "b/x", [Port("TCP", 80, 80)]), Connection("a/x", "b/y", [Port("TCP", 81, 81)])]
    whole = Map(API_VERSION, "Map", "kubernetes", [pod(n) for n in ("a/x", "b/x", "b/y")], [], connections, [])
    assert [line.dst for line in folding.fold(answer_of(whole))] == ["b/x", "b/y"]
    same = [Connection("a/x", name, [Port("TCP", 80, 80)]) for name in ("b/x", "b/y")]
    part = Map(API_VERSION, "Map", "kubernetes", [pod(n) for n in ("a/x", "b/x", "b/y")], [], same, [])
    assert [line.dst for line in folding.fold(answer_of(part, "a"))] == ["b/x", "b/y"]  # of b only a part is known
