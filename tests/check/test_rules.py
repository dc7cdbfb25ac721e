"""Every rule against its own examples: what it finds in the bad ones, and nothing in the good ones."""

from __future__ import annotations

import datetime as dt

import pytest

from podwall.author.edit import edited
from podwall.check.facts import Facts, Options
from podwall.check.registry import all_rules, documentation
from podwall.check.rule import Bad, Finding, Good, Rule
from podwall.text.where import field
from tests.check.reading import facts_of

TODAY = dt.date(2026, 11, 21)
ABOUT_MISTAKES = {"PW102", "PW104", "PW105", "PW153", "PW161"}


Example = Good | Bad


def examples() -> list[tuple[Rule, Example]]:
    return [(rule, example) for rule in all_rules() for example in _of(rule)]


def _of(rule: Rule) -> tuple[Example, ...]:
    return (*rule.good, *rule.bad)


def name(value: object) -> str:
    return value.id if isinstance(value, Rule) else type(value).__name__


@pytest.mark.parametrize(("rule", "example"), examples(), ids=name)
def test_a_rule_finds_what_its_examples_say(rule: Rule, example: Example) -> None:
    found = [f for f in rule.check(facts(example)) if isinstance(f, Finding)]
    assert [f"{_home(f)}{f.object.name} {field(f.path)}".rstrip() for f in found] == list(
        example.finds if isinstance(example, Bad) else ()
    )
    for finding in found:
        assert finding.message
        assert finding.advice


@pytest.mark.parametrize(
    ("rule", "example"), [(r, e) for r, e in examples() if isinstance(e, Bad) and e.fixed], ids=name
)
def test_a_fix_leaves_nothing_to_find(rule: Rule, example: Bad) -> None:
    data = {"example.yaml": example.objects.encode()}
    for finding in rule.check(facts(example)):
        if isinstance(finding, Finding) and finding.fix is not None:
            data |= edited(data, finding.fix.edits)
    assert data["example.yaml"].decode() == example.fixed
    again = rule.check(facts_of(example.fixed, Options(TODAY, owners=example.owners, edges=example.flows)))
    assert [f for f in again if isinstance(f, Finding) and f.fix is not None] == []


@pytest.mark.parametrize(("rule", "example"), examples(), ids=name)
def test_only_rules_about_mistakes_have_examples_with_mistakes(rule: Rule, example: Example) -> None:
    assert rule.id in ABOUT_MISTAKES or not facts(example).mistakes


@pytest.mark.parametrize("rule", all_rules(), ids=name)
def test_a_rule_is_documented_and_shown(rule: Rule) -> None:
    assert rule.good
    assert rule.bad
    assert "**What to do:**" in documentation(rule)


def facts(example: Example) -> Facts:
    return facts_of(example.objects, Options(TODAY, owners=example.owners, edges=example.flows), example.profile)


def _home(finding: Finding) -> str:
    return f"{finding.object.namespace}/" if finding.object.namespace else ""
