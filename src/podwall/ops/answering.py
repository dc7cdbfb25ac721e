"""--answers FILE: read, each mistake with its line, and held against the questions."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from podwall.errors import InputError, InvalidInput, InvalidText, PodwallError, Problem
from podwall.needs.answers import API_VERSION, KIND, Answer, Answers, Settled, settle
from podwall.needs.need import Found
from podwall.needs.site import Site
from podwall.sources.shapes import fitted
from podwall.text import yaml
from podwall.text.where import Path as Field
from podwall.text.where import field

__all__ = ["File", "answered", "filled", "read_answers"]


class File(Struct, frozen=True):
    """A file of answers; `index` is its document."""

    name: str
    data: bytes
    index: int
    answers: tuple[Answer, ...]


def read_answers(filename: str | None) -> File | None:
    """The file, None without one. Raises InputError where it cannot be read, InvalidInput with every mistake."""
    if filename is None:
        return None
    try:
        data = Path(filename).read_bytes()
    except OSError as error:
        raise InputError(f"--answers {filename}: cannot be read: {error.strerror}") from None
    documents = list(yaml.documents(data, filename))
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        line = documents[-1].line if documents else 1
        raise InvalidText(filename, line, f"expected one document with `kind: {KIND}` and its `answers`")
    clean, slips = fitted(documents[0].value, Answers, unknown="unknown key")
    wrong: list[tuple[Field, str]] = [(slip.path, slip.message) for slip in slips]
    found = Answers() if wrong else msgspec.convert(clean, Answers)
    if found.api_version != API_VERSION:
        wrong.append((("apiVersion",), f"expected {API_VERSION}"))
    if found.kind != KIND:
        wrong.append((("kind",), f"expected {KIND}"))
    file = File(filename, data, documents[0].index, tuple(found.answers))
    if wrong:
        raise _mistakes(file, wrong)
    return file


def filled(path: Path) -> frozenset[str] | None:
    """The questions of a file of answers that people have written into, or broken; None for any other."""
    try:
        file = read_answers(str(path)) if path.exists() else None
    except PodwallError:
        return frozenset()
    if file is None or not any(answer.allow or answer.deny or answer.because for answer in file.answers):
        return None
    return frozenset(answer.question for answer in file.answers)


def answered(site: Site, found: Found, file: File | None) -> Settled:
    """What was found with the answers. Raises InvalidInput for answers that cannot be taken."""
    if file is None:
        return Settled(found)
    settled = settle(site, found, file.answers)
    if settled.wrong:
        raise _mistakes(file, [(("answers", one.number, one.field), one.why) for one in settled.wrong])
    return settled


def _mistakes(file: File, wrong: list[tuple[Field, str]]) -> InvalidInput:
    lines = yaml.locate_all(file.data, file.name, {file.index: [place for place, _ in wrong]})
    return InvalidInput(
        [Problem(f"{file.name}:{lines[file.index, place]}", field(place), said) for place, said in wrong]
    )
