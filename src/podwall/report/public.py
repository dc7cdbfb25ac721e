"""The machine formats of interface.md as Structs: what they hold, in their order.

Lists are sorted by whoever fills them.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, field

__all__ = [
    "API_VERSION",
    "NOT_ISOLATED",
    "Asked",
    "Connection",
    "Endpoint",
    "External",
    "Isolated",
    "Map",
    "Permit",
    "Port",
    "Ref",
    "Summary",
]

API_VERSION = "podwall.io/v1"
NOT_ISOLATED = "not isolated"


class Ref(Struct, frozen=True, order=True):
    """An object, where it was read and whose it is; null where unknown."""

    kind: str
    namespace: str
    name: str
    owner: str | None
    file: str | None
    line: int | None


class Permit(Ref, frozen=True, order=True):
    """A policy that permits a connection, with those of its rules that do: `spec.ingress[0]`."""

    rules: tuple[str, ...]


class Port(Struct, frozen=True, order=True):
    """Ports `port..endPort`; `family` only where the families differ."""

    protocol: str
    port: int
    endPort: int  # noqa: N815 - the public spelling
    family: int | UnsetType = UNSET


class Isolated(Struct, frozen=True):
    """The directions in which some policy isolates an endpoint."""

    ingress: bool
    egress: bool


class Endpoint(Struct, frozen=True):
    """A Pod, or the replicas of a workload."""

    name: str
    kind: str
    namespace: str
    labels: dict[str, str]
    addresses: list[str]
    pods: int
    isolated: Isolated


class External(Struct, frozen=True):
    """External addresses that no rule can tell apart; or a domain name of a rule of which no address is known.

    Such a name is a destination of its own: `cidrs` is empty, and `domains`, which only it has, holds the name. It may
    be a wildcard (`*.example.com`), which stands for all names that the rule means. Connections to it are what rules
    say by name, about everyone, or about all of an address family (C12).
    """

    name: str
    cidrs: list[str]
    domains: list[str] | UnsetType = UNSET


class Connection(Struct, frozen=True):
    """An open pair. `egressBy` and `ingressBy`, with --why only: what allows it, or "not isolated"."""

    src: str
    dst: str
    ports: list[Port]
    egressBy: list[Permit] | str | UnsetType = UNSET  # noqa: N815 - the public spelling
    ingressBy: list[Permit] | str | UnsetType = UNSET  # noqa: N815 - the public spelling


class Asked(Struct, frozen=True):
    """What a map was cut to, as it was asked for: --from, --to, --about and --port."""

    sources: list[str] = field(name="from")
    destinations: list[str] = field(name="to")
    about: list[str]
    ports: list[str]


class Map(Struct, frozen=True):
    """Who can talk to whom. `focus` only where there is one."""

    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    profile: str
    endpoints: list[Endpoint]
    external: list[External]
    connections: list[Connection]
    incomplete: list[str]
    focus: Asked | UnsetType = UNSET


class Summary(Struct, frozen=True):
    """The counts of `map --summary`, over cluster endpoints."""

    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    profile: str
    endpoints: int
    policies: int
    classes: int
    pairs: int
    openPairs: int  # noqa: N815 - the public spelling
    incomplete: list[str]
