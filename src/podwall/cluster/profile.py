"""The CNI profile: every switch where upstream leaves the meaning open (semantics.md, section 3)."""

from __future__ import annotations

from msgspec import Struct

from podwall.admission.clusterwide import EXPERIMENTAL, STANDARD

__all__ = ["CHANNELS", "CILIUM", "FEATURES", "KUBERNETES", "PROFILES", "Profile"]

CHANNELS = (EXPERIMENTAL, STANDARD)
FEATURES = ("SCTP", "endPort", "named egress ports")


class Profile(Struct, frozen=True):
    """One CNI's answers. It is always passed as an argument."""

    name: str
    blocks_match_cluster: bool
    """Whether an ipBlock matches the addresses of pods, hosts and nodes (D1)."""
    channel: str = EXPERIMENTAL
    """Which of CHANNELS the schemas of the cluster policies are of (D17)."""
    lacks: tuple[str, ...] = ()
    """Which of FEATURES it does not have as it comes: rules that need them do not do what they say."""


KUBERNETES = Profile("kubernetes", blocks_match_cluster=True)
# SCTP is a beta of Cilium's that has to be switched on (sctp.enabled); endPort came with 1.16, and is taken as there.
CILIUM = Profile("cilium", blocks_match_cluster=False, lacks=("SCTP",))
PROFILES = {p.name: p for p in (KUBERNETES, CILIUM)}
