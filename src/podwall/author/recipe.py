"""What a recipe is, what it is asked, and what it hands to the proof: policies as plain data, claims and needs.

Nothing here knows a single recipe; `registry` finds them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from podwall.engine.rules import Direction
from podwall.needs.need import Grant, Need
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["Argument", "Asked", "Claim", "Draft", "Flag", "Object", "Policy", "Recipe"]

Object = dict[str, Any]
"""A Kubernetes object as plain data, in the order in which it is written."""


class Argument(Struct, frozen=True):
    """A value without a flag. `many` of them come as a tuple."""

    name: str
    help: str
    many: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()

    @property
    def metavar(self) -> str:
        """How help shows it."""
        return self.name.upper() + ("…" if self.many else "")


class Flag(Struct, frozen=True):
    """A flag: one text, several, yes or no, or a file, which is read before the recipe runs."""

    name: str
    help: str
    kind: Literal["text", "texts", "yes", "file"] = "text"
    metavar: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name of its value."""
        return self.name.lstrip("-").replace("-", "_")


class Asked(Struct, frozen=True):
    """The values of a recipe's arguments and flags by name, those left out missing; `files` are by flag.

    `command` is how it was asked for, `today` the date.
    """

    values: Mapping[str, str | tuple[str, ...] | bool]
    files: Mapping[str, bytes]
    today: dt.date
    command: str

    def text(self, name: str, default: str = "") -> str:
        """A single value."""
        found = self.values.get(name)
        return found if isinstance(found, str) else default

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of what can be repeated."""
        found = self.values.get(name, ())
        return found if isinstance(found, tuple) else ()

    def yes(self, name: str) -> bool:
        """Whether a flag without a value was given."""
        return self.values.get(name) is True


class Policy(Struct, frozen=True):
    """An object to write, with what its comment says it does, sentence by sentence."""

    object: Object
    about: tuple[str, ...]


class Claim(Struct, frozen=True):
    """What the new policies alone leave to some subjects in one direction: the grants of all claims, nothing else."""

    direction: Direction
    subjects: Party
    grants: tuple[Grant, ...] = ()


class Draft(Struct, frozen=True):
    """All that a recipe wrote.

    `notes` are what the reader must be told; `sudden` says that isolating whoever was open is not what was asked for,
    so it must be told as well. `others` are objects of kinds that the engine does not judge.
    """

    policies: tuple[Policy, ...] = ()
    claims: tuple[Claim, ...] = ()
    needs: tuple[Need, ...] = ()
    notes: tuple[str, ...] = ()
    others: tuple[Policy, ...] = ()
    behind: tuple[Policy, ...] = ()
    sudden: bool = True

    def __add__(self, other: Draft) -> Draft:
        return Draft(
            self.policies + other.policies,
            self.claims + other.claims,
            self.needs + other.needs,
            tuple(dict.fromkeys(self.notes + other.notes)),
            self.others + other.others,
            self.behind + other.behind,
            self.sudden or other.sudden,
        )


class Recipe(Struct, frozen=True):
    """One recipe. `says` is its line in the list; its help is the docstring of its file.

    `needs_input` says that it looks things up in a cluster. `examples` are command lines. `update`, for the file of the
    flag --update: its bytes and name → what it is to be, and what changed.
    """

    name: str
    says: str
    draft: Callable[[Site, Asked], Draft]
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...] = ()
    flags: tuple[Flag, ...] = ()
    needs_input: bool = True
    update: Callable[[bytes, str, Asked], tuple[bytes, str]] | None = None
