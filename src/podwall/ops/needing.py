"""What needs are looked for in: the texts of an opened input read once more, and the topology of its snapshots."""

from __future__ import annotations

from podwall.cluster.topology import Topology
from podwall.ops.inputs import Opened
from podwall.sources.evidence import read_topology

__all__ = ["topology_of"]


def topology_of(opened: Opened) -> Topology:
    """Everything that says who is to reach whom. Raises InputError where a file is gone since."""
    return read_topology(opened.texts, opened.kept, opened.model.namespace)
