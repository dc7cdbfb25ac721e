"""Maps of labels and annotations, and what the memory of valid pairs must not change."""

from __future__ import annotations

import pytest

from podwall.admission.labels import annotation_problems, label_problems, selector_problems
from podwall.api.meta import LabelSelector

LIMIT = 256 * 1024


@pytest.mark.parametrize("nothing", [None, {}])
def test_no_labels_are_fine(nothing: dict[str, str] | None) -> None:
    assert list(label_problems(nothing)) == []
    assert list(annotation_problems(nothing)) == []


def test_no_selector_and_an_empty_one_are_fine() -> None:
    assert list(selector_problems(None)) == []
    assert list(selector_problems(LabelSelector())) == []


def test_key_and_value_of_one_label_are_both_reported_at_the_label() -> None:
    found = label_problems({"a/b/c": "x y"})
    assert [f.path for f in found] == [("a/b/c",), ("a/b/c",)]
    assert [f.message.split(":")[1] for f in found] == [' "a/b/c"', ' "x y"']


def test_a_label_that_was_wrong_stays_wrong_and_does_not_spoil_others() -> None:
    mixed = {"app": "web", "tier": "!"}
    assert list(label_problems(mixed)) == list(label_problems(mixed)) != []
    assert list(label_problems({"app": "web"})) == []


def test_more_different_labels_than_are_remembered() -> None:
    known = {"app": "web"}
    for i in range(40_000):
        assert not label_problems({"app": "web", "pod": f"web-{i}"})
    assert not label_problems(known)
    assert label_problems({"app": "web", "pod": "web_"})


def test_keys_of_annotations_may_be_in_any_case() -> None:
    assert list(annotation_problems({"Example.COM/Owner": "any text\n is fine: *"})) == []
    assert [f.path for f in annotation_problems({"b c": "", "": "", "ok": ""})] == [("",), ("b c",)]


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ("x" * (LIMIT - 1), []),
        ("x" * LIMIT, ["Too long: must have at most 262144 bytes"]),
        ("é" * (LIMIT // 2), ["Too long: must have at most 262144 bytes"]),
        ("é" * (LIMIT // 2 - 1), []),
    ],
    ids=["just fits", "one byte more", "two bytes a character", "just fits, too"],
)
def test_the_size_of_all_annotations(value: str, messages: list[str]) -> None:
    assert [f.message for f in annotation_problems({"a": value})] == messages
