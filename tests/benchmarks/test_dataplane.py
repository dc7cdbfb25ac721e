"""The scenario of the data plane benchmark and what is made of it; that packets meet it is the benchmark's own check."""

import re
import shutil
import subprocess
from collections import Counter

import msgspec
import pytest

from benchmarks.dataplane.kuberouter import restored_rules, restored_sets
from benchmarks.dataplane.ours import compiled, whole
from benchmarks.dataplane.scenario import ALLOWED_CLIENT, DENIED_CLIENT, Scenario
from benchmarks.dataplane.table import Figure, figure_rows, lines
from podwall.dataplane import text
from podwall.dataplane.ruleset import Key, address_key, port_key
from podwall.dataplane.wellformed import complaints

SCENARIOS = [Scenario(1, 1), Scenario(3, 2, apps=3, peers=1), Scenario(20, 5, apps=4, peers=7)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_only_the_last_rule_of_the_last_policy_of_the_target_allows_the_client(scenario: Scenario) -> None:
    policies = scenario.policies_of(scenario.target.app)
    assert len(policies) == scenario.policies
    places = [(policy, rule) for policy in policies for rule in policy.rules if ALLOWED_CLIENT in rule.peers]
    assert places == [(policies[-1], policies[-1].rules[-1])]
    assert places[0][1].port == scenario.port
    assert all(DENIED_CLIENT not in rule.peers for policy in scenario.every_policy for rule in policy.rules)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_every_address_is_one_endpoints(scenario: Scenario) -> None:
    peers = [peer for policy in scenario.every_policy for rule in policy.rules for peer in rule.peers]
    counted = Counter([*(pod.address for pod in scenario.local), *peers])
    assert counted.pop(ALLOWED_CLIENT) == scenario.apps
    assert set(counted.values()) == {1}
    assert all(len(rule.peers) == scenario.peers for policy in scenario.every_policy for rule in policy.rules)


@pytest.mark.parametrize(("pods", "apps"), [(0, 1), (1, 2)])
def test_a_scenario_without_pods_or_with_empty_apps_is_refused(pods: int, apps: int) -> None:
    with pytest.raises(ValueError, match="scenario"):
        Scenario(pods, 1, apps=apps)
