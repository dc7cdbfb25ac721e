"""Scalars mean what kubectl says they mean: its answers are kept in scalars.json, asked anew in test_kubectl.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podwall.errors import InvalidText
from podwall.text.yaml import documents
from tests.text import kubectl

TABLE = json.loads(Path(__file__).with_name("scalars.json").read_text())

# Where kubectl answers otherwise, on purpose. What it drops or cannot read is never read as something else.
STRICTER = (
    ("v: {a: 1, a: 2}", "duplicate key `a`"),
    ("v: [&x 1, {*x : 1}]", "`*x` stands for no text"),
    ("v: [!x , 1]", "a tag without a value"),
)
LOOSER = (
    (r'v: "\/"', {"v": "/"}),
    ("18446744073709551615: k", {"1.8446744e+19": "k"}),
    ("v: [a?b]", {"v": ["a?b"]}),
)


def _spec(line: str) -> object:
    (document,) = documents((kubectl.HEADER.format(0) + f"spec:\n  {line}\n").encode(), "f.yaml")
    assert isinstance(document.value, dict)
    return document.value["spec"]


def _same(a: object, b: object) -> bool:
    # json tells 1 from 1.0 and from true, which == does not.
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


@pytest.mark.parametrize(("kind", "line"), [("values", "v: {}"), ("keys", "{}: k")])
def test_every_answer_of_kubectl(kind: str, line: str) -> None:
    wrong = []
    for text, expected in TABLE[kind]:
        try:
            found = _spec(line.replace("{}", text))
        except InvalidText:
            found = None
        if not _same(found, expected):
            wrong.append((text, expected, found))
    assert not wrong


@pytest.mark.parametrize(("line", "message"), STRICTER)
def test_stricter_than_kubectl(line: str, message: str) -> None:
    with pytest.raises(InvalidText, match=message.replace("*", r"\*")):
        _spec(line)


@pytest.mark.parametrize(("line", "expected"), LOOSER)
def test_looser_than_kubectl(line: str, expected: object) -> None:
    assert _same(_spec(line), expected)
