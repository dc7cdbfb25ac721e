"""podwall test --write: a draft of assertions, as a text or into a new file."""

from __future__ import annotations

from pathlib import Path

from podwall.errors import InputError
from podwall.expect.draft import Draft, draft
from podwall.expect.ends import Ends
from podwall.expect.world import World
from podwall.ops.inputs import Opened

__all__ = ["drafted", "write_new"]


def drafted(opened: Opened) -> Draft:
    """What is open and closed now, as assertions; with a namespace, what has an end in it."""
    return draft(World(opened.model), Ends(opened.model), opened.only)


def write_new(path: str, text: str) -> None:
    """Writes a file that is not there yet: what people have reviewed is never written over. Raises InputError."""
    try:
        with Path(path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"-d {path}: the file is there already; write to another one and compare") from None
    except OSError as error:
        raise InputError(f"-d {path}: cannot be written: {error.strerror}") from None
