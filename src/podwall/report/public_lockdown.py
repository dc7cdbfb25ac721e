"""What a lockdown found, wrote and proved, as Structs for the report."""

from __future__ import annotations

from msgspec import Struct

from podwall.report.public import Port, Ref

__all__ = ["Closed", "Lockdown", "Need", "Place", "Question", "Surplus", "Unseen"]


class Place(Struct, frozen=True):
    """Where something was found, and what it says there."""

    ref: Ref
    field: str
    says: str
    line: int | None


class Need(Struct, frozen=True):
    """A connection that the application needs; `standing` where policies that were there let it through already."""

    src: str
    dst: str
    ports: list[Port]
    sure: str
    found: list[Place]
    standing: bool = False


class Closed(Struct, frozen=True):
    """A pair of a need that would be denied: the direction that denies it, and the policies that do."""

    src: str
    dst: str
    port: Port
    direction: str
    by: list[str]


class Surplus(Struct, frozen=True):
    """A pair that is open at ports that nobody is known to need, and the policies that open it."""

    src: str
    dst: str
    ports: list[Port]
    by: list[str]


class Question(Struct, frozen=True):
    """What the manifests leave open; `key` is what an answer calls it, `shared` what one for all who ask so does."""

    key: str
    shared: str
    asks: str
    ports: list[Port]
    drafted: list[str]
    found: list[Place]


class Unseen(Struct, frozen=True):
    """What could not be read."""

    what: str
    place: Place


class Lockdown(Struct, frozen=True):
    """All of it. `before` and `after` are how many of `pairs` of workloads are open on some port.

    `open` are those pairs afterwards, addresses among them, that are about more than names, `needed` those of them that
    a need is about; `asked` how many verdicts the proof took.
    `enforced` are namespaces that an earlier lockdown closes already, `gone` the policies that it wrote and this one
    does not, by `ns/name`, `others` the policies of others that the proof rests on.
    `brackets` say what kubectl is to delete to lift the bracket, line by line: `-n shop bracket-egress …`.
    `wide` has workloads whose selector selects others as well, `unwritten` those that have no policy and why.
    """

    namespaces: list[str]
    workloads: int
    policies: int
    pairs: int
    before: int
    after: int
    needed: int
    open: int
    asked: int
    needs: list[Need]
    closed: list[Closed]
    surplus: list[Surplus]
    more_surplus: int
    questions: list[Question]
    denied: list[str]
    unseen: list[Unseen]
    wide: dict[str, list[str]]
    unwritten: dict[str, str]
    notes: list[str]
    brackets: list[str]
    enforced: list[str]
    gone: list[str]
    others: list[str]
    files: list[str]
    command: str

    @property
    def bracket(self) -> bool:
        """Whether a bracket is written."""
        return bool(self.brackets)

    @property
    def ok(self) -> bool:
        """Whether every need that was found is met."""
        return not self.closed and not self.unwritten
