"""Edits in place: the text before and after, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path as File

import pytest

from podwall.errors import CannotEdit
from podwall.text import yaml
from podwall.text.rewrite import Change, rewritten

ROOT = File(__file__).parents[2]

# before, change, after
EDITS: dict[str, tuple[str, Change, str]] = {
    "a number loses its quotes": (
        'ports:\n- {port: "80"} # web\n',
        Change(0, "replace", ("ports", 0, "port"), 80),
        "ports:\n- {port: 80} # web\n",
    ),
    "text keeps its quotes": (
        "a: 'x' # c\nb: \"y\"\n",
        Change(0, "replace", ("a",), "it's"),
        "a: 'it''s' # c\nb: \"y\"\n",
    ),
    "text that would be read as something else gets quotes": (
        "a: x\n",
        Change(0, "replace", ("a",), "yes"),
        'a: "yes"\n',
    ),
    "a key behind the others": (
        "spec:\n  podSelector: {}  # all\n# the end\n",
        Change(0, "add", ("spec", "policyTypes"), ["Ingress"]),
        "spec:\n  podSelector: {}  # all\n  policyTypes:\n  - Ingress\n# the end\n",
    ),
    "a list as deep as others in this text": (
        "spec:\n  egress:\n    - to: []\n",
        Change(0, "add", ("spec", "policyTypes"), ["Egress"]),
        "spec:\n  egress:\n    - to: []\n  policyTypes:\n    - Egress\n",
    ),
    "a key into what was empty": (
        "spec:\n  podSelector: {} # all\n",
        Change(0, "add", ("spec", "podSelector", "matchLabels"), {"app": "web"}),
        "spec:\n  podSelector: # all\n    matchLabels:\n      app: web\n",
    ),
    "a value where there was none": (
        "spec:\n  egress:\n  ingress:\n",
        Change(0, "replace", ("spec", "egress"), [{"to": []}]),
        "spec:\n  egress:\n  - to: []\n  ingress:\n",
    ),
    "an item behind the last": (
        "to:\n# first\n- a: 1\n  b: 2   # two\n# behind\nports: []\n",
        Change(0, "add", ("to", 1), {"c": 3}),
        "to:\n# first\n- a: 1\n  b: 2   # two\n- c: 3\n# behind\nports: []\n",
    ),
    "an item before the first": (
        "to:\n- a\n",
        Change(0, "add", ("to", 0), "b"),
        "to:\n- b\n- a\n",
    ),
    "the last key of a mapping": (
        "a:\n  # why\n  b: 1\nc: 2\n",
        Change(0, "remove", ("a", "b")),
        "a: {}\n  # why\nc: 2\n",
    ),
    "the first key behind a dash": (
        "- a: 1 # one\n  b: 2\n- c: 3\n",
        Change(0, "remove", (0, "a")),
        "- b: 2\n- c: 3\n",
    ),
    "a whole rule with its lines": (
        "egress:\n- to: []\n  ports:\n  - port: 1\n\n# two\n- to: []\n",
        Change(0, "remove", ("egress", 0)),
        "egress:\n\n# two\n- to: []\n",
    ),
    "the only item": (
        "except:\n- 10.0.0.0/8\ncidr: x\n",
        Change(0, "remove", ("except", 0)),
        "except: []\ncidr: x\n",
    ),
    "an item of a flow list": ("a: [1, 2, 3]\n", Change(0, "remove", ("a", 1)), "a: [1, 3]\n"),
    "the last of a flow list": ("a: [1, 2, 3]\n", Change(0, "remove", ("a", 2)), "a: [1, 2]\n"),
    "a key that is misspelled": (
        "spec:\n  ingres: # in\n  - {}\n",
        Change(0, "rename", ("spec", "ingres"), "ingress"),
        "spec:\n  ingress: # in\n  - {}\n",
    ),
    "text over several lines": (
        "a: |\n  x\n  y\nb: 1\n",
        Change(0, "replace", ("a",), "z"),
        "a: z\nb: 1\n",
    ),
    "a text without an end of line": ("a: 1\nb: 2", Change(0, "add", ("c",), 3), "a: 1\nb: 2\nc: 3\n"),
    "Windows' ends of lines": (
        "a: 1\r\nb:\r\n- x\r\n",
        Change(0, "add", ("b", 1), {"k": [1]}),
        "a: 1\r\nb:\r\n- x\r\n- k:\r\n  - 1\r\n",
    ),
    "a byte order mark and letters of several bytes": (
        "\ufeffname: Zoë # ä\nport: '80'\n",
        Change(0, "replace", ("port",), 80),
        "\ufeffname: Zoë # ä\nport: 80\n",
    ),
    "the second of three documents": (
        "a: 1\n--- # two\nb: 1\n---\nc: 1\n",
        Change(1, "replace", ("b",), 2),
        "a: 1\n--- # two\nb: 2\n---\nc: 1\n",
    ),
    "a document behind another": (
        "a: 1\n---\nc: 1\n",
        Change(0, "append", (), {"b": [1]}),
        "a: 1\n---\nb:\n- 1\n---\nc: 1\n",
    ),
    "the first of two documents": ("# a\na: 1\n---\nb: 1\n", Change(0, "remove", ()), "b: 1\n"),
    "the first, behind a separator": ("---\na: 1\n---\nb: 1\n", Change(0, "remove", ()), "---\nb: 1\n"),
    "a document between others": (
        "a: 1\r\n--- # two\r\nb: 1\r\n---\r\nc: 1",
        Change(1, "remove", ()),
        "a: 1\r\n--- # two\r\nc: 1",
    ),
    "the last of two documents": ("a: 1\n--- # b\nb: 1", Change(1, "remove", ()), "a: 1\n"),
    "a document behind the last": ("a: 1", Change(0, "append", (), {"b": 1}), "a: 1\n---\nb: 1\n"),
    "JSON stays JSON": (
        '{\n  "a": {\n    "b": 1\n  }\n}\n',
        Change(0, "add", ("a", "c"), {"d": ["x"]}),
        '{\n  "a": {\n    "b": 1,\n    "c": {"d": ["x"]}\n  }\n}\n',
    ),
    "a member of JSON goes with its line": (
        '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}\n',
        Change(0, "remove", ("b",)),
        '{\n  "a": 1,\n  "c": 3\n}\n',
    ),
}

REFUSED: dict[str, tuple[str, Change]] = {
    "behind an alias": ("a: &x {b: 1}\nc: *x\n", Change(0, "replace", ("c", "b"), 2)),
    "what an alias repeats": ("a: &x {b: 1}\nc: *x\n", Change(0, "replace", ("a", "b"), 2)),
    "what is not there": ("a: 1\n", Change(0, "replace", ("b",), 2)),
    "what is there already": ("a: 1\nb: 2\n", Change(0, "add", ("b",), 2)),
    "the only document": ("a: 1\n", Change(0, "remove", ())),
    "a document of JSON": ('{"a": 1}\n', Change(0, "remove", ())),
    "no such document": ("a: 1\n", Change(1, "replace", ("a",), 2)),
    "an object behind JSON": ('{"a": 1}\n', Change(0, "append", (), {"b": 1})),
    "text that is not YAML": ("a: [\n", Change(0, "replace", ("a",), 2)),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_touches_what_it_names_and_nothing_else(name: str) -> None:
    before, change, after = EDITS[name]
    assert rewritten(before.encode(), "a.yaml", [change]).decode() == after


@pytest.mark.parametrize("name", REFUSED)
def test_an_edit_that_cannot_be_made_is_refused(name: str) -> None:
    before, change = REFUSED[name]
    with pytest.raises(CannotEdit, match=r"a\.yaml: .*cannot be edited in place"):
        rewritten(before.encode(), "a.yaml", [change])


def test_a_dump_is_no_file_to_edit() -> None:
    data = b"a: 1\nb: " + b"x" * (1 << 20)
    with pytest.raises(CannotEdit, match="is a dump"):
        rewritten(data, "a.yaml", [Change(0, "replace", ("a",), 2)])
    beside = b"a: 1\n---\nb: " + b"x" * (1 << 20)
    assert rewritten(beside, "a.yaml", [Change(0, "replace", ("a",), 2)]).startswith(b"a: 2\n---\n")


def test_edits_are_made_one_after_the_other() -> None:
    data = rewritten(b"a: [1, 2, 3]\n", "a.yaml", [Change(0, "remove", ("a", 0)), Change(0, "replace", ("a", 0), 9)])
    assert data == b"a: [9, 3]\n"


def test_edits_of_real_files_leave_every_other_line_alone() -> None:
    """Any edit of any place of our own files: it is made, and the lines around it are the same in the same order."""
    rng = random.Random(8)
    files = sorted((ROOT / "examples").rglob("*.yaml")) + sorted((ROOT / "tests" / "cases").glob("*.yaml"))
    for _ in range(400):
        data = rng.choice(files).read_bytes()
        if rng.random() < 0.2:
            data = data.replace(b"\n", b"\r\n")
        document = rng.choice(list(yaml.documents(data, "a.yaml")))
        change = _any_change(rng, document)
        before, after = data.splitlines(), rewritten(data, "a.yaml", [change]).splitlines()
        comments = [line for line in before if line.lstrip().startswith(b"#")]
        kept = [line for line in after if line.lstrip().startswith(b"#")]
        assert len(comments) - len(kept) <= (0 if change.op != "remove" else _lines_of(document, change))
        same = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
        changed = len(before) - same - _common_end(before[same:], after[same:])
        assert changed <= _lines_of(document, change) + len(comments)


VALUES: tuple[object, ...] = (
    *("web", "80", "a: b", 80, True, None),
    *([], {}, ["Ingress"], [{"port": 53}], {"matchLabels": {"app": "web"}}),
)


def _any_change(rng: random.Random, document: yaml.Document) -> Change:
    places = list(_places(document.value, ()))[1:]
    op = rng.choice(("add", "replace", "remove", "rename", "append"))
    path, value = rng.choice(places)
    if op == "append":
        return Change(document.index, "append", (), {"kind": "X"})
    if op == "rename" and isinstance(path[-1], str):
        return Change(document.index, "rename", path, "renamed")
    if op == "add" and isinstance(value, dict | list):
        last = rng.randint(0, len(value)) if isinstance(value, list) else "renamed"
        return Change(document.index, "add", (*path, last), rng.choice(VALUES))
    return Change(document.index, "remove" if op == "remove" else "replace", path, rng.choice(VALUES))


def _places(value: object, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], object]]:
    yield path, value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        yield from _places(inner, (*path, step))


def _lines_of(document: yaml.Document, change: Change) -> int:
    """The most lines that the value at a change's place, and what holds it, may take up."""
    value = document.value
    for step in change.path[:-1]:
        value = value[step]  # type: ignore[index]
    return 2 + sum(1 for _ in _places(value, ()))


def _common_end(before: list[bytes], after: list[bytes]) -> int:
    pairs = zip(reversed(before), reversed(after), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(before), len(after)))
