"""The CNI profile: every switch where upstream leaves the meaning open (semantics.md, section 3)."""

from __future__ import annotations

from msgspec import Struct

from podwall.admission.clusterwide import EXPERIMENTAL, STANDARD

__all__ = ["CHANNELS", "KUBERNETES", "PROFILES", "Profile"]

CHANNELS = (EXPERIMENTAL, STANDARD)


class Profile(Struct, frozen=True):
    """One CNI's answers. It is always passed as an argument."""

    name: str
    blocks_match_cluster: bool
    """Whether an ipBlock matches the addresses of pods, hosts and nodes (D1)."""
    channel: str = EXPERIMENTAL
    """Which of CHANNELS the schemas of the cluster policies are of (D17)."""


KUBERNETES = Profile("kubernetes", blocks_match_cluster=True)
PROFILES = {p.name: p for p in (KUBERNETES, Profile("cilium", blocks_match_cluster=False))}
