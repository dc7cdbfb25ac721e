"""A temporary policy whose time is over, or a suppression whose date has passed.

Temporary openings outlive their reason. The annotation says until when one is meant (`podwall.io/expires:
"2027-01-31"`: the last day on which it is), and from the next day on this finding asks for it. A suppression
(`podwall.io/ignore: "PW150: reason (until 2027-01-31)"`) ends the same way, and what it suppressed counts again. One
that cannot be read is said here, too, since it suppresses nothing.

**What to do:** delete the policy; the fix does, and is unsafe, as it closes what the policy opened. If it is still
needed, write a later date, or make it a lasting one by taking the annotation away. A suppression that has ended is
taken out of the annotation by its fix.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

from podwall.author.edit import Edit
from podwall.check.facts import Facts, Object, Policy
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.check.suppress import IGNORE, lines, suppressions

__all__ = ["RULE"]

_EXPIRES = "podwall.io/expires"


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.policies:
        yield from _expired(facts, policy)
    for what, notes in _annotated(facts):
        yield from _suppressions(facts, what, notes)


def _expired(facts: Facts, policy: Policy) -> Iterator[Finding]:
    written = (policy.object.metadata.annotations or {}).get(_EXPIRES)
    if written is None:
        return
    path = ("metadata", "annotations", _EXPIRES)
    try:
        last = dt.date.fromisoformat(written)
    except ValueError:
        yield Finding(policy.what, path, f"is no date: {written}", "write it as 2027-01-31")
        return
    if last < facts.options.today:
        days = (facts.options.today - last).days
        message = f"was meant until {last}, {days} day{'' if days == 1 else 's'} ago"
        fix = Fix("delete the policy", (Edit(policy.origin, "remove", ()),), safe=False)
        yield Finding(policy.what, path, message, "delete the policy, or write a later date", fix=fix)


def _annotated(facts: Facts) -> Iterator[tuple[Object, Mapping[str, str]]]:
    """The policies, and the other objects that suppress something."""
    for policy in facts.policies:
        yield policy.what, policy.object.metadata.annotations or {}
    for kind, namespace, name in sorted(facts.ignoring):
        origin = facts.origin(kind, namespace, name)
        if origin is not None:  # a namespace, a workload or a Service
            yield Object(kind, namespace, name, origin), facts.ignoring[kind, namespace, name]


def _suppressions(facts: Facts, what: Object, notes: Mapping[str, str]) -> Iterator[Finding]:
    path = ("metadata", "annotations", IGNORE)
    for found in suppressions(notes):
        if found.wrong:
            yield Finding(what, path, f"suppresses nothing: {found.wrong}", "write PW150: reason (until DATE)")
        elif not found.holds(facts.options.today):
            message = f"the suppression of {found.rule} was meant until {found.until}: it counts again"
            advice = "settle the finding, or write a later date with the reason"
            yield Finding(what, path, message, advice, fix=_fix(facts, what, notes))


def _fix(facts: Facts, what: Object, notes: Mapping[str, str]) -> Fix | None:
    """The annotation without what has ended; nothing about traffic changes."""
    if what.origin is None:
        return None
    held = lines(notes)
    left = [line for line in held if any(f.wrong or f.holds(facts.options.today) for f in suppressions({IGNORE: line}))]
    place = ("metadata", "annotations", IGNORE)
    kept = Edit(what.origin, "replace", place, "; ".join(left)) if left else Edit(what.origin, "remove", place)
    return Fix("take the ended suppression away", (kept,))


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: debug, namespace: shop, annotations: {podwall.io/expires: "%s"}}
spec: {podSelector: {}, ingress: [{}]}
"""

_OTHER = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
"""

RULE = Rule(
    id="PW176",
    severity=Severity.WARNING,
    says="a temporary policy is due, or a suppression's date has passed",
    check=_check,
    good=(
        Good(_POLICY % "9999-12-31"),
        Good((_POLICY % "9999-12-31").replace("}}", ', podwall.io/ignore: "PW150: so it is"}}')),
    ),
    bad=(
        Bad(
            _OTHER + _POLICY % "2020-02-29",
            ("shop/debug metadata.annotations[podwall.io/expires]",),
            fixed=_OTHER.partition("---")[0],
        ),
        Bad(
            (_POLICY % "9999-12-31").replace("}}", ', podwall.io/ignore: "PW150: x (until 2020-01-31)"}}'),
            ("shop/debug metadata.annotations[podwall.io/ignore]",),
            fixed=_POLICY % "9999-12-31",
        ),
        Bad(
            _OTHER.replace("}", ', annotations: {podwall.io/ignore: "PW173: x (until 2020-01-31); PW126: y"}}', 1),
            ("shop metadata.annotations[podwall.io/ignore]",),
            "a namespace suppresses what is said of it",
            fixed=_OTHER.replace("}", ', annotations: {podwall.io/ignore: "PW126: y"}}', 1),
        ),
        Bad(_POLICY % "next week", ("shop/debug metadata.annotations[podwall.io/expires]",)),
    ),
)
