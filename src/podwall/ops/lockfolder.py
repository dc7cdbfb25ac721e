"""The folder of -d: what an earlier lockdown left in it, and what is written, changed and taken away now."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from podwall.errors import InputError
from podwall.ops.answering import filled
from podwall.ops.writing import write_whole
from podwall.sources.files import Text

__all__ = ["PROOF", "Change", "answers", "changes", "earlier", "questions", "write"]

PROOF = "proof"
"""The folder beside the manifests, which `kubectl apply -f` does not look into."""
_QUESTIONS, _MORE = "questions.yaml", "questions-more.yaml"
_OWN = "# Written by: podwall lockdown"
_BRACKET = "00-bracket-"
_STAGES = (_BRACKET, "10-baseline-", "20-workloads-")


class Change(Struct, frozen=True):
    """One file: what becomes of it, and its new text, None where it goes."""

    path: Path
    what: str
    text: str | None


def earlier(folder: str | None) -> tuple[Text, ...]:
    """The manifests that an earlier lockdown wrote into a folder, as they are now. Raises InputError."""
    return tuple(Text(str(path), path.read_bytes()) for path in _own(folder)) if folder is not None else ()


def _home(path: Path) -> str:
    stage = next(stage for stage in _STAGES if path.name.startswith(stage))
    return path.name.removeprefix(stage).removesuffix(".yaml")


def _own(folder: str) -> list[Path]:
    """The manifests that a lockdown wrote into a folder."""
    root = Path(folder)
    try:
        found = sorted(root.glob("*.yaml")) if root.is_dir() else []
        return [path for path in found if path.name.startswith(_STAGES) and _OWN in path.read_text("utf-8", "replace")]
    except OSError as error:
        raise InputError(f"-d {folder}: {error.filename or folder} cannot be read: {error.strerror}") from None


def changes(folder: str, texts: dict[str, str], only: str | None) -> list[Change]:
    """What would be done, by file; with `only`, own files of other namespaces and workloads stay.

    Raises InputError where a file is in the way that no lockdown wrote.
    """
    root = Path(folder)
    own = set(_own(folder))
    _refuse_twice(own, only)
    out = []
    for name, text in texts.items():
        path = root / name
        known = _read(path)
        if known is not None and path.parent == root and path not in own:
            raise InputError(f"{path} is there already, and no lockdown wrote it: move it, or choose another -d")
        what = "new" if known is None else "unchanged" if known == text else "changed"
        out.append(Change(path, what, text))
    kept = {root / name for name in texts}
    stale = (path for path in sorted(own - kept) if only is None or _is_of(path, only))
    return [*out, *(Change(path, "removed", None) for path in stale)]


def _is_of(path: Path, home: str) -> bool:
    """Whether a file is about a namespace or one of its workloads, or about the one workload."""
    return f"{_home(path)}.".startswith(f"{home}.")


def _refuse_twice(own: Iterable[Path], only: str | None) -> None:
    """One workload has one policy: beside those of its whole namespace there is no second one of the same name."""
    namespace, _, workload = (only or "").partition(".")
    whole = next((path for path in sorted(own) if workload and _home(path) == namespace), None)
    if whole is not None:
        raise InputError(
            f"{whole} is of the lockdown of all of {namespace}, {workload} included: run it without --only, or choose "
            "another -d"
        )


def answers(folder: str) -> frozenset[str] | None:
    """The questions in the folder's file of them, by their words; None where people have not written into it."""
    return filled(Path(folder) / PROOF / _QUESTIONS)


def questions(folder: str, text: str) -> list[Change]:
    """The file of open questions: a draft is made anew, and taken away where none is open.

    What people wrote stays; beside it are the questions that it does not have.
    """
    root = Path(folder) / PROOF
    if answers(folder) is None:
        return [*_drafted(root / _QUESTIONS, text), *_drafted(root / _MORE, "")]
    kept = _read(root / _QUESTIONS)
    return [Change(root / _QUESTIONS, "unchanged", kept), *_drafted(root / _MORE, text)]


def _drafted(path: Path, text: str) -> list[Change]:
    known = _read(path)
    if known is None:
        return [Change(path, "new", text)] if text else []
    if not text:
        return [Change(path, "removed", None)]
    return [Change(path, "unchanged" if known == text else "changed", text)]


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8") if path.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def write(found: list[Change]) -> None:
    """Does it, each file whole or not at all. Raises InputError."""
    for change in found:
        try:
            if change.text is None:
                change.path.unlink(missing_ok=True)
                continue
            change.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{change.path}: cannot be written: {error.strerror}") from None
        if change.what != "unchanged":
            write_whole(change.path, change.text.encode())
