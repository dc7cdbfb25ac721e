"""Scripts: what is said about one sort of pod, and the name that is made of all of it."""

from __future__ import annotations

import msgspec
import pytest

from podwall.cluster.endpoints import PortName
from podwall.dataplane.ruleset import Hook
from podwall.dataplane.script import Script, script_of
from podwall.dataplane.walk import walk
from podwall.engine.governing import Governing
from podwall.engine.rules import Action, AnyPort, NamedPort, PolicyRules, PortRange, Tier
from tests.dataplane.small import EGRESS, EVERY_POD, INGRESS, app, compiled, only, ordered, packet, pod

WEB = (PortName("http", "TCP", 80), PortName("http", "UDP", 81))


def script(*policies: PolicyRules, ports: tuple[PortName, ...] = WEB) -> Script:
    """What policies about one pod say of its ingress, or its egress."""
    rules = [rule for policy in policies for rule in policy.rules]
    isolations = tuple(isolation for policy in policies for isolation in policy.isolations)
    of_tier = {tier: tuple(rule for rule in rules if rule.tier is tier) for tier in Tier}
    governing = Governing(of_tier[Tier.ADMIN], isolations, of_tier[Tier.NETWORK_POLICY], of_tier[Tier.BASELINE])
    direction = isolations[0].direction if isolations else rules[0].direction
    return script_of(direction, governing, ports)


ALLOW, DENY = (Action.ALLOW, app("db"), AnyPort()), (Action.DENY, app("db"), AnyPort())
SAYING = {
    "an app": only(INGRESS, "web", app("db")),
    "another app": only(INGRESS, "web", app("cache")),
    "two apps": only(INGRESS, "web", app("db"), app("cache")),
    "nobody": only(INGRESS, "web"),
    "a port": only(INGRESS, "web", app("db"), port=PortRange("TCP", 80, 80)),
    "a range": only(INGRESS, "web", app("db"), port=PortRange("TCP", 80, 81)),
    "another protocol": only(INGRESS, "web", app("db"), port=PortRange("UDP", 80, 80)),
    "another policy": only(INGRESS, "web", app("db"), name="other"),
    "the other direction": only(EGRESS, "web", app("db")),
    "a name": only(EGRESS, "web", app("db"), port=NamedPort("TCP", "http")),
    "another name": only(EGRESS, "web", app("db"), port=NamedPort("TCP", "https")),
    "first": ordered(INGRESS, "web", ALLOW, tier=Tier.ADMIN),
    "first, denied": ordered(INGRESS, "web", DENY, tier=Tier.ADMIN),
    "last": ordered(INGRESS, "web", ALLOW, tier=Tier.BASELINE),
    "denied, then allowed": ordered(INGRESS, "web", DENY, ALLOW, tier=Tier.ADMIN),
    "allowed, then denied": ordered(INGRESS, "web", ALLOW, DENY, tier=Tier.ADMIN),
}


def test_whatever_says_something_else_has_another_name() -> None:
    """A group in use keeps its chains, so one name for two meanings would leave the old one in force."""
    names = {what: script(policy).group.name for what, policy in SAYING.items()}
    assert len(set(names.values())) == len(names), names


def test_whatever_says_the_same_has_the_same_name() -> None:
    one = script(only(INGRESS, "web", app("db"), app("cache")))
    other = only(INGRESS, "web", app("cache"), app("db"))
    assert script(other) == one
    assert script(msgspec.structs.replace(other, rules=(*other.rules, *other.rules))) == one


def test_named_ports_of_the_subject_are_those_of_its_own_protocol() -> None:
    """A name and a protocol together name a port (N13), a name alone all that have it (C11)."""
    for protocol, numbers in (("TCP", {("TCP", 80)}), ("UDP", {("UDP", 81)}), ("", {("TCP", 80), ("UDP", 81)})):
        terms = script(only(INGRESS, "web", app("db"), port=NamedPort(protocol, "http"))).allowed.terms
        found = {port for _, ports in terms for port in ports if isinstance(port, PortRange)}
        assert {(port.protocol, port.first) for port in found} == numbers


def test_rules_without_an_isolation_say_nothing() -> None:
    """A direction that is not listed isolates nobody, whatever is written about it (N4)."""
    said = msgspec.structs.replace(only(INGRESS, "web", app("db")), isolations=())
    tier = ordered(INGRESS, "web", ALLOW, tier=Tier.BASELINE)
    table = compiled(pod("web", "10.0.0.1"), said, tier).ruleset()
    assert walk(table, Hook.FORWARD, packet("203.0.113.1", "10.0.0.1")).accepted


@pytest.mark.parametrize(("old", "new"), [(ALLOW, DENY), (DENY, ALLOW)])
def test_a_rule_that_changes_its_action_is_in_force(
    old: tuple[Action, object, object], new: tuple[Action, object, object]
) -> None:
    """Nothing but the action differs between the two."""
    compiler = compiled(pod("web", "10.0.0.1"), pod("db", "10.0.0.2"))
    for line in (old, new):
        compiler.put_policy(ordered(INGRESS, "web", line, (Action.DENY, EVERY_POD, AnyPort()), tier=Tier.ADMIN))  # type: ignore[arg-type]
        compiler.flush()
    fate = walk(compiler.ruleset(), Hook.FORWARD, packet("10.0.0.2", "10.0.0.1"))
    assert fate.accepted is (new is ALLOW)
