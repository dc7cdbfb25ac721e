"""Selectors as boxes against selectors read one requirement after the other (N9)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwall.api.meta import LabelSelector
from podwall.engine.labels import EVERYTHING, Selector, Term, selector
from podwall.engine.postings import Postings, bits

SETTINGS = settings(max_examples=300, deadline=None, derandomize=True)

KEYS = ("a", "b")
VALUES = ("x", "y", "")
LABELS = [
    {key: value for key, value in zip(KEYS, chosen, strict=True) if value is not None}
    for chosen in itertools.product((*VALUES, "z", None), repeat=len(KEYS))
]

requirements: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(KEYS),
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(st.sampled_from(VALUES), min_size=1, max_size=3),
        }
    ),
    st.fixed_dictionaries(
        {"key": st.sampled_from(KEYS), "operator": st.sampled_from(["Exists", "DoesNotExist"])},
        optional={"values": st.sampled_from([None, []])},
    ),
)
sources = st.fixed_dictionaries(
    {},
    optional={
        "matchLabels": st.one_of(st.none(), st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))),
        "matchExpressions": st.one_of(st.none(), st.lists(requirements, max_size=3)),
    },
)
terms = st.builds(
    Term,
    key=st.just("a"),
    values=st.frozensets(st.sampled_from((*VALUES, None))),
    complement=st.booleans(),
)


def boxed(source: Mapping[str, Any]) -> Selector:
    return selector(msgspec.convert(source, LabelSelector))


def naive(source: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    for key, value in (source.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(holds(r, labels) for r in source.get("matchExpressions") or [])


def holds(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    present = requirement["key"] in labels
    listed = present and labels[requirement["key"]] in (requirement.get("values") or ())
    return bool(
        {"In": listed, "NotIn": not listed, "Exists": present, "DoesNotExist": not present}[requirement["operator"]]
    )


@SETTINGS
@given(sources)
def test_box_selects_what_the_requirements_say(source: dict[str, Any]) -> None:
    box = boxed(source)
    assert [box.matches(labels) for labels in LABELS] == [naive(source, labels) for labels in LABELS]


@SETTINGS
@given(sources, st.randoms(use_true_random=False))
def test_order_of_requirements_makes_no_other_box(source: dict[str, Any], rng: Any) -> None:
    other = dict(source)
    if other.get("matchLabels"):
        other["matchLabels"] = dict(reversed(other["matchLabels"].items()))
    if other.get("matchExpressions"):
        other["matchExpressions"] = rng.sample(other["matchExpressions"], len(other["matchExpressions"]))
    assert boxed(other) == boxed(source)
    assert hash(boxed(other)) == hash(boxed(source))


@SETTINGS
@given(terms, terms)
def test_and_of_terms(one: Term, two: Term) -> None:
    both = one & two
    for labels in ({}, *({"a": value} for value in (*VALUES, "z"))):
        assert both.matches(labels) == (one.matches(labels) and two.matches(labels))


@pytest.mark.parametrize("source", [{}, {"matchLabels": None}, {"matchLabels": {}, "matchExpressions": []}])
def test_empty_selector_is_everything(source: dict[str, Any]) -> None:
    assert boxed(source) == EVERYTHING
    assert EVERYTHING.matches({})


@pytest.mark.parametrize("operator", ["Gt", "in", ""])
def test_unknown_operator_selects_nothing(operator: str) -> None:
    box = boxed({"matchExpressions": [{"key": "a", "operator": operator, "values": ["1"]}]})
    assert not any(box.matches(labels) for labels in LABELS)


@SETTINGS
@given(st.lists(st.sampled_from(LABELS), max_size=8), sources)
def test_postings_select_what_matches(members: list[dict[str, str]], source: dict[str, Any]) -> None:
    postings = Postings()
    for slot, labels in enumerate(members):
        postings.add(slot, labels)
    box = boxed(source)
    assert list(bits(postings.select(box))) == [slot for slot, labels in enumerate(members) if box.matches(labels)]
