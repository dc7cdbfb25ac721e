"""What findings are made of: objects, witnesses and policies, and what a check is told beside the cluster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from msgspec import Struct

from podwall.api.networking import NetworkPolicy
from podwall.api.policy import ClusterWidePolicy
from podwall.cluster.objects import Origin
from podwall.cluster.wellknown import SYSTEM_NAMESPACES, Definition
from podwall.engine.index import EndpointKey
from podwall.engine.rules import Isolation, PolicyRef, PolicyRules, Rule
from podwall.flows.edges import Edge

__all__ = ["Object", "Options", "Policy", "Witness"]


class Object(Struct, frozen=True, order=True):
    """What a finding is about: an object that was read, or a namespace or workload that has no place of its own."""

    kind: str
    namespace: str
    name: str
    origin: Origin | None = None


class Witness(Struct, frozen=True, order=True):
    """A connection that shows it, as `explain` would be asked: ends by name or address, the destination's port."""

    src: str
    dst: str
    protocol: str
    port: int


class Options(Struct, frozen=True):
    """What a check is told beside the cluster: `today` for dates, namespaces that need no default deny or no DNS.

    `whole` says that the input is all of a cluster, as a live one is: what is not there does not exist (D18). `owners`
    are those of policies, workloads and Pods, by kind, namespace and name, as far as they are known. `sets` say what
    well-known names stand for where the cluster does not tell. `edges` are observed traffic, None where nobody watched;
    what was not seen for `unused_days` is not in use.
    """

    today: dt.date
    whole: bool = False
    owners: Mapping[EndpointKey, str] = {}
    system: frozenset[str] = SYSTEM_NAMESPACES
    without_dns: frozenset[str] = frozenset()
    sets: Mapping[str, Definition] = {}
    edges: tuple[Edge, ...] | None = None
    unused_days: int = 30


class Policy(Struct, frozen=True):
    """A valid policy: as it is written, where, and what it means."""

    ref: PolicyRef
    object: NetworkPolicy | ClusterWidePolicy
    origin: Origin
    means: PolicyRules

    @property
    def what(self) -> Object:
        """The policy as a finding names it."""
        return Object(self.ref.kind, self.ref.namespace, self.ref.name, self.origin)

    @property
    def shown(self) -> str:
        """Its name for a person."""
        return f"{self.ref.namespace}/{self.ref.name}" if self.ref.namespace else self.ref.name

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Its rules in the normal form."""
        return self.means.rules

    @property
    def isolations(self) -> tuple[Isolation, ...]:
        """Whom it isolates; one for each direction."""
        return self.means.isolations
