"""Whatever can be decoded of the cluster-wide kinds can be validated, in both channels, and read as rules."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwall.admission import adminnetworkpolicy, clusternetworkpolicy
from podwall.admission.finding import Finding
from podwall.api.policy import AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy, ClusterWidePolicy
from podwall.engine.policies.clusterwide import rules_of
from podwall.engine.rules import PortRange
from tests.admission.test_any_policy import reach, values_of

KINDS: list[type[ClusterWidePolicy]] = [ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy]


def problems(policy: ClusterWidePolicy, channel: str) -> list[Finding]:
    if isinstance(policy, ClusterNetworkPolicy):
        return clusternetworkpolicy.problems(policy, channel)
    return adminnetworkpolicy.problems(policy, channel)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
@settings(derandomize=True, max_examples=150, deadline=None)
@given(data=st.data())
def test_every_decodable_policy_can_be_validated_and_read(kind: type[ClusterWidePolicy], data: st.DataObject) -> None:
    value: Any = data.draw(values_of(msgspec.inspect.type_info(kind)))
    policy = msgspec.json.decode(msgspec.json.encode(value), type=kind)
    for channel in ("experimental", "standard"):
        found = problems(policy, channel)
        assert found == problems(policy, channel)
        for finding in found:
            reach(value, finding.path)
            assert finding.message.isprintable()
    for rule in rules_of(policy).rules:
        assert rule.peers
        assert all(1 <= p.first <= p.last <= 65535 for p in rule.ports if isinstance(p, PortRange))
