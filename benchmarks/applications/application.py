"""An application with what it is known to need: manifests as texts, and every statement that was written into them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

__all__ = ["ADDRESSES", "EVERYONE", "Application", "Asked", "Connection", "Object", "Statement"]

Object = dict[str, Any]

EVERYONE = "everyone"  # a source: pods and whatever is outside
ADDRESSES = "addresses"  # an end that is no pod, by its addresses


class Connection(Struct, frozen=True, order=True):
    """What must be open: workloads as `ns/name`, and the port at which the destination's own pods listen."""

    source: str
    destination: str
    protocol: str
    port: int


class Asked(Struct, frozen=True):
    """A question that must be left: who opens or accepts the connection, and how the other end may be called."""

    subject: str
    direction: str
    peers: frozenset[str]


class Statement(Struct, frozen=True):
    """Something that was written into the manifests: a declared need, a reason for a question, or noise (neither).

    `form` is how it is said, `place` where, `host` how the name of the Service is spelled. `mark` is a text that stands
    in its place and in no other. `subject` is the workload that it is part of, `written` the text itself; empty where
    there is none.
    """

    form: str
    place: str
    mark: str
    host: str = ""
    subject: str = ""
    written: str = ""
    connections: frozenset[Connection] = frozenset()
    asked: Asked | None = None

    @property
    def is_noise(self) -> bool:
        """Whether nothing is to be found in it."""
        return not self.connections and self.asked is None


class Application(Struct, frozen=True):
    """One application of a seed.

    `tolerated` are connections about which people may differ: neither missed nor wrong. `unseen` are workloads with the
    kind and name of what they refer to and nobody can read.
    """

    seed: int
    texts: dict[str, bytes]
    objects: tuple[Object, ...]
    statements: tuple[Statement, ...]
    tolerated: frozenset[Connection] = frozenset()
    unseen: frozenset[tuple[str, str, str]] = frozenset()

    @property
    def needs(self) -> frozenset[Connection]:
        """Every connection that is declared."""
        return frozenset(connection for one in self.statements for connection in one.connections)

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Every question that must be left."""
        return tuple(one.asked for one in self.statements if one.asked is not None)
