"""Documents, their lines, what is refused and how it is said, and the lines of fields."""

from __future__ import annotations

import subprocess
import sys

import pytest

from podwall.errors import InvalidText
from podwall.text.build import MAX_DEPTH
from podwall.text.where import Path, parse_field
from podwall.text.yaml import Document, documents, item_lines, locate, locate_all


def _all(text: str | bytes) -> list[Document]:
    return list(documents(text.encode() if isinstance(text, str) else text, "f.yaml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n\n", []),
        ("# only a comment\n", []),
        ("null\n", []),
        ("a: 1\n", [(0, 1, {"a": 1})]),
        ("a: 1", [(0, 1, {"a": 1})]),
        ("\n# c\na: 1\n", [(0, 3, {"a": 1})]),
        ("---\na: 1\n", [(0, 2, {"a": 1})]),
        ("a: 1\n---\nb: 2\n", [(0, 1, {"a": 1}), (1, 3, {"b": 2})]),
        ("a: 1\n---\n# nothing\n---\nb: 2\n", [(0, 1, {"a": 1}), (2, 5, {"b": 2})]),
        ("a: 1\n---\n---\nb: 2\n", [(0, 1, {"a": 1}), (1, 4, {"b": 2})]),
        ("a: 1\r\n---\r\nb: 2\r\n", [(0, 1, {"a": 1}), (1, 3, {"b": 2})]),
        ("a\n---\nb", [(0, 1, "a"), (1, 3, "b")]),
        ("a: |\n  x\n  ---\n  y\n", [(0, 1, {"a": "x\n---\ny\n"})]),
        ("\ufeffa: 1\n", [(0, 1, {"a": 1})]),
        ("# a\u2028# b\x85# c\n\na: é\n", [(0, 3, {"a": "é"})]),
        ("\ufeff\n\na: é\n".encode("utf-16-le"), [(0, 3, {"a": "é"})]),
        ("\ufeffa: é\n".encode("utf-16-be"), [(0, 1, {"a": "é"})]),
    ],
)
def test_documents(text: str | bytes, expected: list[tuple[int, int, object]]) -> None:
    assert [(d.index, d.line, d.value) for d in _all(text)] == expected


REFUSED = [
    ("a: 1\n---\nb:\n\tc: 1\n", 4, "replace the tab by spaces"),
    ("a: 1\nb: 2\na: 3\n", 3, "duplicate key `a`; keep one of them, kubectl would take the last (first on line 1)"),
    ("x: 1\n---\na: {b: 1,\n  c: 2, b: 3}\n", 4, "(first on line 3)"),
    ("- {a: 1}\n- - b: 1\n    1: 2\n    '1': 3\n", 4, "duplicate key `1`"),
    ("a: 1\n? [x]\n: 2\n", 2, "a mapping or a list cannot be a key"),
    ("spec:\n  name: {{ .Values.name }}\n", 2, "{{ template }}"),
    ("a: 1\n~: 2\n", 2, "null cannot be a key"),
    ("a: *b\n", 1, "`*b` refers to nothing; define `&b` before it"),
    ("x: &a 1\n---\ny: *a\n", 3, "`*a` refers to nothing"),
    ("a: &a\n  b: *a\n", 2, "`*a` stands inside what it refers to"),
    ("a: 1\nb: .inf\n", 2, "infinity"),
    ("a: 1\nb: !!int x\n", 2, "`x` is no !!int"),
    ("a: 1\nb: !!binary '-'\n", 2, "!!binary needs base64"),
    ("a: !e!x y\n", 1, "undefined tag handle"),
    ("<<: 1\n", 1, "`<<` takes a mapping"),
    ("a: 1\nb: c: d\n", 2, "quote a value that has `: ` in it"),
    ("a: 1\n b: 2\n", 2, "mapping values are not allowed"),
    ("a:\n  b: 1\n c: 2\n", 3, "did not find expected key"),
    ("a: @x\n", 1, "quote the value: `@` cannot begin one"),
    ("z: 0\na: [1,\n  2\nb: 3\n", 4, "(while parsing a flow sequence that begins on line 2); close the bracket"),
    ('a: "x\nb: 1\n', 2, "(while scanning a quoted scalar that begins on line 1); close the quote"),
    ("a: 'x\n---\nb: 1\n", 1, "close the quote"),
    ('a: 1\nb: "\\q"\n', 2, "double the backslash"),
    ("a: 1\n--- b: 2\n", 2, "`---` must stand alone"),
    ("a: 1\n----\n", 2, "`---` must stand alone"),
    ("a: 1\n...\nb: 2\n", 3, "`---`"),
    ("a: 1\nb: 2\x07\n", 2, "control character 0x07 at byte 9"),
    ("a: 1\n---\nb: \x00\n", 3, "a NUL byte at byte 12"),
    (b"a: 1\nb: \xff\n", 2, "not valid UTF-8 at byte 8"),
    (b"a: 1\n---\nb: \xc3\n", 3, "not valid UTF-8 at byte 13"),
    (b"\x89PNG\r\n\x1a\n", 1, "not valid UTF-8 at byte 0"),
    ("a: 1\n".encode("utf-16-le"), 1, "NUL byte"),
    ("\ufeffa: 1\n---\nb: 2\n".encode("utf-16-le"), 2, "`---`"),
    (b"\xff\xfea", 1, "save the file as UTF-8"),
    ("[" * (MAX_DEPTH + 1), 1, "more than 200 levels"),
    ("[" * 100_000, 1, "more than 200 levels"),
    ("{a: " * 100_000, 1, "more than 200 levels"),
    ("- " * 100_000, 1, "more than 200 levels"),
    ("? " * 100_000, 1, "more than 200 levels"),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED, ids=[str(row[0][:24]) for row in REFUSED])
def test_refused(text: str | bytes, line: int, message: str) -> None:
    with pytest.raises(InvalidText) as caught:
        _all(text)
    assert caught.value.problem.where == f"f.yaml:{line}"
    assert message in caught.value.problem.message


def test_what_stands_before_a_mistake_is_read() -> None:
    reading = documents(b"a: 1\n---\nb: [\n", "f.yaml")
    assert next(reading).value == {"a": 1}
    with pytest.raises(InvalidText):
        next(reading)


def test_depth_up_to_the_bound() -> None:
    assert _all("[" * MAX_DEPTH + "]" * MAX_DEPTH)


def test_depth_counts_aliases() -> None:
    deep = "".join(f"- &a{n} [{'[' * 20}*a{n - 1}{']' * 20}]\n" for n in range(1, 20))
    with pytest.raises(InvalidText, match="more than 200 levels"):
        _all("- &a0 x\n" + deep)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[&a {x: [1]}, *a, *a]", [{"x": [1]}] * 3),
        ("[&a 1, &a 2, *a]", [1, 2, 2]),
        ("[&a [&a 1], *a]", [[1], 1]),
        ("{a: &x k, *x : 1}", {"a": "k", "k": 1}),
        ("[&x {a: 1}, {<<: *x, a: 2}]", [{"a": 1}, {"a": 2}]),
        ("{a: 1, <<: {a: 2, b: 3}}", {"a": 2, "b": 3}),
        ("{<<: [{a: 1}, {a: 2, b: 3}]}", {"a": 1, "b": 3}),
        ("[&x <<, *x, <<]", ["<<", "<<", "<<"]),
        ("{true: 1, 2: 3, 1.5: 4, 1e6: 5, 0x10: 6}", {"true": 1, "2": 3, "1.5": 4, "1e+06": 5, "16": 6}),
    ],
)
def test_aliases_merges_and_keys(text: str, expected: object) -> None:
    assert [d.value for d in _all(text)] == [expected]


def _laughs(width: int, levels: int) -> str:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


MERGES = "a0: &a0 {k: v}\n" + "\n".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 40))
BOMBS = {
    "billion laughs": _laughs(9, 12),
    "wide": "a: &a [" + "x, " * 5000 + "]\nb: [" + "*a, " * 5000 + "]",
    "merges": MERGES,
    "lists of one": _laughs(1, 150) + "\nb: [" + "*a149, " * 20000 + "]",
}


@pytest.mark.parametrize("name", BOMBS)
def test_alias_bombs_are_refused(name: str) -> None:
    with pytest.raises(InvalidText, match="aliases blow this document up"):
        _all(BOMBS[name])


def test_many_aliases_are_fine() -> None:
    text = "a: &a {x: 1, z: [2]}\nb:\n" + "- *a\n" * 5000
    assert _all(text)[0].value == {"a": {"x": 1, "z": [2]}, "b": [{"x": 1, "z": [2]}] * 5000}


_CHILD = """
import resource, sys
from podwall.errors import InvalidText
from podwall.text.yaml import documents
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
try:
    list(documents(sys.stdin.buffer.read(), "f.yaml"))
except InvalidText:
    print("refused")
"""


@pytest.mark.parametrize("name", [*BOMBS, "brackets"])
def test_bombs_stay_small(name: str) -> None:
    text = BOMBS.get(name, "[" * 1_000_000)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD.format(limit=400 << 20)],
        input=text.encode(),
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout == b"refused\n", done.stderr.decode()


MANIFEST = """\
# two objects
apiVersion: v1
kind: List
metadata: {name: x,
  labels: {app.kubernetes.io/name: web,
           1: one}}
---

kind: NetworkPolicy
spec:
  ingress:
  - from:
    - podSelector: {}
    ports:
    - protocol: TCP
      port: 80
    -
      port: 81
  - {ports: [{port: 82},
             {port: 83}]}
  egress: &e
  - to: []
  again: *e
  "quoted key": 1
"""


LINES = [
    (0, "", 2),
    (0, "kind", 3),
    (0, "metadata.labels", 5),
    (0, "metadata.labels[app.kubernetes.io/name]", 5),
    (0, 'metadata.labels["1"]', 6),
    (0, "metadata.annotations", 4),
    (0, "spec", 2),
    (1, "", 9),
    (1, "kind", 9),
    (1, "spec.ingress", 11),
    (1, "spec.ingress[0]", 12),
    (1, "spec.ingress[0].from[0].podSelector", 13),
    (1, "spec.ingress[0].from[0].podSelector.matchLabels", 13),
    (1, "spec.ingress[0].ports[0]", 15),
    (1, "spec.ingress[0].ports[0].port", 16),
    (1, "spec.ingress[0].ports[0].endPort", 15),
    (1, "spec.ingress[0].ports[1].port", 18),
    (1, "spec.ingress[0].ports[2]", 14),
    (1, "spec.ingress[1].ports[1].port", 20),
    (1, "spec.ingress.ports", 11),
    (1, "spec[0]", 10),
    (1, "spec.again[0].to", 23),
    (1, "spec[quoted key]", 24),
]


@pytest.mark.parametrize(("index", "field", "line"), LINES)
def test_locate(index: int, field: str, line: int) -> None:
    assert locate(MANIFEST.encode(), "f.yaml", index, parse_field(field)) == line


def test_locate_all() -> None:
    wanted: dict[int, list[Path]] = {0: [], 1: []}
    for index, field, _ in LINES:
        wanted[index].append(parse_field(field))
    found = locate_all(MANIFEST.encode(), "f.yaml", wanted)
    assert found == {(index, parse_field(field)): line for index, field, line in LINES}


def test_locate_outside() -> None:
    path: Path = ("a",)
    with pytest.raises(LookupError):
        locate(b"a: 1\n", "f.yaml", 1, path)
    assert locate(b"# nothing\n", "f.yaml", 0, path) == 1
    assert locate(b"b: 1\n---\na: 1\n--- x\n", "f.yaml", 0, path) == 1
    with pytest.raises(InvalidText, match=r"f.yaml:2"):
        locate(b"b: [\n}\na: 1\n", "f.yaml", 0, path)


LISTS = """\
# é\u2028# breaks a line for YAML, in no editor
kind: List
items:
- a: 1
  items: [x]
-
  # what comes next
  b: {c: [1,
    2]}
- *never
- {d: 1}
---
items: [a,
  b, {c:
  d}]
---
items: {a: 1}
---
- items: [a]
---
# nothing
"""


@pytest.mark.parametrize(
    ("index", "lines"), [(0, [4, 8, 10, 11]), (1, [13, 14, 14]), (2, []), (3, []), (4, [])], ids=str
)
@pytest.mark.parametrize("odd", [True, False], ids=["odd breaks", "plain"])
def test_item_lines(index: int, lines: list[int], odd: bool) -> None:
    text = LISTS if odd else LISTS.replace("\u2028", " ")
    assert item_lines(text.encode(), "f.yaml", index) == lines
    for position, line in enumerate(lines):  # what `locate` says of each
        assert locate(text.encode(), "f.yaml", index, ("items", position)) == line


def test_item_lines_outside() -> None:
    with pytest.raises(LookupError):
        item_lines(b"items: []\n", "f.yaml", 1)
    with pytest.raises(InvalidText, match=r"f.yaml:3"):
        item_lines(b"items:\n- a\n- ]\n", "f.yaml", 0)
