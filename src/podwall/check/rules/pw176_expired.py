"""A temporary policy whose time is over, or a suppression whose date has passed.

Temporary openings outlive their reason. The annotation says until when one is meant (`podwall.io/expires:
"2027-01-31"`: the last day on which it is), and from the next day on this finding asks for it. A suppression
(`podwall.io/ignore: "PW150: reason (until 2027-01-31)"`) ends the same way, and what it suppressed counts again. One
that cannot be read is said here, too, since it suppresses nothing.

**What to do:** delete the policy. If it is still needed, write a later date, or make it a lasting one by taking the
annotation away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from podwall.check.facts import Facts, Policy
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.check.suppress import IGNORE, suppressions

__all__ = ["RULE"]

_EXPIRES = "podwall.io/expires"


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.policies:
        written = (policy.object.metadata.annotations or {}).get(_EXPIRES)
        yield from _suppressions(facts, policy)
        if written is None:
            continue
        path = ("metadata", "annotations", _EXPIRES)
        try:
            last = dt.date.fromisoformat(written)
        except ValueError:
            yield Finding(policy.what, path, f"is no date: {written}", "write it as 2027-01-31")
            continue
        if last < facts.options.today:
            days = (facts.options.today - last).days
            message = f"was meant until {last}, {days} day{'' if days == 1 else 's'} ago"
            yield Finding(policy.what, path, message, "delete the policy, or write a later date")


def _suppressions(facts: Facts, policy: Policy) -> Iterator[Finding]:
    path = ("metadata", "annotations", IGNORE)
    for found in suppressions(policy.object.metadata.annotations):
        if found.wrong:
            yield Finding(policy.what, path, f"suppresses nothing: {found.wrong}", "write PW150: reason (until DATE)")
        elif not found.holds(facts.options.today):
            message = f"the suppression of {found.rule} was meant until {found.until}: it counts again"
            yield Finding(policy.what, path, message, "settle the finding, or write a later date with the reason")


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: debug, namespace: shop, annotations: {podwall.io/expires: "%s"}}
spec: {podSelector: {}, ingress: [{}]}
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
        Bad(_POLICY % "2020-02-29", ("shop/debug metadata.annotations[podwall.io/expires]",)),
        Bad(
            (_POLICY % "9999-12-31").replace("}}", ', podwall.io/ignore: "PW150: x (until 2020-01-31)"}}'),
            ("shop/debug metadata.annotations[podwall.io/ignore]",),
        ),
        Bad(_POLICY % "next week", ("shop/debug metadata.annotations[podwall.io/expires]",)),
    ),
)
