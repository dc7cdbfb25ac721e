"""The input flags through the program: where a cluster may come from, and that the form of it changes no answer."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from podwall.text.yaml import documents
from tests.cli.program import SHOP, podwall

GOOD = SHOP / "good"
FILES = sorted(GOOD.iterdir())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def objects() -> list[Any]:
    return [document.value for path in FILES for document in documents(path.read_bytes(), path.name)]


def answer(*arguments: str | Path, stdin: str | bytes = b"") -> str:
    done = podwall("map", *arguments, "-o", "json", "-q", stdin=stdin)
    assert (done.code, done.err) == (0, "")
    return done.out


@pytest.fixture(scope="module")
def expected() -> str:
    return answer("-f", GOOD)


# ------------------------------------------------------------------------------------------- one cluster, many forms
def test_files_one_by_one_in_any_order(expected: str) -> None:
    for files in (FILES, FILES[::-1], FILES[3:] + FILES[:3]):
        assert answer(*(part for path in files for part in ("-f", path))) == expected


def test_a_file_that_is_given_twice_counts_once(expected: str) -> None:
    assert answer("-f", GOOD, "-f", GOOD, "-f", FILES[0]) == expected


def test_standard_input(expected: str) -> None:
    assert answer("-f", "-", stdin=b"---\n".join(path.read_bytes() for path in FILES)) == expected
    half = b"---\n".join(path.read_bytes() for path in FILES[:4])
    assert answer("-f", "-", *(part for path in FILES[4:] for part in ("-f", path)), stdin=half) == expected


def test_a_dump_in_any_order_of_objects(expected: str) -> None:
    for items in (objects(), objects()[::-1], sorted(objects(), key=json.dumps)):
        for text in (
            json.dumps({"apiVersion": "v1", "kind": "List", "items": items}),
            json.dumps({"items": items}, indent=4),
            "\n".join(json.dumps(item) for item in items),
            "apiVersion: v1\nkind: List\nitems:\n" + "".join(f"- {json.dumps(item)}\n" for item in items),
        ):
            assert answer("-f", "-", stdin=text) == expected


def test_typed_lists(expected: str) -> None:
    by_kind: dict[tuple[str, str], list[Any]] = {}
    for item in objects():
        by_kind.setdefault((item.pop("apiVersion"), item.pop("kind")), []).append(item)
    lists = [{"apiVersion": v, "kind": f"{k}List", "items": items} for (v, k), items in by_kind.items()]
    assert answer("-f", "-", stdin="\n".join(map(json.dumps, lists))) == expected


def test_gzip_and_directories_in_directories(here: Path, expected: str) -> None:
    for number, path in enumerate(FILES):
        folder = here / "a" / str(number % 3) / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    (here / "a" / "README.md").write_text("not: [yaml")
    (here / "a" / ".hidden.yaml").write_text("not: [yaml")
    (here / "a" / ".git").mkdir()
    (here / "a" / ".git" / "x.yaml").write_text("not: [yaml")
    assert answer("-f", "a") == expected


def test_a_kustomization_is_built(here: Path, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever is called kubectl on the PATH."""
    program = here / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nfor f in {GOOD}/*; do cat "$f"; echo; echo ---; done\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    assert answer("-k", "overlay") == expected


def test_other_kinds_are_passed_over(expected: str) -> None:
    others = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "labels": {"x": 1}}, "data": []},
        {"apiVersion": "example.com/v1", "kind": "Pod", "metadata": "nothing that is read"},
        {"apiVersion": "v1", "kind": "Event", "items": [1]},
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*others, *objects()]})
    assert answer("-f", "-", stdin=text) == expected


# ------------------------------------------------------------------------------------------------ what is passed over
def test_what_must_be_rendered_is_named_and_skipped(here: Path) -> None:
    for name, text in {
        "chart/Chart.yaml": "name: x",
        "chart/templates/a.yaml": "{{ x }}",
        "app/kustomization.yaml": "resources: []",
        "app/a.yaml": "not: [yaml",
        "loose.yaml": "kind: Pod\napiVersion: v1\nmetadata: {name: {{ .name }}}\n",
        "quoted.yaml": 'kind: Pod\napiVersion: v1\nmetadata: {name: "{{ .name }}"}\n',
        "pod.yaml": "kind: Pod\napiVersion: v1\nmetadata: {name: a}\n",
        "package.json": '{"name": "x"}',
    }.items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(text)
    done = podwall("map", "-f", ".", "-o", "json")
    render = "render it and pipe it in: helm template"
    incomplete = [
        "app is a kustomization, skipped; build it: podwall … -k app",
        f"chart is a Helm chart, skipped; {render} chart | podwall … -f -",
        f"loose.yaml is a template, skipped; {render} … | podwall … -f -",
        f"quoted.yaml:3 is a template, skipped; {render} … | podwall … -f -",
        "no Namespace object in the input for default: taken to have no label but its name",
    ]
    assert (done.code, done.json["incomplete"]) == (0, incomplete)
    assert done.err.splitlines() == [
        "warning: passed over, no Kubernetes objects: package.json",
        *(f"warning: {fact}" for fact in incomplete),
    ]
    assert [endpoint["name"] for endpoint in done.json["endpoints"]] == ["default/a"]
    assert podwall("map", "-f", ".", "--strict").code == 3


@pytest.mark.parametrize("filename", ["chart", "chart/Chart.yaml", "t.yaml"])
def test_nothing_but_templates_is_an_error(here: Path, filename: str) -> None:
    (here / "chart").mkdir()
    (here / "chart" / "Chart.yaml").write_text("name: x")
    (here / "t.yaml").write_text("{{ x }}: y")
    done = podwall("map", "-f", filename)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: the input holds no Kubernetes object\nerror: ")
    assert "helm template" in done.err


# --------------------------------------------------------------------------------------------------- usage and input
ERRORS = [
    ((), "error: no input: give files or directories with -f"),
    (("-o", "json"), "or the dump of\n  a cluster on standard input, as\n    kubectl get ns,"),
    (
        ("-f", "nowhere", "-f", "a.yaml"),
        "error: nowhere: cannot be read: No such file or directory\nerror: a.yaml: cannot",
    ),
    (("-f", "https://example.com/a.yaml"), "error: https://example.com/a.yaml: addresses are not fetched: curl"),
    (("-f", "empty"), "error: the input holds no Kubernetes object\n"),
    (
        ("-f", str(GOOD), "--cni", "calico"),
        "error: --cni calico: there is no such profile; there are cilium, kubernetes\n",
    ),
    (("-f", str(GOOD), "--pod-cidr", "10.0.0.1/8"), "error: --pod-cidr 10.0.0.1/8: 10.0.0.1/8 has host bits set\n"),
    (("-f", str(GOOD), "--pod-cidr", "ten"), "error: --pod-cidr ten: 'ten' does not appear to be"),
    (
        ("-f", str(GOOD), "--pod-cidr", "10.0.0.0/8", "--pod-cidr", "10.1.0.0/16"),
        "error: --pod-cidr 10.1.0.0/16: there is 10.0.0.0/8 already; give one of each family\n",
    ),
    (("-f", str(GOOD), "--pod-cidr", "10.9.0.0/30"), "error: --pod-cidr 10.9.0.0/30 has no address left for "),
    (("-f", str(GOOD), "-n", "No_Name"), "error: -n No_Name: not the name of a namespace: "),
    (
        ("-f", str(GOOD), "-o", "yaml"),
        "Error: Invalid value for -o: 'yaml' is not one of text, wide, json, csv, md, dot, mermaid, svg\n",
    ),
    (("-f", str(GOOD), "--summary", "--why"), "Error: Invalid value for --why: --summary shows no connections"),
    (("-f", str(GOOD), "--bogus"), "Error: No such option '--bogus'."),
    (("-f",), "Error: Option '-f' requires an argument."),
    (("-f", str(GOOD), "extra"), "Error: Got unexpected extra argument"),
]


@pytest.mark.parametrize(("arguments", "message"), ERRORS)
def test_usage_and_input_errors(here: Path, arguments: tuple[str, ...], message: str) -> None:
    (here / "empty").mkdir()
    done = podwall("map", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_pod_cidrs_may_be_listed(here: Path) -> None:
    (here / "a.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
    several = podwall("map", "-f", "a.yaml", "--pod-cidr", "10.9.0.0/24,fd09::/64", "-o", "json").json
    assert (
        several
        == podwall("map", "-f", "a.yaml", "--pod-cidr", "10.9.0.0/24", "--pod-cidr", "fd09::/64", "-o", "json").json
    )
    four, six = several["endpoints"][0]["addresses"]
    assert (four.startswith("10.9.0."), six.startswith("fd09::")) == (True, True)


@pytest.mark.parametrize(
    "data", ['{"kind": "List", "apiVersion": "v1", "items": []}', "kind: PodList\napiVersion: v1\n"]
)
def test_a_cluster_without_objects_is_an_empty_map(data: str) -> None:
    done = podwall("map", "-f", "-", stdin=data)
    assert (done.code, done.out, done.err) == (0, "0 endpoints, 0 connections, profile kubernetes\n", "")


def test_policies_without_endpoints_are_an_empty_map() -> None:
    done = podwall("map", "-f", GOOD / "shop-policies.yaml", "-o", "json")
    assert (done.code, done.json["endpoints"], done.json["connections"]) == (0, [], [])


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_objects_as_kubectl_prints_them(expected: str) -> None:
    """Through kubectl's own reader and writer, as YAML and as JSON."""
    for output in ("json", "yaml"):
        command = ["kubectl", "annotate", "--local", "-f", str(GOOD), "example.com/x=1", "-o", output]
        printed = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
        assert answer("-f", "-", stdin=printed) == expected
