"""The machine format of `explain`, and of `verdict --trace`, as Structs: what they hold, in their order."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from podwall.report.public import Connection, Port, Ref

__all__ = [
    "Change",
    "Decision",
    "Edit",
    "Effects",
    "Explained",
    "Explanation",
    "MissedTerm",
    "NearMiss",
    "OtherFamily",
    "Otherwise",
    "PatchOperation",
    "PolicyPatch",
    "PortReasons",
    "Refusal",
    "SideReasons",
    "Tier",
]


class Decision(Struct, frozen=True):
    """A rule that a connection meets. `peer` and `port` are null where the rule lets any do; `line` is the rule's."""

    policy: Ref
    tier: str
    action: str
    rule: str
    peer: str | None
    port: str | None
    line: int | None


class Tier(Struct, frozen=True):
    """One tier of the walk: how many rules it has about this end, and what came of them."""

    tier: str
    rules: int
    outcome: str


class Otherwise(Struct, frozen=True):
    """The same side if the first deciding rule were not there."""

    verdict: str
    reason: str
    decidedBy: list[Decision]  # noqa: N815 - the public spelling


class MissedTerm(Struct, frozen=True):
    """A part of a rule that does not match: what it wants, what there is (null for nothing), and all that in words."""

    field: str
    wanted: str
    actual: str | None
    text: str


class NearMiss(Struct, frozen=True):
    """A rule that would allow but for `terms`. `peer` and `port` are its entries that fail, null where all matches.

    `line` is that of the first of the two, else the rule's. `matched` counts the terms of the two that are met; `slip`
    says that the peer selects nobody, and that what it wants is spelled much like what there is.
    """

    policy: Ref
    tier: str
    rule: str
    peer: str | None
    port: str | None
    line: int | None
    terms: list[MissedTerm]
    matched: int
    slip: bool


class SideReasons(Struct, frozen=True):
    """One direction: what it decides, and why."""

    verdict: str
    reason: str
    isolated: bool
    isolatedBy: list[Ref]  # noqa: N815 - the public spelling
    decidedBy: list[Decision]  # noqa: N815 - the public spelling
    passed: list[Decision]
    tiers: list[Tier]
    otherwise: Otherwise | None
    nearMisses: list[NearMiss]  # noqa: N815 - the public spelling
    moreNearMisses: int = 0  # noqa: N815 - the public spelling


class Explained(Struct, frozen=True):
    """One connection between two ends, at the destination's own port, as `profile` decides it."""

    src: str
    dst: str
    protocol: str
    port: int
    verdict: str
    profile: str
    egress: SideReasons
    ingress: SideReasons


class PortReasons(Struct, frozen=True):
    """Ports with the same reasons; `named` are those of them that a container has a name for."""

    ports: list[Port]
    named: dict[str, str]
    verdict: str
    egress: SideReasons
    ingress: SideReasons


class PatchOperation(Struct, frozen=True):
    """One step of a JSON patch (RFC 6902)."""

    op: str
    path: str
    value: object = UNSET


class Edit(Struct, frozen=True):
    """The same step as a person would do it: a field, its line as far as it is there, what stands there and what will.

    `old` is absent where the field is added, `new` where it is taken away.
    """

    field: str
    line: int | None
    old: object = UNSET
    new: object = UNSET


class PolicyPatch(Struct, frozen=True):
    """What is done to one policy: `operations` on one that is there (`policy` says where), else a new `object`.

    `edits` are the operations with what they find; a list position `[n]` behind the last entry adds one.
    """

    title: str
    namespace: str
    name: str
    policy: Ref | None
    operations: list[PatchOperation] | UnsetType = UNSET
    edits: list[Edit] | UnsetType = UNSET
    object: dict[str, Any] | UnsetType = UNSET


class Effects(Struct, frozen=True):
    """Other connections that a change opens or closes; `more` are not listed."""

    connections: list[Connection]
    more: int


class Change(Struct, frozen=True):
    """An edit that turns the verdict: how many fields it writes or takes away, and all else that it does.

    `notComputed` says why `opens` and `closes` are empty where nobody looked.
    """

    title: str
    fields: int
    patches: list[PolicyPatch]
    opens: Effects
    closes: Effects
    notComputed: str | UnsetType = UNSET  # noqa: N815 - the public spelling


class Refusal(Struct, frozen=True):
    """A direction that no NetworkPolicy can turn, and why."""

    direction: str
    reason: str


class OtherFamily(Struct, frozen=True):
    """The verdict in the other address family that both ends have, where it differs (N20)."""

    family: int
    verdict: str


class Explanation(Struct, frozen=True):
    """Why a connection is allowed or denied.

    With a port, `egress` and `ingress`; without one, `ports`; where the question is about several pairs, as it is for a
    Service, `backends` instead. Of these, `changes` are about one, the first that is denied: `changesFor` says which.
    `byName` stands there, and is true, where `dst` is a domain name of which no address is known: then only what is
    said of the name, of everyone, or of all addresses of a family counts (C12).
    """

    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    src: str
    dst: str
    protocol: str | None
    port: int | str | None
    family: int
    verdict: str
    profile: str
    assumed: str | UnsetType = UNSET
    byName: bool | UnsetType = UNSET  # noqa: N815 - the public spelling
    egress: SideReasons | UnsetType = UNSET
    ingress: SideReasons | UnsetType = UNSET
    ports: list[PortReasons] | UnsetType = UNSET
    backends: list[Explained] | UnsetType = UNSET
    otherFamily: OtherFamily | UnsetType = UNSET  # noqa: N815 - the public spelling
    changesFor: str | UnsetType = UNSET  # noqa: N815 - the public spelling
    changes: list[Change] = []
    refused: list[Refusal] = []
    incomplete: list[str] = []
