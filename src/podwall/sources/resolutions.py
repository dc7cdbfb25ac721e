"""The file of `--resolutions`: domain names and their addresses, for rules that go by name (C12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from podwall.admission.addresses import read_cidr
from podwall.admission.clusterwide import domain_problems
from podwall.engine.domains import canonical
from podwall.engine.sets import NO_ADDRESSES, AddrSet, address_number
from podwall.errors import InputError, InvalidInput, InvalidText, Problem
from podwall.sources import files
from podwall.sources.entries import Entry, entries
from podwall.sources.files import Text
from podwall.sources.positions import Positions
from podwall.text import json
from podwall.text.where import Path as Field
from podwall.text.where import field

__all__ = ["read_resolutions", "resolutions_of"]

_WANTED = "expected names and their addresses, as in `www.example.com: [203.0.113.7, 2001:db8::/64]`"


def read_resolutions(filename: str) -> dict[str, AddrSet]:
    """The addresses of each name of a YAML or JSON file, or of `-`. Raises InputError and InvalidInput."""
    if Path(filename).is_dir():
        raise InputError(f"--resolutions {filename}: is a folder: give a file")
    text = next(files.read(filename)).text
    if text is None:
        raise InputError(f"--resolutions {filename}: {_WANTED}")
    return resolutions_of(text)


def resolutions_of(text: Text) -> dict[str, AddrSet]:
    """The same of a text. Names are canonical; a name without any address has an empty set."""
    refused: list[InvalidText] = []
    read = _Reader(text)
    for entry in entries(text, refused):
        read.entry(entry)
    problems = [*(error.problem for error in refused), *read.problems]
    if not problems and not read.entries:
        problems.append(Problem(text.name, "", _WANTED))
    if problems:
        raise InvalidInput(problems)
    return read.found


class _Reader:
    """One text, while its names are gone through."""

    def __init__(self, text: Text) -> None:
        self.found: dict[str, AddrSet] = {}
        self.problems: list[Problem] = []
        self.entries = 0
        self._positions = Positions([text])

    def entry(self, entry: Entry) -> None:
        """Adds a document's names."""
        self.entries += 1
        twice = None if entry.raw is None else json.duplicate_key(entry.raw)
        value = entry.plain()
        if twice is not None:
            self._wrong(entry, twice, "duplicate key; keep one of them")
        elif not isinstance(value, dict):
            self._wrong(entry, (), _WANTED)
        else:
            for name, listed in value.items():
                self._name(entry, name, listed)

    def _name(self, entry: Entry, name: str, listed: object) -> None:
        key = canonical(name)
        if "*" in name:
            self._wrong(entry, (name,), "a wildcard is for rules: give the names that it means with their addresses")
        elif domain_problems(name):
            self._wrong(entry, (name,), f"{name!r} is not a domain name of at least two labels; {_WANTED}")
        elif key in self.found:
            self._wrong(entry, (name,), f"{key} is there already; names do not differ by letter case or a last dot")
        else:
            self.found[key] = self._addresses(entry, name, listed)

    def _addresses(self, entry: Entry, name: str, listed: object) -> AddrSet:
        found = NO_ADDRESSES
        if not isinstance(listed, str | list):
            self._wrong(entry, (name,), _WANTED)
            return found
        for path, item in _items(name, listed):
            known = _read(item) if isinstance(item, str) else None
            if known is None:
                self._wrong(entry, path, f"{item!r} is neither an IP address nor a CIDR")
            else:
                found |= known
        return found

    def _wrong(self, entry: Entry, path: Field, message: str) -> None:
        self.problems.append(Problem(self._positions.where(entry.origin, path), field(path), message))


def _items(name: str, listed: str | list[object]) -> Iterator[tuple[Field, object]]:
    if isinstance(listed, str):
        yield (name,), listed
    else:
        yield from (((name, number), item) for number, item in enumerate(listed))


def _read(text: str) -> AddrSet | None:
    """An address, or a CIDR; its host bits are masked (D13)."""
    if "/" in text:
        return AddrSet.of(text) if read_cidr(text) else None
    try:
        number = address_number(text)
    except ValueError:
        return None
    return AddrSet(((number, number),))
