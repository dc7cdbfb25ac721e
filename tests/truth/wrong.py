"""Wrong readings of semantics.md, read from wrong.yaml beside this file, which says what they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

TABLE = Path(__file__).with_suffix(".yaml")
Edits = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Wrong:
    """A misreading; cases are the names of files in tests/cases without `.yaml`, edits are (old, new) of the oracle."""

    name: str
    item: str
    cases: tuple[str, ...]
    edits: Edits


def load_wrong(path: Path = TABLE) -> list[Wrong]:
    """The whole table, in its order."""
    rows = yaml.load(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    return [
        Wrong(
            row["reading"], row["item"], tuple(row["cases"]), tuple((e["old"], e["new"]) for e in row.get("edits", ()))
        )
        for row in rows
    ]
