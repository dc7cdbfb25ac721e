"""Sets of labels and of pods against enumeration, and tables of what selectors say about each other (N8, N9, N21).

Enumeration is exact: every value that no selector names behaves as the one fresh value does.
"""

from __future__ import annotations

import itertools
import operator
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwall.api.meta import LabelSelector
from podwall.cluster.objects import NAME_LABEL
from podwall.engine.boxes import MOST_BOXES, Boxes, PodBox, PodBoxes, TooManyBoxes, gap, pod_box
from podwall.engine.labels import EVERYTHING, Selector, Term, selector
from podwall.engine.reduce import covered, reduce
from podwall.engine.rules import InNamespace, NamespacesMatching, Pods

SETTINGS = settings(max_examples=300, deadline=None, derandomize=True)

FRESH = "zzz"
NO_NAME = "Not_A_Name"  # a label's value, but no namespace's name
NOTHING = Selector((Term("a", frozenset()),))

Labels = dict[str, str]
Spot = tuple[Labels, Labels]  # of a namespace, and of a pod in it


def universe(values: Mapping[str, Iterable[str | None]]) -> list[Labels]:
    return [
        {key: value for key, value in zip(values, chosen, strict=True) if value is not None}
        for chosen in itertools.product(*values.values())
    ]


LABELS = universe(dict.fromkeys("abc", ("a", "b", FRESH, None)))
SPOTS = list(
    itertools.product(
        universe({NAME_LABEL: ("a", "b", FRESH), "a": ("a", FRESH, None)}),
        universe(dict.fromkeys("ab", ("a", FRESH, None))),
    )
)

OPERATORS: list[Callable[[Any, Any], Any]] = [operator.or_, operator.and_, operator.sub]


def terms_of(key: str, *values: str | None) -> st.SearchStrategy[Term]:
    made = st.builds(Term, st.just(key), st.frozensets(st.sampled_from(values)), st.booleans())
    return made.filter(lambda term: not term.is_full())


def selectors_of(*terms: st.SearchStrategy[Term]) -> st.SearchStrategy[Selector]:
    chosen = st.tuples(*(st.one_of(st.none(), term) for term in terms))
    return chosen.map(lambda found: Selector(tuple(term for term in found if term is not None)))


selectors = selectors_of(*(terms_of(key, "a", "b", None) for key in "abc"))
boxes = st.lists(selectors, max_size=4).map(Boxes.of)
scopes = st.one_of(
    st.builds(InNamespace, st.sampled_from("ab")),
    st.builds(
        NamespacesMatching, selectors_of(terms_of("a", "a", None), terms_of(NAME_LABEL, "a", "b", None, NO_NAME))
    ),
)
peers = st.builds(Pods, scopes, selectors_of(terms_of("a", "a", None), terms_of("b", "a", None)))
pod_boxes = st.lists(peers.map(pod_box), max_size=4).map(PodBoxes.of)


def labels_in(union: Boxes | Selector) -> set[int]:
    return {n for n, labels in enumerate(LABELS) if union.matches(labels)}


def pods_in(union: PodBoxes | PodBox) -> set[int]:
    return {n for n, spot in enumerate(SPOTS) if union.matches(*spot)}


def selected(peer: Pods) -> set[int]:
    """Read off the peer itself, not its box."""
    return {
        n for n, (namespace, labels) in enumerate(SPOTS) if in_scope(peer, namespace) and peer.selector.matches(labels)
    }


def in_scope(peer: Pods, namespace: Labels) -> bool:
    if isinstance(peer.scope, InNamespace):
        return namespace[NAME_LABEL] == peer.scope.name
    return peer.scope.selector.matches(namespace)


# One term


@SETTINGS
@given(terms_of("a", "a", "b", None), terms_of("a", "a", "b", None))
def test_terms_are_sets_of_values(one: Term, two: Term) -> None:
    values = [{}, {"a": "a"}, {"a": "b"}, {"a": FRESH}]
    first, second = ([term.matches(labels) for labels in values] for term in (one, two))
    assert (one <= two) == all(b for a, b in zip(first, second, strict=True) if a)
    assert one.overlaps(two) == any(a and b for a, b in zip(first, second, strict=True))
    assert [(~one).matches(labels) for labels in values] == [not a for a in first]
    assert one.is_empty() == (not any(first))
    assert one.is_full() == all(first)


# One box


@SETTINGS
@given(selectors, selectors)
def test_selectors_are_sets_of_labels(one: Selector, two: Selector) -> None:
    a, b = labels_in(one), labels_in(two)
    assert labels_in(one & two) == a & b
    assert (one <= two) == (a <= b)
    assert one.overlaps(two) == bool(a & b)
    assert one.is_empty() == (not a)


@SETTINGS
@given(selectors, selectors)
def test_difference_of_selectors_is_disjoint_and_has_no_empty_part(one: Selector, two: Selector) -> None:
    parts = [labels_in(part) for part in one - two]
    assert all(parts)
    assert sum(map(len, parts)) == len(labels_in(one) - labels_in(two))
    assert set().union(*parts) == labels_in(one) - labels_in(two)


@SETTINGS
@given(peers, peers)
def test_pod_boxes_are_sets_of_pods(one: Pods, two: Pods) -> None:
    first, second = pod_box(one), pod_box(two)
    a, b = selected(one), selected(two)
    assert pods_in(first) == a
    assert pods_in(first & second) == a & b
    assert (first <= second) == (a <= b)
    assert first.overlaps(second) == bool(a & b)
    assert first.is_empty() == (not a)
    parts = [pods_in(part) for part in first - second]
    assert all(parts)
    assert sum(map(len, parts)) == len(a - b)
    assert set().union(*parts) == a - b


@SETTINGS
@given(peers, peers)
def test_wider_boxes_come_first(one: Pods, two: Pods) -> None:
    first, second = pod_box(one), pod_box(two)
    if selected(two) and selected(two) < selected(one):
        assert first.order() < second.order()
    assert (first.order() == second.order()) == (first == second)


@SETTINGS
@given(selectors)
def test_witness_is_inside_and_has_no_label_too_many(one: Selector) -> None:
    witness = one.witness()
    if witness is None:
        assert not labels_in(one)
        return
    assert one.matches(witness)
    assert len(witness) == min(len(LABELS[n]) for n in labels_in(one))


@SETTINGS
@given(peers)
def test_witness_of_a_pod_box_is_a_pod_in_a_namespace_with_a_name(one: Pods) -> None:
    witness = pod_box(one).witness()
    assert (witness is None) == (not selected(one))
    if witness is not None:
        namespace, labels = witness
        assert namespace[NAME_LABEL] != NO_NAME
        assert in_scope(one, namespace)
        assert one.selector.matches(labels)


# Unions


@SETTINGS
@given(boxes, boxes, st.sampled_from(OPERATORS))
def test_unions_of_selectors_are_like_python_sets(one: Boxes, two: Boxes, op: Callable[[Any, Any], Any]) -> None:
    result = op(one, two)
    assert labels_in(result) == op(labels_in(one), labels_in(two))
    assert bool(result) == bool(labels_in(result))
    assert_canonical(result.boxes)


@SETTINGS
@given(pod_boxes, pod_boxes, st.sampled_from(OPERATORS))
def test_unions_of_pods_are_like_python_sets(one: PodBoxes, two: PodBoxes, op: Callable[[Any, Any], Any]) -> None:
    result = op(one, two)
    assert pods_in(result) == op(pods_in(one), pods_in(two))
    assert bool(result) == bool(pods_in(result))
    assert_canonical(result.boxes)


def assert_canonical(found: tuple[Any, ...]) -> None:
    assert not any(box.is_empty() for box in found)
    assert not any(a <= b for a, b in itertools.permutations(found, 2))
    assert list(found) == sorted(found, key=lambda box: box.order())


@SETTINGS
@given(boxes, boxes)
def test_questions_about_unions_of_selectors(one: Boxes, two: Boxes) -> None:
    a, b = labels_in(one), labels_in(two)
    assert (one <= two) == (a <= b)
    assert (one == two) == (a == b)
    assert one - (one - two) == one & two
    witness = one.witness()
    assert (witness is None) == (not a)
    assert witness is None or one.matches(witness)


@SETTINGS
@given(pod_boxes, pod_boxes)
def test_questions_about_unions_of_pods(one: PodBoxes, two: PodBoxes) -> None:
    a, b = pods_in(one), pods_in(two)
    assert (one <= two) == (a <= b)
    assert (one == two) == (a == b)
    assert one | two == two | one
    witness = one.witness()
    assert (witness is None) == (not a)
    assert witness is None or one.matches(*witness)


@SETTINGS
@given(st.lists(selectors, max_size=5), st.randoms(use_true_random=False))
def test_order_of_the_boxes_does_not_matter(chosen: list[Selector], rng: random.Random) -> None:
    assert Boxes.of(rng.sample(chosen, len(chosen))).boxes == Boxes.of(chosen + chosen[:1]).boxes


@SETTINGS
@given(selectors, st.lists(selectors, max_size=5))
def test_gap_is_what_the_others_leave(one: Selector, others: list[Selector]) -> None:
    left = gap(one, others)
    open_ = labels_in(one).difference(*map(labels_in, others))
    assert (left is None) == (not open_)
    assert left is None or set() < labels_in(left) <= open_


def test_a_union_has_no_hash_and_equals_only_unions_of_its_kind() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Boxes())
    assert Boxes() != PodBoxes()
    assert Boxes() == Boxes.of([NOTHING])
    assert Boxes().witness() is None
    assert PodBoxes().witness() is None


# Peers that others cover


@SETTINGS
@given(peers, st.lists(peers, max_size=4))
def test_covered_is_containment_in_the_union(peer: Pods, by: list[Pods]) -> None:
    assert covered(peer, by) == (not selected(peer).difference(*map(selected, by)))


@SETTINGS
@given(st.lists(peers, max_size=6), st.randoms(use_true_random=False))
def test_reduced_peers_are_the_same_pods_and_none_can_be_spared(given_peers: list[Pods], rng: random.Random) -> None:
    kept = reduce(given_peers)
    assert set(kept) <= set(given_peers)
    assert set().union(*map(selected, kept)) == set().union(*map(selected, given_peers))
    for n, peer in enumerate(kept):
        assert not covered(peer, kept[:n] + kept[n + 1 :])
    assert reduce(rng.sample(given_peers, len(given_peers))) == kept


# Tables


def read(source: str | None) -> Selector:
    """`a=x,y` In, `a!=x,y` NotIn, `a` Exists, `!a` DoesNotExist; a space between requirements."""
    requirements = [requirement(text) for text in (source or "").split()]
    return selector(msgspec.convert({"matchExpressions": requirements}, LabelSelector))


def requirement(text: str) -> dict[str, Any]:
    key, equals, values = text.partition("=")
    if not equals:
        return {"key": text.lstrip("!"), "operator": "DoesNotExist" if text.startswith("!") else "Exists"}
    return {"key": key.rstrip("!"), "operator": "NotIn" if key.endswith("!") else "In", "values": values.split(",")}


@pytest.mark.parametrize(
    ("inner", "outer", "contained"),
    [
        ("", "", True),
        ("app=web", "", True),
        ("", "app=web", False),
        ("app=web", "app=web,db", True),
        ("app=web,db", "app=web", False),
        ("app=web", "app", True),
        ("app", "app=web", False),
        ("app=", "app", True),  # an empty value is a value (N9)
        ("app=", "!app", False),
        ("!app", "app!=web", True),  # NotIn matches what has no such label (N9)
        ("app!=web", "app", False),
        ("app!=web", "!app", False),
        ("app=db", "app!=web", True),
        ("app!=web", "app=db", False),  # there is always one more value
        ("app!=web,db", "app!=web", True),
        ("app!=web", "app!=web,db", False),
        ("app app!=web", "app!=web", True),
        ("app=web tier=a", "app=web", True),
        ("app=web", "app=web tier=a", False),
        ("app=web", "app=web tier", False),
        ("app=web app!=web", "tier=a", True),  # what is empty is in everything
        ("app=web app=db", "!app app", True),
        ("app", "app=web app!=web", False),
    ],
)
def test_containment(inner: str, outer: str, contained: bool) -> None:
    assert (read(inner) <= read(outer)) == contained
    assert (Boxes.of([read(inner)]) <= Boxes.of([read(outer)])) == contained


@pytest.mark.parametrize(
    ("whole", "parts", "covers"),
    [
        ("", ["app", "!app"], True),
        ("", ["app=web", "app!=web"], True),
        ("", ["app=web", "app!=web,db"], False),
        ("", ["app=web", "app!=web,db", "app=db"], True),
        ("app", ["app=web", "app!=web"], True),
        ("app=web,db", ["app=web", "app=db"], True),
        ("app=web,db", ["app=web tier", "app=db", "!tier"], True),
        ("app=web,db", ["app=web tier", "app=db tier", "app=web !tier"], False),
        ("", [], False),
        ("app=web app!=web", [], True),
    ],
)
def test_coverage_by_several(whole: str, parts: list[str], covers: bool) -> None:
    assert (Boxes.of([read(whole)]) <= Boxes.of(map(read, parts))) == covers


@pytest.mark.parametrize(
    ("source", "witness"),
    [
        ("", {}),
        ("app", {"app": "other"}),
        ("!app", {}),
        ("app!=other", {}),
        ("app app!=other,other-1", {"app": "other-2"}),
        ("app=web,db tier", {"app": "db", "tier": "other"}),
        ("app=", {"app": ""}),
        ("app=web app!=web", None),
        ("app !app", None),
    ],
)
def test_witness(source: str, witness: dict[str, str] | None) -> None:
    assert read(source).witness() == witness
    assert Boxes.of([read(source)]).witness() == witness


def test_witness_of_a_union_is_that_with_the_fewest_labels() -> None:
    assert Boxes.of(map(read, ["app=web", "b c", "b !d e"])).witness() == {"app": "web"}
    assert Boxes.of(map(read, ["b", "!c app!=web"])).witness() == {}


def test_not_in_without_values_is_no_term() -> None:
    empty = {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": []}]}
    assert selector(msgspec.convert(empty, LabelSelector)) is EVERYTHING


def pods(text: str) -> Pods:
    """`namespace/selector of pods`, or `[selector of namespaces]/selector of pods`; `name` is the name label's key."""
    scope, _, own = text.rpartition("/")
    if not scope.startswith("["):
        return Pods(InNamespace(scope), read(own))
    terms = (Term(NAME_LABEL, t.values, t.complement) if t.key == "name" else t for t in read(scope[1:-1]).terms)
    return Pods(NamespacesMatching(Selector(tuple(terms))), read(own))


@pytest.mark.parametrize(
    ("peer", "by", "expected"),
    [
        ("x/app=web", ["x/"], True),
        ("x/", ["y/"], False),
        ("x/", ["[]/"], True),
        ("[]/", ["x/"], False),
        ("x/app", ["[name=x,y]/app"], True),
        ("[name=x]/", ["x/"], True),
        ("[name=x,y]/", ["x/", "y/"], True),
        ("[name=x,y]/", ["x/", "y/app"], False),
        ("x/", ["[name!=y]/"], True),
        ("[name!=y]/", ["[]/"], True),
        ("[]/", ["[name!=y]/"], False),
        ("[]/", ["[name!=y]/", "y/"], True),
        ("[]/", ["[name]/"], True),  # every namespace has its name (N21)
        ("[!name]/", [], True),
        ("[name=Not_A_Name]/", [], True),
        ("[]/", ["[name!=Not_A_Name]/"], True),
        ("[]/name", ["[name=x]/name"], False),
        ("[]/name", ["[]/name=x"], False),  # a pod's own label of that key is any label
        ("x/", ["[team=blue]/"], False),  # x may have any other labels
        ("x/", ["[team=blue]/", "[team!=blue]/"], True),
        ("x/", ["[team=blue]/", "[team!=blue]/app", "x/!app"], True),
        ("x/app=web app!=web", [], True),
    ],
)
def test_peers_over_all_pods_that_could_exist(peer: str, by: list[str], expected: bool) -> None:
    assert covered(pods(peer), map(pods, by)) == expected
    if len(by) == 1:
        assert (pod_box(pods(peer)) <= pod_box(pods(by[0]))) == expected
    assert (PodBoxes.of([pod_box(pods(peer))]) <= PodBoxes.of(pod_box(pods(text)) for text in by)) == expected


@pytest.mark.parametrize(
    ("given_peers", "kept"),
    [
        ([], []),
        (["x/app", "x/app"], ["x/app"]),
        (["x/", "x/app", "y/app", "[]/app=web"], ["[]/app=web", "x/", "y/app"]),
        (["[]/", "x/", "[team=blue]/app"], ["[]/"]),
        (["x/app=web", "x/app=db", "x/app=web,db"], ["x/app=web,db"]),
        (["x/app", "x/!app", "x/"], ["x/"]),
        (["[name=x]/", "x/"], ["x/"]),
        (["[name]/", "[]/"], ["[]/"]),
        (["[name=x,y]/", "x/", "y/"], ["[name=x,y]/"]),
        (["x/app=web", "x/app!=web", "x/tier"], ["x/app!=web", "x/app=web"]),
        (["x/app=web app!=web"], []),
    ],
)
def test_reduce(given_peers: list[str], kept: list[str]) -> None:
    for order in (given_peers, given_peers[::-1]):
        assert reduce(map(pods, order)) == tuple(map(pods, kept))


@pytest.mark.parametrize(
    ("text", "namespace", "labels"),
    [
        ("x/", {NAME_LABEL: "x"}, {}),
        ("[]/app", {NAME_LABEL: "other"}, {"app": "other"}),
        ("[name!=other]/!app", {NAME_LABEL: "other-1"}, {}),
        ("[team=blue,red]/app=web", {NAME_LABEL: "other", "team": "blue"}, {"app": "web"}),
    ],
)
def test_witness_of_a_peer(text: str, namespace: dict[str, str], labels: dict[str, str]) -> None:
    assert pod_box(pods(text)).witness() == (namespace, labels)
    assert PodBoxes.of([pod_box(pods(text))]).witness() == (namespace, labels)


# Sizes


def pairs(count: int) -> list[Selector]:
    return [read(f"k{n}=v l{n}=v") for n in range(count)]


def test_differences_stay_as_small_as_what_is_cut_out() -> None:
    everything = Boxes.of([EVERYTHING])
    names = Boxes.of(read(f"app=n{n}") for n in range(500))
    assert len((everything - names).boxes) == 1
    tiers = Boxes.of(read(f"app=n{n} tier=a") for n in range(100))
    assert len((everything - tiers).boxes) == 101
    assert tiers <= names
    assert not names <= tiers


def test_limit_of_boxes() -> None:
    everything = Boxes.of([EVERYTHING])
    assert len((everything - Boxes.of(pairs(10))).boxes) == 2**10 == MOST_BOXES
    with pytest.raises(TooManyBoxes, match="1,024 boxes"):
        everything - Boxes.of(pairs(11))
    with pytest.raises(TooManyBoxes, match="1,024 boxes"):
        Boxes.of(read(f"app=n{n}") for n in range(MOST_BOXES + 1))


def hard(count: int) -> list[Pods]:
    """Everything, in parts of which the wide ones, cut out first, leave 2**count pieces for the rest to cover."""
    closing = [f"[]/{x}a {y}b {z}c" for x, y, z in itertools.product(("", "!"), repeat=3)]
    return [*(Pods(NamespacesMatching(EVERYTHING), pair) for pair in pairs(count)), *map(pods, closing)]


def test_limit_of_cuts() -> None:
    everyone = pods("[]/")
    assert covered(everyone, hard(6))
    assert not covered(everyone, hard(40)[:40])  # a part that is in none is found at once
    with pytest.raises(TooManyBoxes, match="4,096 cuts"):
        covered(everyone, hard(40))


def test_reduce_keeps_what_it_cannot_compare() -> None:
    assert pods("[]/z") not in reduce([pods("[]/z"), *hard(6)])
    assert pods("[]/z") in reduce([pods("[]/z"), *hard(13)])
