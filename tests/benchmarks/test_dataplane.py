"""The data plane benchmark: its scenario and the two renderings. That packets obey them, it checks when it runs."""

import re
import shutil
import subprocess
from collections import Counter

import pytest

from benchmarks.dataplane.kuberouter import restored_rules, restored_sets
from benchmarks.dataplane.ours import compiled, whole
from benchmarks.dataplane.scenario import ALLOWED_CLIENT, DENIED_CLIENT, PROTOCOLS, Scenario
from benchmarks.dataplane.table import Figure, figure_rows, lines
from podwall.dataplane.ruleset import Key, address_key, port_key
from podwall.dataplane.wellformed import refused_ruleset
from tests.dataplane.namespaces import impossible, inside

# What the kernel allows: XT_EXTENSION_MAXNAMELEN and IPSET_MAXNAMELEN, without the zero.
CHAIN_NAME, SET_NAME = 28, 31

SCENARIOS = [Scenario(1, 1, peers=1), Scenario(3, 2, apps=3, peers=1), Scenario(20, 5, apps=4, peers=7)]
each = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: f"{one.name}, {one.apps} apps")


@each
def test_nothing_but_the_last_rule_of_the_targets_last_policy_allows_the_client(scenario: Scenario) -> None:
    policies = scenario.policies_of(scenario.target.app)
    assert len(policies) == scenario.policies
    found = [rule for policy in scenario.every_policy for rule in policy.rules if ALLOWED_CLIENT in rule.peers]
    assert found == [policies[-1].rules[-1]]
    assert found[0].port == scenario.port


@each
def test_every_address_is_one_endpoint(scenario: Scenario) -> None:
    rules = [rule for policy in scenario.every_policy for rule in policy.rules]
    addresses = Counter([*(pod.address for pod in scenario.local), *(peer for rule in rules for peer in rule.peers)])
    assert set(addresses.values()) == {1}
    assert {len(rule.peers) for rule in rules} == {scenario.peers}
    assert DENIED_CLIENT not in addresses


@pytest.mark.parametrize(("pods", "apps"), [(0, 1), (1, 2)])
def test_a_scenario_without_pods_or_with_empty_apps_is_refused(pods: int, apps: int) -> None:
    with pytest.raises(ValueError, match="scenario"):
        Scenario(pods, 1, apps=apps)


@each
def test_our_sets_hold_each_peer_with_its_port_and_protocol(scenario: Scenario) -> None:
    ruleset = whole(compiled(scenario)).whole
    assert ruleset is not None
    assert list(refused_ruleset(ruleset)) == []
    keys = [one.elements for one in ruleset.sets.values() if one.key is Key.SERVICE4]
    assert len(keys) == scenario.apps
    assert sum(map(len, keys)) == scenario.apps * scenario.policies * 2 * scenario.peers * len(PROTOCOLS)
    allowed = {client(protocol, scenario.port) for protocol in PROTOCOLS}
    assert sum(allowed <= one for one in keys) == 1


def client(protocol: str, port: int) -> bytes:
    first, second, third, fourth = map(int, ALLOWED_CLIENT.split("."))
    return address_key(first << 24 | second << 16 | third << 8 | fourth, 4) + port_key(protocol, port)


@each
def test_the_shape_names_nothing_that_is_not_there(scenario: Scenario) -> None:
    rules, sets = restored_rules(scenario), restored_sets(scenario)
    chains = set(re.findall(r"^:(\S+)", rules, re.MULTILINE))
    built_in = {"ACCEPT", "DROP", "REJECT", "RETURN", "MARK", "NFLOG"}
    assert set(re.findall(r"-j (\S+)", rules)) <= chains | built_in
    assert set(re.findall(r"^-A (\S+)", rules, re.MULTILINE)) <= chains
    made = re.findall(r"^create (\S+)", sets, re.MULTILINE)
    assert sorted(made) == sorted(set(re.findall(r"--match-set (\S+)", rules)))
    assert {*re.findall(r"^add (\S+)", sets, re.MULTILINE)} == {*made}
    assert max(map(len, chains)) <= CHAIN_NAME
    assert max(map(len, made)) <= SET_NAME


@each
def test_the_shape_is_linear_in_pods_and_in_the_policies_of_a_pod(scenario: Scenario) -> None:
    rules = restored_rules(scenario)
    by_chain = Counter(re.findall(r"^-A (\S+)", rules, re.MULTILINE))
    assert by_chain["KUBE-ROUTER-FORWARD"] == 4 * scenario.pods + 1
    assert sum(chain.startswith("KUBE-POD-FW-") for chain in by_chain) == scenario.pods
    assert rules.count(f"-d {scenario.target.address} -m comment") == scenario.policies
    # Two rules of two protocols for each policy, and each of them twice: to mark, and to return.
    own = {count for chain, count in by_chain.items() if re.fullmatch(r"KUBE-NWPLCY-[0-9A-F]{16}", chain)}
    assert own == {2 * len(PROTOCOLS) * 2}


def test_the_kernel_takes_the_shape() -> None:
    programs = ("ipset", "iptables-legacy-restore")
    missing = [name for name in programs if shutil.which(name) is None]
    if missing or impossible():
        pytest.skip(impossible() or f"missing: {', '.join(missing)}")

    def load() -> None:
        for program, text in (("ipset", restored_sets(SCENARIOS[-1])), (programs[1], restored_rules(SCENARIOS[-1]))):
            command = [program, "restore"] if program == "ipset" else [program, "--test"]
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0, done.stderr

    inside(load, user=False)


@pytest.mark.parametrize(
    ("figure", "row"),
    [
        (Figure("a", 4.0, "%", 5.0), ("a", "4 %", "5 %", "ok")),
        (Figure("b", 0.1, "ms", 0.1), ("b", "0.1 ms", "0.1 ms", "ok")),
        (Figure("c", 1.0, "", 0), ("c", "1", "0", "MISSED")),
        (Figure("d", 1234.5, "ns"), ("d", "1,234 ns", "", "")),
        (Figure("e", skipped="skipped: install ipset"), ("e", "skipped: install ipset", "", "")),
    ],
)
def test_a_figure_is_shown_with_its_target(figure: Figure, row: tuple[str, ...]) -> None:
    assert figure_rows([figure])[1] == row


def test_columns_stand_in_line() -> None:
    assert list(lines([("name", "ns"), ("a", "1,000")])) == ["name     ns", "a     1,000"]
