"""podwall test as it is typed: the bundled example, exit codes, formats, files that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.program import SHOP, podwall

EXPECT = SHOP / "expectations.yaml"
GOOD, BROKEN = ("-f", SHOP / "good"), ("-f", SHOP / "broken")
HEAD = "apiVersion: podwall.io/v1\nkind: Expectations\nmetadata: {namespace: shop}\nexpect:\n"
SLIPS = [
    "shop/web -> shop/catalog:8080 allow",
    "payments/* -> dns allow",
    "monitoring/prometheus -> payments/ledger-db deny",
    "monitoring/grafana -> payments/ledger-db deny",
    "monitoring/grafana -> payments/* deny",
]


def written(folder: Path, *lines: str) -> Path:
    path = folder / "e.yaml"
    path.write_text(HEAD + "".join(f"- {line}\n" for line in lines))
    return path


def test_the_good_shop_is_as_expected() -> None:
    done = podwall("test", EXPECT, *GOOD)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("assertions: all hold (213 pairs judged, profile kubernetes)\n")


def test_each_slip_of_the_broken_shop_fails_and_is_explained() -> None:
    done = podwall("test", EXPECT, *BROKEN)
    assert done.code == 1
    assert [line.removeprefix("FAILED ") for line in done.out.splitlines() if line.startswith("FAILED ")] == SLIPS
    assert "would match but for label app=wbe on pod shop/web, which has app=web" in done.out
    assert "because: the pages show products" in done.out
    assert "kubectl patch networkpolicy catalog -n shop" in done.out
    wide = [line for line in done.out.splitlines() if len(line) > 80 and "kubectl patch" not in line]
    assert [line for line in wide if str(SHOP) not in line] == []  # the tests' own paths are long


def test_json_has_the_shape_of_the_lab_report() -> None:
    answer = podwall("test", EXPECT, *BROKEN, "-o", "json").json
    assert list(answer)[:9] == [
        "apiVersion",
        "kind",
        "profile",
        "endpoints",
        "probes",
        "allowed",
        "denied",
        "mismatches",
        "seconds",
    ]
    assert (answer["kind"], answer["endpoints"], answer["mismatches"], answer["incomplete"]) == (
        "TestReport",
        13,
        [],
        [],
    )
    assert answer["probes"] == answer["allowed"] + answer["denied"]
    failed = [e for e in answer["expectations"] if not e["ok"]]
    assert [(e["text"], e["want"], e["got"]) for e in failed] == [
        (text, text.split()[-1], "deny" if text.endswith("allow") else "allow") for text in SLIPS
    ]
    first = failed[0]
    assert (Path(first["file"]).name, first["line"], first["pairs"]) == ("expectations.yaml", 12, 1)
    assert first["failures"] == [
        {
            "src": "shop/web",
            "dst": "shop/catalog",
            "family": 4,
            "ports": [{"protocol": "TCP", "port": 8080, "endPort": 8080}],
        }
    ]
    assert first["explanation"]["verdict"] == "deny"
    assert first["explanation"]["changes"]


def test_coverage_names_what_nobody_watches() -> None:
    answer = podwall("test", EXPECT, *GOOD, "-o", "json", "--coverage").json["coverage"]
    assert (answer["percent"], answer["mutants"], answer["noticed"]) == (97.2, 72, 70)
    assert len(answer["withoutEffect"]) == 59
    opened = answer["unnoticed"][0]
    assert (opened["edit"]["policy"]["name"], opened["edit"]["rule"], opened["edit"]["edit"]) == (
        "controller",
        "spec.ingress[0]",
        "ports opened",
    )
    assert opened["suggestion"] == "kube-system/coredns -> ingress/controller:10254 deny"


def test_suggestions_are_noticed(tmp_path: Path) -> None:
    """A file of nothing but suggestions, until there is nothing left to suggest."""
    lines = ["shop/web -> shop/cart:7070 allow"]
    percents = []
    for _ in range(3):
        coverage = podwall("test", written(tmp_path, *lines), *GOOD, "-o", "json", "--coverage").json["coverage"]
        percents.append(coverage["percent"])
        lines += dict.fromkeys(one["suggestion"] for one in coverage["unnoticed"])
    assert percents[-1] == 100, percents


@pytest.mark.parametrize(("minimum", "code"), [("97", 0), ("97.2", 0), ("98", 1), ("100", 1)])
@pytest.mark.parametrize("output", ["text", "json", "junit", "tap"])
def test_a_minimum_of_coverage(minimum: str, code: int, output: str) -> None:
    assert podwall("test", EXPECT, *GOOD, "--min", minimum, "-o", output).code == code


def test_tap() -> None:
    done = podwall("test", EXPECT, *BROKEN, "-o", "tap", "--min", "10")
    lines = done.out.splitlines()
    assert lines[:3] == ["TAP version 14", "1..65", "ok 1 - internet -> ingress/controller:8080,8443 allow"]
    assert [line.partition(" - ")[2] for line in lines if line.startswith("not ok")] == SLIPS
    assert lines[-1].startswith("ok 65 - coverage ")
    at = lines.index("not ok 3 - shop/web -> shop/catalog:8080 allow")
    assert (lines[at + 1], lines[at + 2]) == (
        "  ---",
        "  message: |-",
    )
    assert "  explanation: |-" in lines[at:]
    assert "    INGRESS of shop/catalog: DENIED, no rule allows it" in lines
    assert any(line.startswith("      kubectl patch networkpolicy catalog -n shop ") for line in lines)
    assert [line for line in lines if line != line.rstrip()] == []


def test_junit() -> None:
    done = podwall("test", EXPECT, *BROKEN, "-o", "junit", "--min", "100")
    (root,) = [ET.fromstring(done.out)]  # noqa: S314 - our own
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "65", "6")
    cases = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert [case.get("name") for case in cases] == [*SLIPS, "coverage"]
    assert cases[0].get("line") == "12"
    said = str(cases[0].findtext("failure"))
    assert "because: the pages show products" in said
    assert "would match but for label app=wbe on pod shop/web, which has app=web" in said
    assert "\nTO ALLOW IT: spec.ingress[0].from[0].podSelector.matchLabels.app of\n" in said


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (["web -> catalog:8080 allow"], 0, "all hold"),
        (["web -> catalog:8080 deny"], 1, "open for 1 pair"),
        (["web -> wbe deny"], 1, "did you mean web"),
        (["web -> dns:5353 allow"], 1, "denied for 1 pair"),
        (["web -> catalog:nope allow"], 1, "shop/catalog has no port of that name"),
        (["web -> nowhere/* deny"], 1, "there is no namespace nowhere"),
        (["web -> apiserver allow"], 1, "say where it is in `sets`"),
        (["web -> service/catalog:80 deny"], 1, "there is no namespace 'service'"),
        (["web -> shop/service/catalog:80 allow"], 0, "all hold"),
        (["web -> shop/service/catalog:81 allow"], 1, "has no port 81/TCP"),
        (["web => catalog allow"], 2, ""),
    ],
)
def test_single_assertions(tmp_path: Path, lines: list[str], code: int, said: str) -> None:
    done = podwall("test", written(tmp_path, *lines), *GOOD)
    assert (done.code, said in " ".join(done.out.split())) == (code, True), done.out + done.err


def test_every_mistake_has_its_place(tmp_path: Path) -> None:
    done = podwall("test", written(tmp_path, "web => catalog allow", "web -> catalog:0 deny"), *GOOD)
    assert done.code == 2
    assert [line.partition(" expect[")[0] for line in done.err.splitlines()] == [
        f"error: {tmp_path}/e.yaml:5:",
        f"error: {tmp_path}/e.yaml:6:",
    ]


def test_directories_and_standard_input(tmp_path: Path) -> None:
    path = written(tmp_path, "web -> catalog:8080 allow")
    (tmp_path / "pod.yaml").write_text("kind: Pod\n")  # passed over in a folder, a mistake where it is named
    assert podwall("test", tmp_path, path, *GOOD).out.startswith("1 assertion: all hold")
    assert podwall("test", "-", *GOOD, stdin=path.read_text()).code == 0
    done = podwall("test", tmp_path / "pod.yaml", *GOOD)
    assert (done.code, "manifests are given with -f" in done.err) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (EXPECT,),  # no cluster
        (EXPECT, *GOOD, "-o", "xml"),
        (EXPECT, *GOOD, "--min", "101"),
        (EXPECT, *GOOD, "--write"),
        (EXPECT, *GOOD, "-d", "x"),
        (EXPECT, "--schema"),
        ("nowhere.yaml", *GOOD),
        ("-", "-f", "-"),
    ],
    ids=str,
)
def test_usage_errors(arguments: tuple[str, ...]) -> None:
    assert podwall("test", *arguments).code == 2


def test_no_assertions_are_no_pass(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = podwall("test", tmp_path / "empty", *GOOD)
    assert (done.code, "no assertions in" in done.err) == (2, True)


def test_incomplete_input_comes_before_failures(tmp_path: Path) -> None:
    path = tmp_path / "calico.yaml"
    path.write_text("apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: x, namespace: shop}\n")
    assert podwall("test", EXPECT, *BROKEN, "-f", path).code == 3
    assert podwall("test", EXPECT, *BROKEN, "-f", path, "--ignore-kinds").code == 1


def test_a_draft_passes_when_it_is_run(tmp_path: Path) -> None:
    path = tmp_path / "draft.yaml"
    done = podwall("test", "--write", *GOOD, "-d", path)
    assert (done.code, done.out) == (0, "")
    assert podwall("test", "--write", *GOOD).out == path.read_text()
    assert podwall("test", path, *GOOD).code == 0
    assert podwall("test", path, *BROKEN).code == 1
    again = podwall("test", "--write", *GOOD, "-d", path)
    assert (again.code, "the file is there already" in again.err) == (2, True)


def test_the_schema_is_json() -> None:
    assert json.loads(podwall("test", "--schema").out)["properties"]["kind"] == {"const": "Expectations"}


def test_the_same_input_in_another_order_gives_the_same_bytes(tmp_path: Path) -> None:
    files = sorted((SHOP / "good").iterdir())
    forth = [word for file in files for word in ("-f", file)]
    back = [word for file in reversed(files) for word in ("-f", file)]
    one, other = (podwall("test", EXPECT, *order, "-o", "json", "--coverage").out for order in (forth, back))
    assert one == other
