"""Policies of the whole cluster → rules, whatever their kind."""

from __future__ import annotations

from podwall.api.policy import ClusterNetworkPolicy, ClusterWidePolicy
from podwall.engine.policies import adminnetworkpolicy, clusternetworkpolicy
from podwall.engine.rules import PolicyRules

__all__ = ["rules_of"]


def rules_of(policy: ClusterWidePolicy) -> PolicyRules:
    """The policy in the normal form."""
    if isinstance(policy, ClusterNetworkPolicy):
        return clusternetworkpolicy.rules_of(policy)
    return adminnetworkpolicy.rules_of(policy)
