"""Runnable pages: YAML blocks that name their file in a first comment, and console blocks that say what is printed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w.-]+\.yaml)\n")
_PROMPT = "$ "


@dataclass(frozen=True)
class Run:
    """A command of a page, and what it says is printed."""

    command: str
    printed: str

    @property
    def arguments(self) -> list[str]:
        """What stands behind `podwall`."""
        program, *arguments = shlex.split(self.command)
        assert program == "podwall"
        return arguments


def blocks(page: str, language: str) -> Iterator[str]:
    """The content of every fenced block in a language."""
    return (content for found, content in _BLOCK.findall(page) if found == language)


def write_files(page: str, folder: Path) -> None:
    """Every file that a page has, under the name in its first line."""
    for content in blocks(page, "yaml"):
        named = _FILE.match(content)
        assert named is not None, f"a YAML block begins with the name of its file: {content[:60]!r}"
        path = folder / named[1]
        assert not path.exists(), f"{named[1]} stands twice"
        path.write_text(content, encoding="utf-8")


def runs(page: str) -> Iterator[Run]:
    """Every command, in order; its output ends with the block, or with the blank line before the next command."""
    for content in blocks(page, "console"):
        for part in re.split(rf"^{re.escape(_PROMPT)}", content, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield Run(command, printed.rstrip("\n") + "\n")
