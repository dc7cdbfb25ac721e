"""The folder of -d: what an earlier lockdown left in it, and what is written, changed and taken away now."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from podwall.errors import InputError
from podwall.ops.writing import write_whole

__all__ = ["PROOF", "Change", "changes", "lifted", "write"]

PROOF = "proof"
"""The folder beside the manifests, which `kubectl apply -f` does not look into."""
_OWN = "# Written by: podwall lockdown"
_BRACKET, _BASELINE, _STAGES = "00-bracket-", "10-baseline-", ("00-bracket-", "10-baseline-", "20-workloads-")


class Change(Struct, frozen=True):
    """One file: what becomes of it, and its new text, None where it goes."""

    path: Path
    what: str
    text: str | None


def lifted(folder: str | None) -> frozenset[str]:
    """The namespaces that have a baseline in a folder and no bracket any more. Raises InputError."""
    own = {path.name for path in _own(folder)} if folder is not None else set()
    baselines = {_namespace(name, _BASELINE) for name in own if name.startswith(_BASELINE)}
    return frozenset(name for name in baselines if f"{_BRACKET}{name}.yaml" not in own)


def _namespace(name: str, stage: str) -> str:
    return name.removeprefix(stage).removesuffix(".yaml")


def _own(folder: str) -> list[Path]:
    """The manifests that a lockdown wrote into a folder."""
    root = Path(folder)
    try:
        found = sorted(root.glob("*.yaml")) if root.is_dir() else []
        return [path for path in found if path.name.startswith(_STAGES) and _OWN in path.read_text("utf-8", "replace")]
    except OSError as error:
        raise InputError(f"-d {folder}: {error.filename or folder} cannot be read: {error.strerror}") from None


def changes(folder: str, texts: dict[str, str], namespaces: tuple[str, ...] | None) -> list[Change]:
    """What would be done, by file; own files of namespaces that are not looked at (`namespaces`, if given) stay.

    Raises InputError where a file is in the way that no lockdown wrote.
    """
    root = Path(folder)
    own = set(_own(folder))
    out = []
    for name, text in texts.items():
        path = root / name
        known = _read(path)
        if known is not None and path.parent == root and path not in own:
            raise InputError(f"{path} is there already, and no lockdown wrote it: move it, or choose another -d")
        what = "new" if known is None else "unchanged" if known == text else "changed"
        out.append(Change(path, what, text))
    kept = {root / name for name in texts}
    for path in sorted(own - kept):
        home = next(_namespace(path.name, stage) for stage in _STAGES if path.name.startswith(stage))
        if namespaces is None or home in namespaces:
            out.append(Change(path, "removed", None))
    return out


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
