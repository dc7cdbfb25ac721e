"""Fixes through the whole chain: what they write, what they prove, and what they refuse."""

from __future__ import annotations

import datetime as dt
import gzip
import shutil
import subprocess
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from podwall.author.edit import Edit
from podwall.check.facts import Facts, Options
from podwall.check.registry import all_rules
from podwall.check.rule import Bad, Finding, Fix, Rule
from podwall.errors import InputError
from podwall.ops.fixing import Outcome, Wanted, fix
from podwall.ops.inputs import Inputs, Opened, open_cluster
from podwall.ops.mapping import make_map
from podwall.ops.needing import topology_of
from podwall.report.fixes import fixes_text
from podwall.report.public import Map
from tests.cli.program import SHOP

TODAY = dt.date(2026, 11, 21)
FIXED = [(rule, bad) for rule in all_rules() for bad in rule.bad if bad.fixed]


def of(rule: str) -> tuple[Rule, ...]:
    return tuple(one for one in all_rules() if one.id == rule)


def fixed(path: Path, rules: tuple[Rule, ...] = all_rules(), *, unsafe: bool = False) -> Outcome:
    def facts(opened: Opened) -> Facts:
        return Facts(opened.model, Options(TODAY), opened.mistakes, opened.ignoring, lambda: topology_of(opened))

    return fix(Inputs((str(path),), keep_mistakes=True), Wanted(rules, facts, unsafe=unsafe))


def mapped(path: Path) -> Map:
    return make_map(open_cluster(Inputs((str(path),), keep_mistakes=True)))


def open_pairs(path: Path) -> set[tuple[str, str, str]]:
    found = mapped(path)
    return {(c.src, c.dst, f"{p.protocol} {p.port}-{p.endPort}") for c in found.connections for p in c.ports}


@pytest.mark.parametrize(("rule", "bad"), FIXED, ids=lambda value: value.id if isinstance(value, Rule) else "")
def test_every_example_is_fixed_in_its_file_and_once(rule: Rule, bad: Bad, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(bad.objects, encoding="utf-8")

    def facts(opened: Opened) -> Facts:
        return Facts(
            opened.model,
            Options(TODAY, owners=bad.owners),
            opened.mistakes,
            opened.ignoring,
            lambda: topology_of(opened),
        )

    wanted = Wanted((rule,), facts, unsafe=True)
    done = fix(Inputs((str(path),), keep_mistakes=True), wanted)
    assert done.answer.fixed
    assert not done.answer.refused
    done.write()
    assert path.read_text(encoding="utf-8") == bad.fixed
    again = fix(Inputs((str(path),), keep_mistakes=True), wanted)
    assert (again.answer.fixed, again.after) == ([], {})


@pytest.mark.parametrize(("rule", "bad"), FIXED, ids=lambda value: value.id if isinstance(value, Rule) else "")
def test_what_is_printed_is_the_difference_of_the_maps(rule: Rule, bad: Bad, tmp_path: Path) -> None:
    """Ports may be cut differently on both sides, so pairs are compared that one side does not have at all."""
    path = tmp_path / "example.yaml"
    path.write_text(bad.objects, encoding="utf-8")
    before = {(c.src, c.dst) for c in mapped(path).connections}
    done = fixed(path, (rule,), unsafe=True)
    done.write()
    after = {(c.src, c.dst) for c in mapped(path).connections}
    opens = {(c.src, c.dst) for one in done.answer.fixed for c in one.opens.connections}
    closes = {(c.src, c.dst) for one in done.answer.fixed for c in one.closes.connections}
    assert inside(after - before) <= opens
    assert inside(before - after) <= closes


def inside(found: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Pairs without external ends, whose sets are cut anew by every rule."""
    return {(src, dst) for src, dst in found if src[0].isalpha() and dst[0].isalpha()}


@pytest.mark.parametrize("unsafe", [False, True])
@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_twice_is_once_with_all_checks(rule: Rule, unsafe: bool, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    for bad in rule.bad:
        path.write_text(bad.objects, encoding="utf-8")
        fixed(path, unsafe=unsafe).write()
        assert fixed(path, unsafe=unsafe).after == {}


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_without_unsafe_fixes_nothing_closes(rule: Rule, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    for bad in rule.bad:
        path.write_text(bad.objects, encoding="utf-8")
        before = {(c.src, c.dst) for c in mapped(path).connections}
        done = fixed(path)
        assert all(one.safe and not one.closes.connections for one in done.answer.fixed)
        done.write()
        assert inside(before) <= {(c.src, c.dst) for c in mapped(path).connections}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(SHOP / "broken", folder)
    return folder


def test_the_shop_gets_its_dns_and_keeps_the_slip_that_closes(shop: Path) -> None:
    done = fixed(shop)
    assert [(one.id, one.object.name) for one in done.answer.fixed] == [("PW110", "default-deny")]
    assert [(one.id, one.object.name, one.unsafe) for one in done.answer.refused] == [("PW101", "ledger-db", True)]
    refused = done.answer.refused[0]
    assert refused.closes is not None
    assert [c.src for c in refused.closes.connections] == ["monitoring/grafana", "monitoring/prometheus"]


def test_the_shop_is_as_open_as_the_good_one_after_unsafe_fixes(shop: Path) -> None:
    fixed(shop, unsafe=True).write()
    ours, good = open_pairs(shop), open_pairs(SHOP / "good")
    about = {pair for pair in ours ^ good if "coredns" in pair[1] or "ledger-db" in pair[1]}
    assert about == set()


def test_bytes_outside_of_edits_stay(shop: Path) -> None:
    path = shop / "payments-policies.yaml"
    before = path.read_bytes().splitlines(keepends=True)
    fixed(shop, unsafe=True).write()
    after = path.read_bytes().splitlines(keepends=True)
    changes = [
        code for code in SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if code[0] != "equal"
    ]
    assert [(op, end - start) for op, start, end, _, _ in changes] == [("insert", 0), ("replace", 1)]


def test_the_diff_is_a_patch(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shop / "payments-policies.yaml"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))  # the end of a file is where diffs go wrong
    monkeypatch.chdir(shop.parent)
    done = fixed(Path("shop"), unsafe=True)
    subprocess.run(["git", "apply", "-p0", "-"], input=done.diff().encode(), check=True)
    assert {"shop/payments-policies.yaml": path.read_bytes()} == done.after


def with_fix(op: Literal["add", "remove"], *, safe: bool, value: object = None) -> Rule:
    """A check that finds the first ingress section that there is, and has a fix for it."""

    def check(facts: Facts) -> Iterator[Finding]:
        for policy in facts.network_policies:
            if facts.written(policy, ("spec", "ingress")):
                path = ("spec", "ingress") if op == "remove" else ("metadata", "annotations")
                edit = Edit(policy.origin, op, path, value)
                yield Finding(policy.what, ("spec", "ingress"), "is", "leave it", fix=Fix("try it", (edit,), safe))

    return msgspec.structs.replace(all_rules()[0], id="PW999", check=check)


def test_a_fix_that_closes_is_unsafe_whatever_its_check_says(shop: Path) -> None:
    rules = (with_fix("remove", safe=True),)
    done = fixed(shop, rules)
    assert {one.reason for one in done.answer.refused} == {"closes connections: --unsafe-fixes makes it"}
    assert done.after == {}
    taken = fixed(shop, rules, unsafe=True).answer
    assert taken.refused == []
    assert any(one.closes.connections and not one.safe for one in taken.fixed)


def test_a_fix_that_leaves_its_finding_is_not_made(shop: Path) -> None:
    done = fixed(shop, (with_fix("add", safe=True, value={"looked": "at"}),))
    assert {one.reason for one in done.answer.refused} == {"the finding would stay"}
    assert done.after == {}


def test_two_policies_that_make_each_other_redundant_do_not_both_go(tmp_path: Path) -> None:
    """Each of the two changes nothing; without both there would be no connection."""
    policy = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {name}, namespace: shop}}
spec:
  podSelector: {{}}
  policyTypes: [Ingress]
  ingress:
  - from: [{{podSelector: {{}}}}]
"""
    pods = "".join(
        f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\n"
        for name in ("one", "two")
    )
    path = tmp_path / "a.yaml"
    path.write_text(pods + policy.format(name="first") + policy.format(name="second"), encoding="utf-8")
    before = open_pairs(path)
    fixed(path).write()
    assert open_pairs(path) == before


def test_what_is_no_plain_file_is_refused(shop: Path, tmp_path: Path) -> None:
    whole = b"\n---\n".join(path.read_bytes() for path in sorted(shop.glob("*.yaml")))
    packed = tmp_path / "shop.yaml.gz"
    packed.write_bytes(gzip.compress(whole))
    done = fixed(packed, unsafe=True)
    assert (done.answer.fixed, done.after) == ([], {})
    assert all("cannot be written" in one.reason for one in done.answer.refused)
    assert done.answer.refused


def test_a_file_that_changed_meanwhile_is_left_alone(shop: Path) -> None:
    done = fixed(shop)
    path = shop / "payments-policies.yaml"
    path.write_bytes(b"# mine\n" + path.read_bytes())
    before = path.read_bytes()
    with pytest.raises(InputError, match="was changed while"):
        done.write()
    assert path.read_bytes() == before


def test_what_a_person_reads(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.parent)
    text = "".join(fixes_text(fixed(Path("shop")).answer, written=True))
    assert "FIXED PW110  payments/default-deny\n  shop/payments-policies.yaml:2 spec.egress\n" in text
    assert "  opens:  payments/ledger -> kube-system/coredns  TCP 53 and UDP 53\n" in text
    assert "NOT FIXED PW101  payments/ledger-db\n" in text
    assert "  closes: monitoring/grafana -> payments/ledger-db  TCP 5432\n" in text
    assert "1 fix not safe: --unsafe-fixes" in text
