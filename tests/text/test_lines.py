"""Lines by offset and by number, in any order, against the whole text cut into lines."""

from __future__ import annotations

import random

import pytest

from podwall.text.lines import Lines

TEXTS = [b"", b"a", b"\n", b"a\n", b"a\r\nb\r\n\r\nc", b"\n\n\nabc\n\nd\n", b"x\n" * 50 + b"yy\n" * 7]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("first", [1, 5])
def test_against_all_lines(text: bytes, first: int) -> None:
    rng = random.Random(0)
    lines = Lines(text, first)
    whole = [line.removesuffix(b"\r") for line in text.split(b"\n")]
    for _ in range(100):
        offset = rng.randint(0, len(text))
        assert lines.at(offset) == first + text.count(b"\n", 0, offset)
        number = rng.randint(0, len(whole) + 1)
        assert [b for b in lines.since(first + number) if b] == [b for b in whole[number:] if b]


def test_before_the_first_line() -> None:
    assert list(Lines(b"a\nb", 5).since(4)) == []
