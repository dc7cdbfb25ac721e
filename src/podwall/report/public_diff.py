"""The JSON of `diff` (interface.md) as Structs. Lists are sorted by whoever fills them."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from podwall.report.public import External, Port

__all__ = ["RISKS", "Cause", "Changed", "Counts", "Diff", "EditedField", "Endpoints", "RiskFound"]

# The worst first.
RISKS = ("from-internet", "to-internet", "from-everyone", "to-everyone", "dns-lost", "other-namespace")


class EditedField(Struct, frozen=True, order=True):
    """A field of an edited object: where it stands after the edit, or stood before it if it was removed.

    `entry` is the entry that is meant where the field does not tell it: a label's key, a policy type.
    """

    path: str
    edit: str
    file: str | None
    line: int | None
    entry: str | UnsetType = UNSET


class Cause(Struct, frozen=True):
    """An edited object, where it stands after the edit (or stood, if it was removed), with the fields that did it."""

    kind: str
    namespace: str
    name: str
    owner: str | None
    file: str | None
    line: int | None
    edit: str
    fields: list[EditedField]


class Changed(Struct, frozen=True):
    """A pair and the ports that are open, or closed, since the edits; no `cause` where an end itself came or went."""

    src: str
    dst: str
    ports: list[Port]
    cause: list[Cause] | UnsetType = UNSET
    risks: list[str] | UnsetType = UNSET


class RiskFound(Struct, frozen=True):
    """One risk of one endpoint: who is on the other side, and the ports; `added` where the endpoint itself is new."""

    risk: str
    endpoint: str
    peers: list[str]
    ports: list[Port]
    cause: list[Cause]
    added: bool = False


class Endpoints(Struct, frozen=True):
    """Endpoints that only one side has, and what is open to or from them."""

    added: list[str]
    removed: list[str]
    opened: list[Changed]
    closed: list[Changed]


class Counts(Struct, frozen=True):
    """How much there is of everything."""

    edits: int
    opened: int
    closed: int
    added: int
    removed: int


class Diff(Struct, frozen=True):
    """What a change does."""

    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    profile: str
    old: str
    new: str
    counts: Counts
    risks: list[RiskFound]
    opened: list[Changed]
    closed: list[Changed]
    endpoints: Endpoints
    external: list[External]
    edits: list[Cause]
    incomplete: list[str]

    @property
    def internet(self) -> bool:
        """Whether something is newly open to or from the internet; of an added endpoint, too."""
        return any(found.risk in RISKS[:2] for found in self.risks)
