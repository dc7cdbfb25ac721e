"""The files of `--flows`: observed traffic, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from podwall.errors import InputError, InvalidInput, InvalidText, Problem
from podwall.flows.edges import KIND, Edge, Edges, moment
from podwall.report.public import API_VERSION
from podwall.sources import files
from podwall.text import json
from podwall.text.where import Path as Field
from podwall.text.where import field, parse_field

__all__ = ["read_edges"]

_WANTED = "expected what `podwall flows show -o json` writes"
_PLACE = re.compile(r"(?P<said>.*) - at `\$\.?(?P<place>.*)`")


def read_edges(filenames: Sequence[str], taken: Sequence[str] = ()) -> tuple[Edge, ...] | None:
    """All edges of some files, `.gz` too, or of `-`; None without a file. Raises InputError and InvalidInput.

    `taken` are the names that the cluster is read from: standard input can be read once only.
    """
    if [*filenames, *taken].count("-") > 1:
        raise InputError("--flows -: standard input is read already; give a file")
    if not filenames:
        return None
    return tuple(edge for name in filenames for edge in _read(name))


def _read(filename: str) -> list[Edge]:
    if Path(filename).is_dir():
        raise InputError(f"--flows {filename}: is a folder: give a file")
    text = next(files.read(filename)).text
    if text is None:
        raise InputError(f"--flows {filename}: {_WANTED}")
    found = list(json.values(text.data, text.name))
    if len(found) != 1:
        raise InvalidText(text.name, found[1].line if found else 1, f"{_WANTED}: one document")
    (value,) = found
    try:
        document = msgspec.json.decode(value.raw, type=Edges)
    except msgspec.ValidationError as error:
        raise InvalidInput([_problem(text.name, value, *_told(error))]) from None
    if document.kind != KIND or document.apiVersion not in (None, API_VERSION):
        said = f"is {document.apiVersion} {document.kind}, not {API_VERSION} {KIND}; {_WANTED}"
        raise InvalidInput([_problem(text.name, value, ("kind",), said)])
    wrong = [_problem(text.name, value, *mistake) for mistake in _mistakes(document.edges)]
    if wrong:
        raise InvalidInput(wrong)
    return document.edges


def _told(error: msgspec.ValidationError) -> tuple[Field, str]:
    found = _PLACE.fullmatch(str(error))
    return (parse_field(found["place"]), f"{found['said']}; {_WANTED}") if found else ((), f"{error}; {_WANTED}")


def _problem(name: str, value: json.Value, place: Field, said: str) -> Problem:
    return Problem(f"{name}:{value.line + json.locate(value.raw, place)}", field(place), said)


def _mistakes(edges: list[Edge]) -> Iterator[tuple[Field, str]]:
    """What is of the right type, but cannot be."""
    for number, edge in enumerate(edges):
        if edge.port is not None and not 1 <= edge.port <= 65535:
            yield ("edges", number, "port"), f"port {edge.port} is not between 1 and 65535; null for none"
        for name, text in (("first", edge.first), ("last", edge.last)):
            try:
                moment(text)
            except ValueError:
                yield ("edges", number, name), f"{text!r} is no time: expected one as 2026-11-20T17:30:00Z"
