"""YAML that is written reads as what it was written from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwall.text.write import yaml_text
from podwall.text.yaml import documents

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=12,
)


def read(text: str) -> list[object]:
    return [document.value for document in documents(text.encode(), "written")]


@given(st.dictionaries(st.text(min_size=1, max_size=5), VALUES, min_size=1, max_size=4))
def test_reads_back(value: dict[str, object]) -> None:
    assert read(yaml_text(value)) == [value]


ODD = ["yes", "NO", "on", "null", "~", "1", "0x1", "1e3", "12:30", "a: b", "- a", "#", " a", "", "é", "a\nb", "\x7f"]


@pytest.mark.parametrize("text", ODD)
def test_words_that_mean_something_else(text: str) -> None:
    assert read(yaml_text({"a": text, "b": [text]})) == [{"a": text, "b": [text]}]


def test_looks_as_people_write_it() -> None:
    policy = {
        "kind": "NetworkPolicy",
        "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}, {}]},
    }
    assert yaml_text(policy) == (
        "kind: NetworkPolicy\n"
        "spec:\n"
        "  podSelector: {}\n"
        "  ingress:\n"
        "  - from:\n"
        "    - podSelector:\n"
        "        matchLabels:\n"
        "          app: web\n"
        "  - {}\n"
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\nb\n", "k: |\n  a\n  b\n"),
        ("a\n\n  b: c #d\n", "k: |\n  a\n\n    b: c #d\n"),
        ("a\nb", "k: |-\n  a\n  b\n"),
        (" a\nb\n", 'k: " a\\nb\\n"\n'),
        ("a \nb\n", 'k: "a \\nb\\n"\n'),
        ("a\n\n", 'k: "a\\n\\n"\n'),
        ("\na\n", 'k: "\\na\\n"\n'),
        ("a\tb\nc\n", 'k: "a\\tb\\nc\\n"\n'),
    ],
)
def test_text_of_several_lines_stands_as_it_is(text: str, written: str) -> None:
    assert yaml_text({"k": text}) == written
    for value in ({"k": text}, {"l": [{"k": text, "m": 1}]}, {"n": {"k": text}}):
        assert read(yaml_text(value)) == [value]
