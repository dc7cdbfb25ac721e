"""Exit codes, mistakes, incomplete input, and what is said beside the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest

from podwall import __version__
from podwall.ops import inputs, mapping
from tests.cli.program import SHOP, podwall

GOOD = SHOP / "good"

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - ports:
    - port: PORT
"""
COMPLETE = f"{NAMESPACE}---\n{POD}"
CILIUM = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p}\n"
NOT_ANALYZED = "1 CiliumNetworkPolicy (cilium.io) not analyzed: the answer may be wrong without it"
UNDECLARED = "no Namespace object in the input for shop: taken to have no label but its name"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def policy(port: str) -> str:
    return POLICY.replace("PORT", port)


# ------------------------------------------------------------------------------------------------ invalid input (D14)
def test_every_mistake_of_a_run_is_said_in_order(here: Path) -> None:
    (here / "b.yaml").write_text(f"{policy('0')}---\n{POD}---\nkind: [\n---\n{policy('99999')}")
    (here / "a.yaml").write_text(f"{policy(chr(34) + '80' + chr(34))}---\napiVersion: v1\nmetadata: {{name: x}}\n")
    (here / "c.json").write_text('{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "A"}}\n{"a": ]')
    done = podwall("map", "-f", "c.json", "-f", "b.yaml", "-f", "a.yaml")
    assert (done.code, done.out) == (2, "")
    said = [line.split(" Invalid")[0].split(" Required")[0] for line in done.err.splitlines()]
    assert said[:4] == [
        "error: a.yaml:8: spec.ingress[0].ports[0].port:",
        "error: a.yaml:10: kind:",
        "error: b.yaml:8: spec.ingress[0].ports[0].port:",
        said[3],
    ]
    assert said[3].startswith("error: b.yaml:14: ")  # the bracket that nobody closes
    assert said[4] == "error: b.yaml:23: spec.ingress[0].ports[0].port:"
    assert said[5] == "error: c.json:1: metadata.name:"
    assert said[6].startswith("error: c.json:2: not JSON: ")
    assert len(said) == 7


def test_lines_are_in_order_of_number(here: Path) -> None:
    (here / "a.yaml").write_text("---\n".join(policy("0").replace("name: p", f"name: p{n}") for n in range(13)))
    lines = [int(line.split(":")[2]) for line in podwall("map", "-f", "a.yaml").err.splitlines()]
    assert lines == [8 + 9 * n for n in range(13)]


def test_skip_invalid_leaves_out_and_names(here: Path) -> None:
    (here / "a.yaml").write_text(f"{COMPLETE}---\n{policy('0')}---\n{policy('80')}")
    done = podwall("map", "-f", "a.yaml", "--skip-invalid", "-o", "json")
    left_out = "left out as invalid: a.yaml:16: spec.ingress[0].ports[0].port: Invalid value: 0"
    assert done.code == 0
    assert [fact.partition(": must be")[0] for fact in done.json["incomplete"]] == [left_out]
    assert done.err.startswith(f"warning: {left_out}")
    assert done.json["endpoints"][0]["isolated"] == {"ingress": True, "egress": False}  # the other one counts
    assert podwall("map", "-f", "a.yaml", "--skip-invalid", "--strict").code == 3


def test_skip_invalid_does_not_skip_what_cannot_be_read(here: Path) -> None:
    (here / "a.yaml").write_text(f"{POD}---\na: [\n")
    done = podwall("map", "-f", "a.yaml", "--skip-invalid")
    assert (done.code, done.err.startswith("error: a.yaml:5: ")) == (2, True)


def test_two_objects_of_one_name(here: Path) -> None:
    (here / "a.yaml").write_text(POD)
    (here / "b.yaml").write_text(f"# other\n{POD.replace('name: a', 'name: a, labels: {x: ok}')}")
    expected = "error: b.yaml:2: differs from another Pod shop/a; keep one of the two (the other: a.yaml:1)\n"
    for order in (("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")):
        done = podwall("map", "-f", order[0], "-f", order[1])
        assert (done.code, done.err) == (2, expected)


# ------------------------------------------------------------------------------------------------------- incomplete
INCOMPLETE: list[tuple[str, tuple[str, ...], int, list[str]]] = [
    (COMPLETE, (), 0, []),
    (COMPLETE, ("--strict",), 0, []),
    (POD, (), 0, [UNDECLARED]),
    (POD, ("--strict",), 3, [UNDECLARED]),
    (f"{COMPLETE}---\n{CILIUM}", (), 3, [NOT_ANALYZED]),
    (f"{COMPLETE}---\n{CILIUM}", ("--ignore-kinds",), 0, [NOT_ANALYZED]),
    (f"{COMPLETE}---\n{CILIUM}", ("--ignore-kinds", "--strict"), 3, [NOT_ANALYZED]),
    (f"{POD}---\n{CILIUM}---\n{CILIUM}", (), 3, [NOT_ANALYZED.replace("1 ", "2 ").replace("it", "them"), UNDECLARED]),
]


@pytest.mark.parametrize(("data", "flags", "code", "facts"), INCOMPLETE)
def test_incomplete_input(data: str, flags: tuple[str, ...], code: int, facts: list[str]) -> None:
    facts = [fact.replace("wrong wthemhout", "wrong without") for fact in facts]
    said = "".join(f"warning: {fact}\n" for fact in facts)
    for answer in (("-o", "json"), ("-o", "json", "--summary"), ("-o", "json", "--why")):
        done = podwall("map", "-f", "-", *answer, *flags, stdin=data)
        assert (done.code, done.json["incomplete"]) == (code, facts)
        assert done.err == said
        quiet = podwall("map", "-f", "-", *answer, *flags, "-q", stdin=data)
        assert (quiet.code, quiet.out, quiet.err) == (code, done.out, "")
    text = podwall("map", "-f", "-", *flags, stdin=data)
    assert (text.code, text.err) == (code, said)


def test_incomplete_verdicts(here: Path) -> None:
    (here / "a.yaml").write_text(f"{COMPLETE}---\n{CILIUM}")
    asked = '{"src": "shop/a", "dst": "203.0.113.1", "port": 443}\n'
    done = podwall("verdict", "-f", "a.yaml", "--queries", "-", stdin=asked)
    assert (done.code, done.lines[0]["incomplete"]) == (3, [NOT_ANALYZED])
    done = podwall("verdict", "-f", "a.yaml", "--queries", "-", stdin=asked + "{}\n")
    assert (done.code, done.lines[1]["incomplete"]) == (2, [NOT_ANALYZED])  # 2 comes before 3


def test_undeclared_namespaces_are_one_warning() -> None:
    data = "---\n".join(POD.replace("shop", f"ns-{n}") for n in range(12))
    names = ", ".join(sorted(f"ns-{n}" for n in range(12))[:8])
    assert podwall("map", "-f", "-", stdin=data).err == (
        f"warning: no Namespace object in the input for {names} and 4 more: taken to have no label but its name\n"
    )


def test_warnings_stand_in_order(here: Path) -> None:
    block = policy("80").replace("- ports:", "- from: [{ipBlock: {cidr: 10.0.0.1/8}}]\n    ports:")
    (here / "b.yaml").write_text(block.replace("name: p", "name: q").replace("podSelector", "podSelektor"))
    (here / "a.yaml").write_text(f"{COMPLETE}---\n{block}")
    err = podwall("map", "-f", "b.yaml", "-f", "a.yaml").err.splitlines()
    assert [line.partition(": Invalid")[0] for line in err] == [
        "warning: a.yaml:15: spec.ingress[0].from[0].ipBlock.cidr",
        "warning: b.yaml:5: spec.podSelektor: unknown field, which the API server drops, did you mean `podSelector`?",
        "warning: b.yaml:7: spec.ingress[0].from[0].ipBlock.cidr",
    ]


def test_a_namespace_that_is_not_there() -> None:
    done = podwall("map", "-f", "-", "-n", "shoop", stdin=COMPLETE)
    assert done.code == 0
    assert done.err == "warning: -n shoop: the input has nothing in this namespace; it has shop\n"
    assert podwall("map", "-f", "-", "-n", "shoop", "-A", stdin=COMPLETE).err == ""


# -------------------------------------------------------------------------------------------------- verbose, version
def test_verbose_says_what_was_read_and_how_long_it_took() -> None:
    for command in ("--why", "--summary"):
        done = podwall("map", "-f", GOOD, command, "-v")
        steps = [line for line in done.err.splitlines() if line.endswith(" s")]
        assert [step.partition(":")[0] for step in steps] == (
            ["read", "counted"] if command == "--summary" else ["read", "mapped", "written"]
        )
        read = next(line for line in done.err.splitlines() if "shop.yaml" in line)
        assert read.endswith("shop.yaml: 5,031 bytes, 8 objects")
        assert done.out == podwall("map", "-f", GOOD, command).out


def test_version() -> None:
    assert podwall("version").out == f"podwall {__version__}\n"
    done = podwall("version", "-o", "json")
    assert done.json.keys() == {"apiVersion", "kind", "version", "python"}
    assert (done.json["apiVersion"], done.json["version"]) == ("podwall.io/v1", __version__)
    assert podwall("version", "-o", "yaml").code == 2


# -------------------------------------------------------------------------------------------------------------- bugs
class _Broken(Exception):
    pass


def broken(*_: Any, **__: Any) -> NoReturn:
    raise _Broken("it broke\n  in two lines")


@pytest.mark.parametrize("command", [("map",), ("map", "--summary"), ("verdict", "--queries", "-")], ids=str)
def test_a_bug_is_one_line_and_exit_4(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "assemble", broken)
    done = podwall(*command, "-f", GOOD, stdin="{}")
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        "bug in podwall: _Broken: it broke in two lines; "
        "please report it, with what the same command prints with --debug\n"
    )


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "edges", broken)
    done = podwall("map", "-f", GOOD, "--debug")
    assert done.code == 4
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert done.err.endswith("bug in podwall: _Broken: it broke in two lines; please report it\n")


def test_a_bug_comes_before_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "edges", broken)
    assert podwall("map", "-f", "-", stdin=f"{COMPLETE}---\n{CILIUM}").code == 4


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (MemoryError(), 2, "error: there is not enough memory for this input\n"),
        (KeyboardInterrupt(), 130, ""),
        (
            RecursionError("too deep"),
            4,
            "bug in podwall: RecursionError: too deep; please report it, with what the same",
        ),
    ],
)
def test_other_ways_to_end(raised: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise raised

    monkeypatch.setattr(inputs, "assemble", fail)
    done = podwall("map", "-f", GOOD)
    assert (done.code, done.err.startswith(said)) == (code, True)
