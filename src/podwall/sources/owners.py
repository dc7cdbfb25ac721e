"""Whose policy it is: annotation or label `podwall.io/owner`, else CODEOWNERS of its file, else its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from podwall.api.meta import PlainMeta
from podwall.errors import InputError
from podwall.sources import git
from podwall.sources.globs import glob

__all__ = ["OWNER", "Owners"]

OWNER = "podwall.io/owner"
_PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


_Rule: TypeAlias = tuple[re.Pattern[str], str]  # files, and whose they are


class Owners:
    """Looks owners up; each file and each CODEOWNERS is read once. `known`: of files, as a snapshot says."""

    def __init__(self, known: Mapping[str, str | None] | None = None, revisions: Iterable[str] = ()) -> None:
        """`revisions` are those of git that sources may come from."""
        self._revisions = sorted(revisions)
        self._at: dict[str, list[_Rule]] = {}
        self._by_file: dict[str, str | None] = dict(known or {})
        self._named: dict[str, str | None] = {}
        self._rules: dict[Path, tuple[Path, list[_Rule]] | None] = {}

    def of(self, meta: PlainMeta, source: str) -> str | None:
        """The owner of an object that was read from `source`; None where nothing tells."""
        return _said(meta) or self.of_file(source)

    def named(self, meta: PlainMeta, source: str) -> str | None:
        """The same where somebody has said so: what is in two folders may well be one team's."""
        if source not in self._named:
            path = Path(source)
            is_file = not source.startswith("<") and path.is_file()
            self._named[source] = self._in_codeowners(path) if is_file else None
        return _said(meta) or self._named[source]

    def of_file(self, source: str) -> str | None:
        """The owner of objects that do not say it themselves."""
        if source not in self._by_file:
            self._by_file[source] = self._of_file(source)
        return self._by_file[source]

    def _of_file(self, source: str) -> str | None:
        path = Path(source)
        revision = next((name for name in self._revisions if source.startswith(f"{name}:")), None)
        if revision is not None:
            inside = source.removeprefix(f"{revision}:")
            return _chosen(self._rules_at(revision), inside) or inside.rpartition("/")[0] or None
        if source.startswith("<") or not path.is_file():
            return None
        folder = path.parent.as_posix() if path.parent != Path() else path.resolve().parent.name
        return self._in_codeowners(path) or folder

    def _in_codeowners(self, path: Path) -> str | None:
        found = self._codeowners(path.resolve().parent)
        if found is None:
            return None
        root, rules = found
        relative = path.resolve().relative_to(root).as_posix()
        return _chosen(rules, relative) or None

    def _rules_at(self, revision: str) -> list[_Rule]:
        if revision not in self._at:
            self._at[revision] = _parsed((git.first_of(revision, _PLACES) or b"").decode(errors="replace"))
        return self._at[revision]

    def _codeowners(self, folder: Path) -> tuple[Path, list[_Rule]] | None:
        """The nearest CODEOWNERS upwards, with the folder that its patterns start from."""
        if folder not in self._rules:
            here = next((folder / place for place in _PLACES if (folder / place).is_file()), None)
            if here is not None:
                self._rules[folder] = folder, _read(here)
            elif (folder / ".git").exists() or folder.parent == folder:
                self._rules[folder] = None
            else:
                self._rules[folder] = self._codeowners(folder.parent)
        return self._rules[folder]


def _said(meta: PlainMeta) -> str | None:
    for said in (getattr(meta, "annotations", None), meta.labels):
        if said and said.get(OWNER):
            return said[OWNER]
    return None


def _chosen(rules: Sequence[_Rule], path: str) -> str:
    """The owners that the last matching rule names; none for none."""
    return next((owners for pattern, owners in reversed(rules) if pattern.search(path)), "")


def _read(path: Path) -> list[_Rule]:
    try:
        return _parsed(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _parsed(text: str) -> list[_Rule]:
    rules = []
    for line in text.splitlines():
        pattern, *owners = _BETWEEN.split(line.partition("#")[0].strip())
        if pattern and not pattern.startswith(("[", "^[")):  # GitLab's section heads
            rules.append((glob(pattern.replace("\\ ", " ")), " ".join(owners)))
    return rules


_BETWEEN = re.compile(r"(?<!\\)\s+")  # a space in a path stands behind a backslash
