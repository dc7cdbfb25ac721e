"""Which local pod has which key of maps and sets: several may claim an address for a while, and one of them has it.

Keys of sets have "" in place of a chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from podwall.engine.index import EndpointKey

__all__ = ["Claims", "Entry"]

Entry: TypeAlias = tuple[str, bytes]
"""The name of a map or a set, and a key in it."""


class Claims:
    """Mutable. `taken` notes what has changed since the last call."""

    def __init__(self) -> None:
        self._claims: dict[str, dict[bytes, dict[EndpointKey, str]]] = {}
        self._own: dict[EndpointKey, Mapping[Entry, str]] = {}
        self._before: dict[Entry, str | None] = {}

    def put(self, who: EndpointKey, entries: Mapping[Entry, str]) -> None:
        """All that a pod claims from now on."""
        before = self._own.pop(who, {})
        for entry in before.keys() - entries.keys():
            self._note(entry)
            held = self._claims[entry[0]]
            del held[entry[1]][who]
            if not held[entry[1]]:
                del held[entry[1]]
        for entry, chain in entries.items():
            if before.get(entry) != chain:
                self._note(entry)
                self._claims.setdefault(entry[0], {}).setdefault(entry[1], {})[who] = chain
        if entries:
            self._own[who] = entries

    def of(self, name: str) -> dict[bytes, str]:
        """What a map or set holds: of several pods with one address the last by name has it."""
        return {key: claims[max(claims)] for key, claims in self._claims.get(name, {}).items()}

    def changes(self, names: Iterable[str]) -> dict[str, tuple[dict[bytes, str], dict[bytes, str]]]:
        """What came to these maps and sets since the last call, and what went; a chain that changed is in both."""
        wanted = set(names)
        out: dict[str, tuple[dict[bytes, str], dict[bytes, str]]] = {}
        for (name, key), before in sorted(self._before.items()):
            now = self._at((name, key))
            if name in wanted and now != before:
                came, went = out.setdefault(name, ({}, {}))
                if now is not None:
                    came[key] = now
                if before is not None:
                    went[key] = before
        self._before = {}
        return out

    def _note(self, entry: Entry) -> None:
        if entry not in self._before:
            self._before[entry] = self._at(entry)

    def _at(self, entry: Entry) -> str | None:
        claims = self._claims.get(entry[0], {}).get(entry[1])
        return claims[max(claims)] if claims else None
