"""The machine format of `map --exposure` as Structs."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from podwall.report.public import Port, Ref

__all__ = ["ExposedTo", "Exposure", "ExposureMap", "Restriction", "Selected"]


class Selected(Struct, frozen=True, order=True):
    """Namespaces, and pods in them, as `kubectl get -l` writes selectors; empty for all."""

    namespaces: str
    pods: str


class ExposedTo(Struct, frozen=True):
    """Peers of one kind: any, namespaces, pods, external; and, where a rule accepts them, nodes and domains.

    `names` are ports that the rules call by names, whose numbers are the peers' business.
    """

    kind: str
    ports: list[Port]
    names: list[str] | UnsetType = UNSET
    selector: Selected | str | UnsetType = UNSET
    cidrs: list[str] | UnsetType = UNSET
    domains: list[str] | UnsetType = UNSET


class Restriction(Struct, frozen=True):
    """A rule that may close some of what is listed: it denies by address or by a port's name."""

    policy: Ref
    tier: str
    action: str
    rule: str


class Exposure(Struct, frozen=True):
    """One direction of an endpoint: whom its own side lets in, or out to, whether or not they exist."""

    endpoint: str
    direction: str
    isolated: bool
    peers: list[ExposedTo]
    restrictedBy: list[Restriction] = []  # noqa: N815 - the public spelling


class ExposureMap(Struct, frozen=True):
    """What each endpoint is open to. `notComputed` says how many directions of endpoints are left out, and why."""

    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    profile: str
    exposure: list[Exposure]
    incomplete: list[str]
    notComputed: str | UnsetType = UNSET  # noqa: N815 - the public spelling
