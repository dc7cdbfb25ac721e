"""What a check is, and what it says: `Rule`, `Finding`, `Skipped`, and the examples that test and document a rule.

Nothing here knows a single rule; `run` puts a rule's name on what it found.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from podwall.author.edit import Edit
from podwall.check.facts import Facts, Object, Witness
from podwall.cluster.profile import KUBERNETES, Profile
from podwall.flows.edges import Edge
from podwall.text.where import Path

__all__ = ["Bad", "Check", "Finding", "Fix", "Good", "Rule", "Severity", "Skipped"]


class Severity(enum.IntEnum):
    """An error does something else than written, or breaks traffic; a warning is too open, or probably not meant."""

    INFO = 0
    WARNING = 1
    ERROR = 2

    @property
    def word(self) -> str:
        """The public spelling."""
        return self.name.lower()


class Fix(Struct, frozen=True):
    """What a person would edit. `safe` is what the rule thinks: a fix that closes anything is unsafe anyway."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool = True


class Finding(Struct, frozen=True):
    """One thing that is wrong in one place.

    `path` is the field in the object, () for all of it. `message` says in plain words what is wrong and with which
    consequence, without the object's name; `advice` says what to do, in the imperative. `severity` stands where it is
    not the rule's own.
    """

    object: Object
    path: Path
    message: str
    advice: str
    witness: Witness | None = None
    fix: Fix | None = None
    severity: Severity | None = None


class Skipped(Struct, frozen=True, order=True):
    """Something that a check says nothing about, because the input lacks a fact (D18).

    `flag` gives it where it is no fact about the cluster, and nobody expects it each time.
    """

    about: str
    lacks: str
    flag: str = ""


Check = Callable[[Facts], Iterable[Finding | Skipped]]


Owners = Mapping[tuple[str, str, str], str]
"""Whose objects are, by kind, namespace and name."""


class Good(Struct, frozen=True):
    """Objects as YAML in which the rule finds nothing; `because` says what a worse check would have said."""

    objects: str
    because: str = ""
    owners: Owners = {}
    profile: Profile = KUBERNETES
    flows: tuple[Edge, ...] | None = None


class Bad(Struct, frozen=True):
    """Objects as YAML, and what the rule finds in them: `ns/name path` each, in order; the first one is documented."""

    objects: str
    finds: tuple[str, ...]
    because: str = ""
    owners: Owners = {}
    fixed: str = ""  # the objects after all fixes of the rule, unsafe ones included; "" where there is none
    profile: Profile = KUBERNETES
    flows: tuple[Edge, ...] | None = None


class Rule(Struct, frozen=True):
    """One check. `says` is its line in the catalogue; its documentation is the docstring of its file."""

    id: str
    severity: Severity
    says: str
    check: Check
    good: tuple[Good, ...]
    bad: tuple[Bad, ...]
