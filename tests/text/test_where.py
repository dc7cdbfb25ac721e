"""Field paths and near names."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwall.text.where import Path, field, near, parse_field


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("spec",), "spec"),
        (("spec", "ingress", 0, "ports", 12, "endPort"), "spec.ingress[0].ports[12].endPort"),
        (("metadata", "labels", "app.kubernetes.io/name"), "metadata.labels[app.kubernetes.io/name]"),
        (("metadata", "labels", "app"), "metadata.labels.app"),
        (("metadata", "labels", "7"), 'metadata.labels["7"]'),
        (("metadata", "labels", "7a"), "metadata.labels[7a]"),
        (("data", ""), 'data[""]'),
        (("data", 'a"]\\b'), r'data["a\"]\\b"]'),
        (("data", "a b", "c"), "data[a b].c"),
        ((0, "a"), "[0].a"),
        (("a.b", "c"), "[a.b].c"),
    ],
)
def test_field(path: Path, text: str) -> None:
    assert field(path) == text
    assert parse_field(text) == path


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.lists(st.text(max_size=6) | st.integers(0, 99) | st.text('[]".\\a1\n/', max_size=4), max_size=5).map(tuple))
def test_parse_field_is_the_inverse(path: Path) -> None:
    assert parse_field(field(path)) == path


@pytest.mark.parametrize("text", [".", "a.", "a..b", ".a", "a b", "a[", "a[]", 'a["x]', "a]b", "[0]a", "a[x][", "é"])
def test_no_field(text: str) -> None:
    with pytest.raises(ValueError, match="is no field path"):
        parse_field(text)


SPEC = ("podSelector", "ingress", "egress", "policyTypes")
PEER = ("podSelector", "namespaceSelector", "ipBlock")
RULE = ("from", "to", "ports")
BLOCK = ("cidr", "except")
PORT = ("protocol", "port", "endPort")


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("ingres", SPEC, "ingress"),
        ("Ingress", SPEC, "ingress"),
        ("egres", SPEC, "egress"),
        ("egrees", SPEC, "egress"),
        ("policytypes", SPEC, "policyTypes"),
        ("policyType", SPEC, "policyTypes"),
        ("podselector", SPEC, "podSelector"),
        ("podSelectors", SPEC, "podSelector"),
        ("podSelctor", PEER, "podSelector"),
        ("namespaceselector", PEER, "namespaceSelector"),
        ("ipblock", PEER, "ipBlock"),
        ("ipBlocks", PEER, "ipBlock"),
        ("form", RULE, "from"),
        ("port", RULE, "ports"),
        ("cird", BLOCK, "cidr"),
        ("CIDR", BLOCK, "cidr"),
        ("excepts", BLOCK, "except"),
        ("endport", PORT, "endPort"),
        ("ports", PORT, "port"),
        ("protcol", PORT, "protocol"),
        ("description", SPEC, None),
        ("x", RULE, None),
        ("", RULE, None),
        ("ingress", (), None),
    ],
)
def test_near(name: str, known: tuple[str, ...], expected: str | None) -> None:
    assert near(name, known) == expected
    shuffled = list(known)
    random.Random(1).shuffle(shuffled)
    assert near(name, shuffled) == expected
