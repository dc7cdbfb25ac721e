"""What was found: connections that must be open, questions that only people can answer, and what could not be seen."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from msgspec import Struct

from podwall.cluster.mistake import Named
from podwall.cluster.objects import Origin
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet
from podwall.needs.party import Party
from podwall.text.where import Path

__all__ = ["CALLERS", "Evidence", "Found", "Grant", "Need", "Question", "Sureness", "Unseen"]

CALLERS = "callers"
"""The peer of a question about whoever calls a workload, whom nothing in the input names."""


class Sureness(enum.IntEnum):
    """How sure a need is: taken from a convention, from a name alone, or written out with its port."""

    INFERRED = 1
    NAMED = 2
    STATED = 3


class Evidence(Struct, frozen=True, order=True):
    """Where something was found: the object, the field (empty for the whole of it), and what it says, for people.

    `says` is short and has no line, so that it changes only where the manifest does: `env CART_ADDR=cart:7070`.
    """

    about: Named
    path: Path
    says: str
    origin: Origin


class Grant(Struct, frozen=True):
    """Peers and the destination's ports that they are meant to have."""

    peers: Party
    ports: PortSet


class Need(Struct, frozen=True):
    """Connections that must be open in the end, beside all policies that there are; `ports` are the destination's own.

    Sources that are `anyone` come from wherever they like. Asking the cluster's DNS is no Need: every pod does. `by` is
    the finder that found it.
    """

    sources: Party
    destinations: Party
    ports: PortSet
    evidence: tuple[Evidence, ...] = ()
    sureness: Sureness = Sureness.STATED
    by: str = ""


class Question(Struct, frozen=True):
    """A connection of which the input does not tell one end: who has to say it, and what may be meant.

    `subject` opens it (EGRESS) or accepts it (INGRESS, at its own ports); `peer` is the other end as it was written:
    `api.stripe.com`, `inventory`. `asks` is the sentence for people. `drafted` are references and CIDRs that may be the
    answer, for people to look at; never all addresses.
    """

    subject: Party
    direction: Direction
    peer: str
    ports: PortSet
    asks: str
    evidence: tuple[Evidence, ...]
    drafted: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What an answer names it by; without ports, which an answer may give."""
        subject = f"{self.subject.namespace}/{self.subject.name}"
        ends = (subject, self.peer) if self.direction is Direction.EGRESS else (self.peer, subject)
        return " -> ".join(ends)

    @property
    def shared(self) -> str:
        """What an answer for all that ask after the same peer names it by; empty where each has its own answer."""
        if self.peer == CALLERS:
            return ""
        return f"* -> {self.peer}" if self.direction is Direction.EGRESS else f"{self.peer} -> *"


class Unseen(Struct, frozen=True):
    """What may hold needs and could not be read: a Secret, a ConfigMap that is not in the input, an object."""

    what: str
    evidence: Evidence


class Found(Struct, frozen=True):
    """All of it together."""

    needs: tuple[Need, ...] = ()
    questions: tuple[Question, ...] = ()
    unseen: tuple[Unseen, ...] = ()

    @staticmethod
    def of(items: Iterable[Need | Question | Unseen]) -> Found:
        """Each sort in the order in which it came."""
        held = list(items)
        return Found(
            tuple(item for item in held if isinstance(item, Need)),
            tuple(item for item in held if isinstance(item, Question)),
            tuple(item for item in held if isinstance(item, Unseen)),
        )
