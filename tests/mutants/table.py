"""The mutants: wrong readings of semantics.md as edits of Podwall's own source, read from table.yaml in this folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

TABLE = Path(__file__).with_suffix(".yaml")
PACKAGE = Path(__file__).parents[2] / "src" / "podwall"


class StaleEdit(Exception):
    """The text that an edit replaces does not stand exactly once in its file."""


@dataclass(frozen=True)
class Edit:
    """Replaces `old`, which stands exactly once in `file` (a path below src/podwall), by `new`."""

    file: str
    old: str
    new: str

    @property
    def path(self) -> Path:
        return PACKAGE / self.file


@dataclass(frozen=True)
class Mutant:
    """One wrong reading. `item` is the number of semantics.md that it breaks; `crashes` says that it may raise."""

    name: str
    item: str
    edits: tuple[Edit, ...]
    crashes: bool = False

    def sources(self) -> dict[Path, str]:
        """The files that it changes, with what they say then. Raises StaleEdit."""
        out: dict[Path, str] = {}
        for edit in self.edits:
            text = out.get(edit.path) or edit.path.read_text("utf-8")
            if text.count(edit.old) != 1:
                raise StaleEdit(f"stands {text.count(edit.old)} times in {edit.file}: {edit.old!r}")
            out[edit.path] = text.replace(edit.old, edit.new)
        return out


UNCHANGED = Mutant("unchanged", "", ())


def load_mutants(path: Path = TABLE) -> list[Mutant]:
    """The whole table, in its order."""
    rows = yaml.load(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    return [
        Mutant(
            row["reading"],
            row["item"],
            tuple(Edit(e["file"], e["old"], e["new"]) for e in row["edits"]),
            row.get("crashes", False),
        )
        for row in rows
    ]
