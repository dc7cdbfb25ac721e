"""Values, items, duplicate keys and lines in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Raw

from podwall.errors import InvalidText
from podwall.text.json import duplicate_key, items, locate, locate_all, values
from podwall.text.where import Path, parse_field


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b" \r\n\t", []),
        (b'{"a": 1}', [(1, b'{"a": 1}')]),
        (b'\n\n {"a": 1}\n\n', [(3, b'{"a": 1}')]),
        (b'{"a": 1}\n{"b": 2}\n', [(1, b'{"a": 1}'), (2, b'{"b": 2}')]),
        (b'{\n"a": 1}{"b":\n 2}\n\n[3]', [(1, b'{\n"a": 1}'), (2, b'{"b":\n 2}'), (5, b"[3]")]),
        (b'"a""b" 1 2', [(1, b'"a"'), (1, b'"b"'), (1, b"1"), (1, b"2")]),
        (b'\xef\xbb\xbf{"a": 1}', [(1, b'{"a": 1}')]),
        ('\ufeff{"a": "é"}'.encode("utf-16-le"), [(1, '{"a": "é"}'.encode())]),
        ('\ufeff\n"é"\n1'.encode("utf-16-be"), [(2, '"é"'.encode()), (3, b"1")]),
    ],
)
def test_values(data: bytes, expected: list[tuple[int, bytes]]) -> None:
    assert [(value.line, bytes(value.raw)) for value in values(data, "f.json")] == expected


REFUSED = [
    (b'{"a": 1', 1, "is the file cut off?"),
    (b'{"a":\n\n [1,\n', 3, "is the file cut off?"),
    (b'{"a": 1}\n{"b" 2}', 2, "expected ':' (byte 14)"),
    (b'{"a": 1,\n}', 2, "trailing comma"),
    (b"kind: Pod\n", 1, "if it is YAML"),
    (b'{"a": 1}\n\x00', 2, "invalid character"),
    (b'"\x00"', 1, "invalid character"),
    (b'\n"\xff"', 2, "not valid UTF-8 at byte 2"),
    (b"\xff\xfea", 1, "not valid UTF-16"),
    (b"\x1f\x8b\x08", 1, "not valid UTF-8"),
    (b"[" * 100_000, 1, "nested too deeply"),
    (b'1\n{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 2, "nested too deeply"),
]


@pytest.mark.parametrize(("data", "line", "message"), REFUSED, ids=[str(row[0][:16]) for row in REFUSED])
def test_refused(data: bytes, line: int, message: str) -> None:
    with pytest.raises(InvalidText) as caught:
        list(values(data, "f.json"))
    assert caught.value.problem.where == f"f.json:{line}"
    assert message in caught.value.problem.message


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"items": []}', []),
        (b'{"kind": "List", "items": [{"a": 1}, 2 ], "x": {}}', [b'{"a": 1}', b"2"]),
        (b'{"spec": {"items": [1]}}', None),
        (b'{"items": {"a": 1}}', None),
        (b'{"items": null}', None),
        (b'["items"]', None),
        (b"1", None),
    ],
)
def test_items(raw: bytes, expected: list[bytes] | None) -> None:
    for form in (raw, Raw(raw)):
        found = items(form)
        assert (None if found is None else [bytes(item) for item in found]) == expected


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"a": 1, "b": {"a": 1, "b": [{"a": 1}, {"a": 2}]}}', None),
        (b'{"a": "{\\"a\\": 1, \\"a\\": 2}", "b": "a\\": "}', None),
        (b'{"a": 1,\n "b": 2,\n "a": 3}', "a"),
        (b'{"x": [1,\n{"a": 1, "b": {"a": 1}\n,"\\u0061": 2}]}', "x[1].a"),
        (b'{"x": [[], [{"b": 1}, 2, {"b": [1, 2]}, {"c": {}, "a": {"d": 1, "e": {}, "d": 2}}]]}', "x[1][3].a.d"),
        (b'[{"a": 1}, {"b": {"c": 1, "c": 2}}]', "[1].b.c"),
        (b'{"": 1, "": 2}', '[""]'),
        (b'{"a": ' + b"9" * 5000 + b"}", None),
    ],
)
def test_duplicate_key(raw: bytes, field: str | None) -> None:
    expected = None if field is None else parse_field(field)
    assert duplicate_key(raw) == expected
    assert duplicate_key(Raw(raw)) == expected


def test_duplicate_key_in_the_depth() -> None:
    depth = 100_000
    assert duplicate_key(b"[" * depth + b"]" * depth) is None
    assert duplicate_key(b"[" * depth + b'{"a": 1, "a": 2}' + b"]" * depth) == (*(0,) * depth, "a")


POLICY = rb"""{
 "kind": "a \"kind\": {[",
 "spec": {
  "ingress": [
   {"ports": [{"port": 80},
     {"port": 81,
      "endPort": 90}]},
   {}, [1,
    2]
  ],
  "a.b/c": {"x": 1}
 }
}"""


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("", 0),
        ("kind", 1),
        ("kind.x", 1),
        ("spec", 2),
        ("spec.ingress", 3),
        ("spec.ingress[0]", 4),
        ("spec.ingress[0].ports", 4),
        ("spec.ingress[0].ports[1]", 5),
        ("spec.ingress[0].ports[1].endPort", 6),
        ("spec.ingress[0].ports[1].name", 5),
        ("spec.ingress[0].ports[2]", 4),
        ("spec.ingress[1].ports", 7),
        ("spec.ingress[2][1]", 8),
        ("spec.ingress[3]", 3),
        ("spec.ingress.ports", 3),
        ("spec.egress", 2),
        ("spec[0]", 2),
        ("spec[a.b/c].x", 10),
        ("status", 0),
    ],
)
def test_locate(field: str, line: int) -> None:
    assert locate(POLICY, parse_field(field)) == line
    assert locate(Raw(POLICY), parse_field(field)) == line


def test_locate_in_the_depth() -> None:
    depth = 50_000
    assert locate(b"[\n" * depth + b"]" * depth, (0,) * (depth + 5)) == depth - 1


# ---------------------------------------------------------------------------------------------------------- locate_all
def paths_of(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in children:
        yield from paths_of(inner, (*path, step))


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        7,
        {"a": [{"b": 1, "c": [[], {}, [1, [2, {"d": None}]]]}, "b", {"a": {"a": {"a": "a: [{"}}}], "b": True},
        [[[1], 2], {"ü": {"x\ny": [3]}}],
    ],
    ids=str,
)
def test_many_places_at_once_are_those_found_one_by_one(value: Any, indent: int | None) -> None:
    raw = json.dumps(value, indent=indent).encode()
    paths = [*paths_of(value), ("a", 0, "nothing", 3), ("nothing",), ("a", 9)]
    assert locate_all(raw, paths) == {path: locate(raw, path) for path in paths}
