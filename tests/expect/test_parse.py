"""Assertions files: what they hold, and every mistake with its line."""

from __future__ import annotations

import pytest

from podwall.admission.names import dns_label
from podwall.cluster.wellknown import Definition
from podwall.engine.rules import PortRange
from podwall.expect.expectation import Everyone, Labeled, Named, Set
from podwall.expect.parse import Given, Parsed, parse

(LABEL,) = dns_label("Shop")  # what is wrong with it, in the API server's words
HEAD = "apiVersion: podwall.io/v1\nkind: Expectations\n"


def read(text: str, given: Given | None = None) -> Parsed:
    return parse(text.encode(), "e.yaml", given or Given())


def said(text: str) -> list[str]:
    return [str(problem) for problem in read(text).problems]


def test_the_example_of_the_interface() -> None:
    text = """\
apiVersion: podwall.io/v1
kind: Expectations
metadata: {namespace: shop}
expect:
- web -> api:8080 allow                       # the short form
- {from: shop/web, to: data/postgres, port: 5432, verdict: deny, because: only the api may touch the database}
- {from: shop/*, to: data/*, port: any, verdict: deny}
- {from: {namespaceLabels: {env: dev}}, to: {namespaceLabels: {env: prod}}, verdict: deny}
- {from: internet, to: shop/*, port: any, verdict: deny}
- {from: shop/*, to: dns, verdict: allow, some: true}
"""
    found = read(text)
    assert found.problems == ()
    first, second, third, fourth, fifth, sixth = found.expectations
    assert (first.source, first.destination) == (Named("shop/web"), Named("shop/api"))
    assert first.ports == (PortRange("TCP", 8080, 8080),)
    assert (first.allow, first.file, first.line) == (True, "e.yaml", 5)
    assert (second.allow, second.because) == (False, "only the api may touch the database")
    assert second.text == "shop/web -> data/postgres:5432 deny"
    assert (third.source, third.line) == (Everyone("shop"), 7)
    assert fourth.source == Labeled(None, (("env", "dev"),), None)
    assert fourth.text == "{namespaceLabels: {env: dev}} -> {namespaceLabels: {env: prod}} deny"
    assert fifth.source == Set("internet")
    assert (sixth.some, sixth.ports, sixth.text) == (True, None, "shop/* -> dns allow (some)")


def test_names_are_of_the_namespace_that_is_given_where_the_file_names_none() -> None:
    (found,) = read(f"{HEAD}expect: [web -> api allow]\n", Given("data")).expectations
    assert found.source == Named("data/web")


def test_sets_of_the_file_come_before_those_of_the_project_and_those_before_what_is_built_in() -> None:
    text = f"{HEAD}sets:\n  dns: {{namespace: x}}\nexpect: [dns -> partner allow, internet -> dns allow]\n"
    project = {"dns": Definition(namespace="y"), "partner": Definition(cidrs=["203.0.113.0/24"])}
    first, second = read(text, Given(sets=project)).expectations
    assert first.source == Set("dns", Definition(namespace="x"))
    assert first.destination == Set("partner", Definition(cidrs=["203.0.113.0/24"]))
    assert second.source == Set("internet")


def test_all_mistakes_are_found_at_once_each_with_its_line() -> None:
    text = """\
apiVersion: podwall.io/v2
kind: Expectations
metadata: {namespace: Shop, nam: x}
sets:
  Dns: {namespace: a}
  partner: {cidr: [203.0.113.0/24]}
  other: {cidrs: [203.0.113.0], except: [x]}
expect:
- web -> api:8080 alow
- from: web
  to: 7
  verdict: deny
- {from: web, to: api, port: 80, ports: [81], verdict: deny, some: true}
- 80
- {form: web, to: api, verdict: maybe}
- {from: {labels: {a: 1}, podLabels: {}}, to: {}, verdict: allow, because: ''}
- {from: web, to: api, ports: [true, x_y], verdict: allow}
- {from: web, to: api, port: , verdict: allow}
"""
    assert said(text) == [
        "e.yaml:1: apiVersion: must be `podwall.io/v1`",
        "e.yaml:3: metadata.nam: unknown field, did you mean `name`?",
        f"e.yaml:3: metadata.namespace: `Shop` is no name of a namespace: {LABEL}",
        f"e.yaml:5: sets.Dns: `Dns` cannot name a set: {LABEL}",
        "e.yaml:6: sets.partner.cidr: unknown field, did you mean `cidrs`?",
        "e.yaml:6: sets.partner: says nothing: give namespace, namespaceLabels, podLabels or cidrs",
        "e.yaml:7: sets.other.cidrs[0]: `203.0.113.0` is no CIDR (as 203.0.113.0/24)",
        "e.yaml:7: sets.other.except[0]: `x` is no CIDR (as 203.0.113.0/24)",
        "e.yaml:9: expect[0]: `alow` is neither allow nor deny: write `FROM -> TO[:PORT] allow`, or deny",
        "e.yaml:11: expect[1].to: expected an end as text, or a mapping with labels",
        "e.yaml:13: expect[2]: `port` and `ports` are the same thing: give one of them",
        "e.yaml:13: expect[2].some: goes with allow only: a deny holds for all pairs",
        "e.yaml:14: expect[3]: expected an assertion: `web -> api:8080 allow`, or a mapping with from and to",
        "e.yaml:15: expect[4].form: unknown field, did you mean `from`?",
        "e.yaml:15: expect[4]: there is no `from`",
        "e.yaml:15: expect[4].verdict: `maybe` is no verdict: allow or deny",
        "e.yaml:16: expect[5].from: `labels` and `podLabels` are the same thing: give one of them",
        "e.yaml:16: expect[5].to: says nothing: give namespace, namespaceLabels or podLabels",
        "e.yaml:16: expect[5].because: the text is empty",
        "e.yaml:17: expect[6].ports[0]: expected a port: a number, a name, 53/udp or any",
        "e.yaml:17: expect[6].ports[1]: `x_y` is no port: write 8080, 8000-8100, http, 53/udp or any",
        "e.yaml:18: expect[7].port: has no value: write one, or take the field away",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}expect: []\n", "e.yaml:3: expect: the list is empty"),
        (HEAD, "e.yaml:1: there is no `expect`: a list of assertions as `web -> api:8080 allow`"),
        (f"{HEAD}expect: web -> api allow\n", "e.yaml:3: expect: expected a list, got text"),
        ("kind: Expectations\nexpect: [a -> b deny]\n", "e.yaml:1: must be `podwall.io/v1`"),
        (f"{HEAD}sets: [x]\nexpect: [a -> b deny]\n", "e.yaml:3: sets: expected a mapping of names to sets"),
        (f"{HEAD}expect:\n- a -> b deny\n  x: y\n", "e.yaml:5: mapping values are not allowed"),
        (f"{HEAD}expect: [a -> b deny]\nexpect: [c -> d deny]\n", "e.yaml:4: duplicate key `expect`"),
    ],
)
def test_a_mistake(text: str, message: str) -> None:
    found = said(text)
    assert any(line.startswith(message) for line in found), found


def test_other_documents_are_named_and_the_next_is_read() -> None:
    found = read(f"kind: Pod\n---\n{HEAD}expect: [a -> b deny]\n---\n- 1\n")
    assert (found.others, len(found.expectations), found.problems) == (("Pod", "no mapping"), 1, ())
    assert found.expectations[0].line == 5
