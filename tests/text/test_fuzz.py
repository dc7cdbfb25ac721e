"""Whatever the bytes are: values that JSON could hold, or InvalidText with a line of the text. Nothing else."""

from __future__ import annotations

import json
import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from podwall.errors import InvalidText
from podwall.text import json as text_json
from podwall.text import yaml as text_yaml
from tests.text import mutate

PIECES = st.sampled_from(
    [
        *"abk01:-?&*!|>'\"#%@`{}[],\\\n\t .~_=<",
        *("\n  ", "- ", ": ", "&a ", "*a", "<<: ", "!!int ", "---\n", "...\n", "\r", "\r\n", "|\n  ", "{{ x }}"),
        *("é", "\u2028", "\x85", "\ufeff", "\0", "1e3", "0x", "yes", "null"),
    ]
)


def _lines(data: bytes) -> int:
    text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8", "replace")
    return 1 + text.count("\n") + text.count("\r")


def _check(value: object) -> None:
    todo = [value]
    while todo:
        node = todo.pop()
        if type(node) is dict:
            assert all(type(key) is str for key in node)
            todo.extend(node.values())
        elif type(node) is list:
            todo.extend(node)
        else:
            assert node is None or type(node) in {str, bool, int, float}
            assert not isinstance(node, float) or math.isfinite(node)
            assert type(node) is not int or -(1 << 63) <= node < 1 << 63


def _read_yaml(data: bytes) -> None:
    try:
        for document in text_yaml.documents(data, "f"):
            assert 1 <= document.line <= _lines(data)
            _check(document.value)
            assert 1 <= text_yaml.locate(data, "f", document.index, ("a", 0, "b")) <= _lines(data)
    except InvalidText as error:
        _check_error(error, data)


def _read_json(data: bytes) -> None:
    try:
        for value in text_json.values(data, "f"):
            assert 1 <= value.line <= _lines(data)
            json.loads(bytes(value.raw))
            text_json.items(value.raw)
            assert 0 <= text_json.locate(value.raw, ("a", 0, "b")) <= bytes(value.raw).count(b"\n")
            text_json.duplicate_key(value.raw)
    except InvalidText as error:
        _check_error(error, data)


def _check_error(error: InvalidText, data: bytes) -> None:
    source, _, line = error.problem.where.partition(":")
    assert source == "f"
    assert 1 <= int(line) <= _lines(data)
    assert error.problem.message


@settings(max_examples=400, derandomize=True, deadline=None, database=None)
@given(st.lists(PIECES, max_size=30).map("".join))
@example("? ? ?\n")
@example("!!binary ÿ")
def test_yaml_from_pieces(text: str) -> None:
    _read_yaml(text.encode())


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=60))
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe\x00\xd8")
@example(b"!<%ff> a")
@example(b'"\\ud800"')
@example(b'{"\\ud800\\udc00": 1, "\\ud800\\udc00": 2}')
def test_bytes(data: bytes) -> None:
    _read_yaml(data)
    _read_json(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(max_size=3), children),
    max_leaves=20,
)


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(st.lists(JSON, max_size=4), st.sampled_from(["\n", " ", "\n\n"]), st.sampled_from([None, 1]))
def test_json_values(wanted: list[object], between: str, indent: int | None) -> None:
    texts = [json.dumps(value, indent=indent, ensure_ascii=False) for value in wanted]
    data = between.join(texts).encode("utf-8", "replace")
    found = list(text_json.values(data, "f"))
    assert [bytes(value.raw).decode() for value in found] == [
        text.encode("utf-8", "replace").decode() for text in texts
    ]


@pytest.mark.parametrize("seed", range(4))
def test_manifests_with_slips(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(150):
        text = "---\n".join(chance.choices(mutate.BODIES, k=chance.randrange(1, 3)))
        for _ in range(chance.randrange(1, 6)):
            text = mutate.slip(text, chance)
        _read_yaml(_noise(text.encode(chance.choice(("utf-8", "utf-8-sig", "utf-16"))), chance))


@pytest.mark.parametrize("seed", range(2))
def test_json_with_slips(seed: int) -> None:
    chance = random.Random(seed)
    document = json.dumps({"kind": "List", "items": [{"a": [1, "x\\y", None], "b": {"c": {}}, "é": 1.5}] * 2}, indent=1)
    for _ in range(200):
        text = document
        for _ in range(chance.randrange(1, 4)):
            text = mutate.slip(text, chance)
        _read_json(_noise(text.encode(), chance))


def _noise(data: bytes, chance: random.Random) -> bytes:
    """Mostly the data; at times a byte of it flipped, or a random one put in."""
    if chance.random() < 0.7 or not data:
        return data
    at = chance.randrange(len(data))
    if chance.random() < 0.5:
        return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
    return data[:at] + chance.randbytes(1) + data[at:]
