"""Manifests as they are at a revision of a git repository, read out of its object store.

Nothing is checked out, fetched or written, and no hook or filter of the repository runs. What of a folder is read, and
what is passed over, is as in a folder on disk (`files`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

from podwall.errors import InputError
from podwall.sources.files import KUSTOMIZATIONS, Found, Text, is_manifest, plain

if TYPE_CHECKING:
    from subprocess import CompletedProcess

__all__ = ["PREFIX", "first_of", "read", "revision_of"]

PREFIX = "git:"
_MOST_BYTES = 1 << 30  # far above the manifests of any repository, far below the memory of a machine
_SECONDS = 300
# Neither programs that the repository's configuration names, nor fetches of what a partial clone does not have.
_COMMAND = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never")
_QUIET = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_LINK, _MODULE = "120000", "160000"
# A colon within braces belongs to the revision: HEAD@{2030-01-01 10:00}.
_NAME = re.compile(r"git:((?:[^:{]|\{[^}]*\})*)(?::(.*))?", re.DOTALL)


class _Entry(Struct, frozen=True):
    """A file of a tree; `path` from the repository's root."""

    mode: str
    sha: str
    size: int
    path: str


class _Place(Struct, frozen=True):
    """What was asked for: a revision as given, its tree, and a path in it; "" for all."""

    revision: str
    tree: str
    path: str

    def name(self, path: str) -> str:
        """How messages name a file."""
        return f"{self.revision}:{path}"


def read(name: str) -> Iterator[Found]:
    """Every text of `git:REV` or `git:REV:PATH`, in order of name. Raises InputError.

    PATH is from the repository's root, or from the working directory where it begins with `./`, as in git itself.
    """
    place = _place(name)
    entries = _entries(place)
    if place.path and [entry.path for entry in entries] == [place.path]:
        chosen, skipped = _single(place, entries[0])
    else:
        chosen, skipped = _walked(place, entries)
    yield from (Found(skipped=words) for words in skipped)
    yield from _contents(place, chosen, walked=len(chosen) != 1 or chosen[0].path != place.path)


def revision_of(name: str) -> str:
    """The revision of `git:REV` or `git:REV:PATH`; the names of its texts begin with it and a colon."""
    found = _NAME.fullmatch(name)
    return found[1] if found is not None else ""


def _place(name: str) -> _Place:
    found = _NAME.fullmatch(name)
    if found is None or not found[1]:
        raise InputError(f"{name}: give a revision: git:REV or git:REV:PATH")
    revision, path = found[1], found[2] or ""
    inside = _git(["rev-parse", "--show-prefix"])
    if inside.returncode:
        raise InputError(f"{name}: {_said(inside)}")
    done = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}"])
    if done.returncode:
        raise InputError(f"{name}: there is no revision {revision} in this repository")
    if path == "." or path.startswith("./"):
        path = os.fsdecode(inside.stdout.removesuffix(b"\n")) + path.removeprefix(".").removeprefix("/")
    return _Place(revision, done.stdout.decode().strip(), path.strip("/"))


def _entries(place: _Place) -> list[_Entry]:
    if ".." in PurePosixPath(place.path).parts:
        raise InputError(f"{place.name(place.path)}: leads out of the repository, or has .. in it")
    where = ["--", place.path] if place.path else []
    done = _git(["ls-tree", "-r", "-l", "-z", "--full-tree", place.tree, *where])
    if done.returncode:
        raise InputError(f"{place.name(place.path)}: {_said(done)}")
    lines = os.fsdecode(done.stdout).split("\0")[:-1]
    if not lines:
        raise InputError(f"{place.name(place.path)}: there is no such file or folder in {place.revision}")
    return sorted((_entry(line) for line in lines), key=lambda entry: entry.path)


def _entry(line: str) -> _Entry:
    head, _, path = line.partition("\t")
    mode, _, sha, size = head.split()
    return _Entry(mode, sha, 0 if size == "-" else int(size), path)


def _single(place: _Place, entry: _Entry) -> tuple[list[_Entry], list[str]]:
    name = PurePosixPath(entry.path).name
    parent = str(PurePosixPath(entry.path).parent).removeprefix(".")
    if name == "Chart.yaml" or name in KUSTOMIZATIONS:
        return [], [_skipped(place, parent, chart=name == "Chart.yaml")]
    return [entry], []


def _walked(place: _Place, entries: Sequence[_Entry]) -> tuple[list[_Entry], list[str]]:
    """The manifests below a path: not in hidden folders, charts and kustomizations."""
    whole = {_folder(e.path): e for e in entries if PurePosixPath(e.path).name in ("Chart.yaml", *KUSTOMIZATIONS)}
    chosen: list[_Entry] = []
    skipped: set[str] = set()
    for entry in entries:
        folders = [f for f in _above(entry.path) if len(f) >= len(place.path)]
        built = next((folder for folder in folders if folder in whole), None)
        if any(PurePosixPath(f).name.startswith(".") for f in folders if f != place.path):
            continue
        if built is not None:
            skipped.add(_skipped(place, built, chart=whole[built].path.endswith("Chart.yaml")))
        elif entry.mode == _MODULE:
            skipped.add(f"{place.name(entry.path)} is a submodule, skipped")
        elif is_manifest(PurePosixPath(entry.path).name):
            chosen.append(entry)
    return chosen, sorted(skipped)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _above(path: str) -> list[str]:
    """The folders around a file, outermost first: "" is the repository's root."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:n]) for n in range(len(parts) + 1)]


def _skipped(place: _Place, folder: str, *, chart: bool) -> str:
    what, how = ("Helm chart", "render") if chart else ("kustomization", "build")
    return f"{place.name(folder or '.')} is a {what}, skipped; {how} both sides into files and compare these"


def _contents(place: _Place, entries: Sequence[_Entry], *, walked: bool) -> Iterator[Found]:
    size = sum(entry.size for entry in entries)
    if size > _MOST_BYTES:
        raise InputError(f"{place.name(place.path)}: {size:,} bytes of manifests are more than Podwall reads")
    if not entries:
        return
    asked = [_object(place, entry) for entry in entries]
    done = _git(["cat-file", "--batch", "--follow-symlinks"], "".join(f"{line}\n" for line in asked))
    if done.returncode:
        raise InputError(f"{place.name(place.path)}: {_said(done)}")
    at = 0
    for entry in entries:
        end = done.stdout.index(b"\n", at)
        kind, length = done.stdout[at:end].rsplit(b" ", 2)[-2:]
        at = end + 1
        name = place.name(entry.path).encode("utf-8", "replace").decode()
        if kind == b"blob":
            data = done.stdout[at : at + int(length)]
            at += int(length) + 1
            yield Found(Text(name, plain(name, data), walked=walked))
        else:
            at += 0 if length == b"missing" else int(length) + 1
            why = "is a link that leads to no file of the repository" if entry.mode == _LINK else "is not at hand"
            yield Found(skipped=f"{name} {why}, skipped")


def _object(place: _Place, entry: _Entry) -> str:
    """How git is asked for a file; a link is followed within the tree."""
    return f"{place.tree}:{entry.path}" if entry.mode == _LINK and "\n" not in entry.path else entry.sha


def first_of(revision: str, paths: Iterable[str]) -> bytes | None:
    """The first of these files that a revision has; None for none."""
    for path in paths:
        done = _git(["cat-file", "blob", f"{revision}:{path}"])
        if done.returncode == 0:
            return done.stdout
    return None


def _git(arguments: Sequence[str], said: str = "") -> CompletedProcess[bytes]:
    import subprocess  # few inputs are revisions

    try:
        return subprocess.run(  # noqa: S603 - no shell, and names never stand where an option could
            [*_COMMAND, *arguments],
            input=os.fsencode(said),
            capture_output=True,
            check=False,
            env={**os.environ, **_QUIET},
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise InputError("git:REV needs git, which is not on the PATH") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"git {arguments[0]} took more than {_SECONDS} s, and was stopped") from None


def _said(done: CompletedProcess[bytes]) -> str:
    return done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
