"""Names of every sort: what is taken, and what is said of the rest."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwall.admission.names import Details, dns_label, dns_subdomain, label_value, port_name, qualified_name

GOOD: list[tuple[Callable[[str], Details], list[str]]] = [
    (dns_subdomain, ["a", "0", "a-b", "a.b", "1.2.3", "a--b.c", "a" * 253, f"{'a' * 63}.{'b' * 100}"]),
    (dns_label, ["a", "0-1", "a--b", "a" * 63]),
    (qualified_name, ["a", "A", "9.z_Z-9", "a" * 63, "a/b", "a.b/C_d", f"{'p' * 253}/{'n' * 63}"]),
    (label_value, ["", "a", "A.b_c-9", "1" * 63]),
    (port_name, ["a", "http", "8080-tcp", "a-b-c-d-e-f-g-h"]),
]

LENGTH = "must be no more than"
BAD: list[tuple[Callable[[str], Details], str, list[str]]] = [
    (dns_subdomain, "", ["a lowercase RFC 1123 subdomain must"]),
    (dns_subdomain, "a..b", ["a lowercase RFC 1123 subdomain must"]),
    (dns_subdomain, "a.-b", ["a lowercase RFC 1123 subdomain must"]),
    (dns_subdomain, "a-.b", ["a lowercase RFC 1123 subdomain must"]),
    (dns_subdomain, "Web", ["a lowercase RFC 1123 subdomain must"]),
    (dns_subdomain, "a_b", ["a lowercase RFC 1123 subdomain must"]),
    (dns_subdomain, "a\n", ["a lowercase RFC 1123 subdomain must"]),
    (dns_subdomain, "a" * 254, [LENGTH]),
    (dns_subdomain, "A" * 254, [LENGTH, "a lowercase RFC 1123 subdomain must"]),
    (dns_label, "", ["a lowercase RFC 1123 label must"]),
    (dns_label, "a.b", ["must not contain dots"]),
    (dns_label, "a-", ["a lowercase RFC 1123 label must"]),
    (dns_label, "a" * 64, [LENGTH]),
    (dns_label, f"{'a' * 60}.bcd.e", [LENGTH, "must not contain dots"]),
    (qualified_name, "", ["name part must be non-empty"]),
    (qualified_name, "a/", ["name part must be non-empty"]),
    (qualified_name, "/a", ["prefix part must be non-empty"]),
    (qualified_name, "/", ["prefix part must be non-empty", "name part must be non-empty"]),
    (qualified_name, "A/b", ["prefix part a lowercase RFC 1123 subdomain must"]),
    (qualified_name, "a/b/c", ["a valid label key must"]),
    (qualified_name, "_a", ["name part must consist"]),
    (qualified_name, "a.", ["name part must consist"]),
    (qualified_name, "a" * 64, ["name part must be no more than 63 bytes"]),
    (qualified_name, f"{'p' * 254}/a", ["prefix part must be no more than 253 bytes"]),
    (label_value, "-a", ["a valid label must"]),
    (label_value, "a b", ["a valid label must"]),
    (label_value, "a/b", ["a valid label must"]),
    (label_value, "a\n", ["a valid label must"]),
    (label_value, "a" * 64, [LENGTH]),
    (label_value, "é" * 32, [LENGTH, "a valid label must"]),
    (port_name, "", ["must contain only", "must contain at least one letter"]),
    (port_name, "80", ["must contain at least one letter"]),
    (port_name, "HTTP", ["must contain only", "must contain at least one letter"]),
    (port_name, "a_b", ["must contain only"]),
    (port_name, "a--b", ["must not contain consecutive hyphens"]),
    (port_name, "-a", ["must not begin or end with a hyphen"]),
    (port_name, "a-", ["must not begin or end with a hyphen"]),
    (port_name, "a" * 16, ["must be no more than 15 bytes"]),
    (port_name, "a\n", ["must contain only"]),
]

# The API server's own expressions, tried on every text that Hypothesis thinks of.
LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
NAME = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
EXPRESSIONS: list[tuple[Callable[[str], Details], str]] = [
    (dns_subdomain, rf"{LABEL}(\.{LABEL})*"),
    (dns_label, LABEL),
    (qualified_name, rf"({LABEL}(\.{LABEL})*/)?{NAME}"),
    (label_value, rf"({NAME})?"),
    (port_name, r"(?=.*[a-z])(?!.*--)(?!-)[-a-z0-9]+(?<!-)"),
]


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in GOOD for text in texts])
def test_good_names(rule: Callable[[str], Details], text: str) -> None:
    assert rule(text) == ()


@pytest.mark.parametrize(("rule", "text", "beginnings"), BAD)
def test_bad_names(rule: Callable[[str], Details], text: str, beginnings: list[str]) -> None:
    details = rule(text)
    assert len(details) == len(beginnings)
    assert all(map(str.startswith, details, beginnings))


@pytest.mark.parametrize(("rule", "expression"), EXPRESSIONS)
@settings(derandomize=True, max_examples=400)
@given(text=st.text(alphabet="ab0AZ-_./\né", max_size=12))
def test_the_verdict_is_that_of_the_api_servers_expressions(
    rule: Callable[[str], Details], expression: str, text: str
) -> None:
    assert (rule(text) == ()) == (re.fullmatch(expression, text) is not None)


@pytest.mark.parametrize("rule", [rule for rule, _ in EXPRESSIONS])
@pytest.mark.parametrize("text", ["a" * 500_000 + "!", "a-" * 250_000, "a." * 250_000 + "-", "\ud800"])
def test_hostile_texts_are_refused_without_backtracking(rule: Callable[[str], Details], text: str) -> None:
    assert rule(text)
