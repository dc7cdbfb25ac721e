"""The lines that a field takes up."""

from __future__ import annotations

import pytest

from podwall.text.excerpt import Line, excerpt, rendered
from podwall.text.where import Path

BLOCK = b"""spec:
  ingress:
  - from:
    - podSelector: {}

    # who
    - namespaceSelector: {}
    ports:
    - port: 80
  # the next one
  - from: []
---
kind: Other"""
FLOW = b"""spec:
  ingress: [{from: [{podSelector: {}}],
             ports: [{port: 80}]}]
  egress: []"""
JSON = b"""{
  "spec": {
    "ingress": [
      {
        "from": [],
        "ports": []
      },
      {}
    ]
  }
}"""


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        (BLOCK, 3, 9),
        (BLOCK, 4, 4),
        (BLOCK, 11, 11),
        (BLOCK, 13, 13),
        (BLOCK, 1, 11),
        (FLOW, 2, 3),
        (JSON, 4, 7),
        (JSON, 8, 8),
    ],
)
def test_extent(text: bytes, first: int, last: int) -> None:
    found = excerpt(text.splitlines()[first - 1 :], first, ())
    assert (found[0].number, found[-1].number) == (first, last)
    assert [line.text.encode() for line in found] == text.splitlines()[first - 1 : last]


def test_marks() -> None:
    found = excerpt(BLOCK.splitlines()[2:], 3, {4, 9})
    assert [line.number for line in found if line.marked] == [4, 9]


def test_long_ones_keep_the_marked_lines() -> None:
    peer = [b"  - podSelector:", b"      matchLabels:", b"        app: web"]
    found = excerpt([b"- from:", *(line for _ in range(20) for line in peer)], 1, {20})
    assert [line.number for line in found] == [1, 0, 19, 20, 21, 22, 23, 0]
    assert found[1] == Line(0, "…")


def test_a_long_marked_field_is_cut() -> None:
    found = excerpt([b"- from:", b"  - podSelector:", *(b"      # x" for _ in range(40)), b"      a: b"], 1, {2})
    assert [line.number for line in found] == [*range(1, 11), 0]


@pytest.mark.parametrize(("lines", "first"), [([], 1), ([b"x" * 500], 1)])
def test_nothing_to_show(lines: list[bytes], first: int) -> None:
    assert excerpt(lines, first, ()) == ()


def test_a_rule_without_its_text() -> None:
    value = {"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 80}]}
    lines: dict[Path, int] = {("ports",): 3, ("ports", 0): 3, ("from",): 5, ("from", 0): 6, ("from", 1): 7}
    path: Path = ("spec", "ingress", 2)

    def line_of(place: Path) -> int:
        inner = place[len(path) :]
        return next((lines[inner[:n]] for n in range(len(inner), 0, -1) if inner[:n] in lines), 3)

    assert rendered(value, path, {(*path, "from", 1)}, line_of) == (
        Line(3, "- ports:"),
        Line(3, "  - port: 80"),
        Line(5, "  from:"),
        Line(6, "  - podSelector: {}"),
        Line(7, "  - ipBlock:", marked=True),
        Line(7, "      cidr: 10.0.0.0/8"),
    )
    assert rendered({"a": "x" * 500}, path, (), line_of) == ()
