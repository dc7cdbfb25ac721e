"""Texts from files, directories, standard input and `kubectl kustomize`; what cannot be read as it is gets named."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, structs

from podwall.errors import InputError
from podwall.sources.gzipped import is_packed, start, unpack

__all__ = [
    "KUSTOMIZATIONS",
    "SNAPSHOT",
    "STDIN",
    "Found",
    "Text",
    "is_json",
    "is_manifest",
    "is_snapshot",
    "kustomize",
    "plain",
    "read",
]

STDIN = "<stdin>"
_SUFFIXES = (".yaml", ".yml", ".json")
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# What a gzip file may unpack to: far above any dump of a cluster, far below the memory of a machine.
_MAX_UNPACKED = 8 << 30
SNAPSHOT = b'{"apiVersion":"podwall.io/v1","kind":"Snapshot",'
"""How every snapshot begins, of whatever version."""
# A snapshot of 100,000 Pods and 10,000 policies is 57 MB unpacked.
_MAX_SNAPSHOT = 1 << 30


class Text(Struct, frozen=True):
    """A text and the name that messages give it; `path` where it can be read again.

    `walked` says that nobody named the file, but a folder around it; `admitted`, that an API server holds its objects:
    they were accepted, so they are read tolerantly, and whether its policies are valid nobody asks (D14, V10).
    """

    name: str
    data: bytes
    path: Path | None = None
    walked: bool = False
    admitted: bool = False

    def again(self) -> Text:
        """The same text without its data where a file has it, so that memory does not hold what is rarely needed."""
        return self if self.path is None else structs.replace(self, data=b"")

    def reread(self) -> bytes:
        """The data, from the file if need be. Raises InputError where that is gone."""
        return self.data if self.path is None else _file(self.path, walked=self.walked).data


def is_snapshot(path: Path) -> bool:
    """Whether a file begins as a snapshot does."""
    try:
        with path.open("rb") as stream:
            return start(stream.read(1 << 12), len(SNAPSHOT)) == SNAPSHOT
    except OSError:
        return False


_JSON_START = re.compile(rb"[\xef\xbb\xbf \t\r\n]*[\[{][ \t\r\n]*[\[\]{}\"]")


def is_json(data: bytes) -> bool:
    """Whether a text begins as JSON does; `{{` is a template, and `{a: b}` is YAML."""
    found = _JSON_START.match(data[:4096])
    return found is not None and not found[0].endswith(b"{{")


class Found(Struct, frozen=True):
    """What a path leads to: a text, or why it was passed over."""

    text: Text | None = None
    skipped: str = ""


def read(filename: str) -> Iterator[Found]:
    """Every text of a file, of a directory (recursive, in order of name), or of `-`. Raises InputError."""
    path = Path(filename)
    if filename == "-":
        if sys.stdin is None:
            raise InputError("-f -: standard input is closed")
        yield Found(Text(STDIN, plain(STDIN, sys.stdin.buffer.read())))
    elif "://" in filename:
        raise InputError(f"{filename}: addresses are not fetched: curl -sSf {filename} | podwall … -f -")
    elif path.is_dir():
        yield from _directory(path, set())
    elif path.name == "Chart.yaml":
        yield Found(skipped=_chart(path.parent))
    elif path.name in KUSTOMIZATIONS:
        yield Found(skipped=_kustomization(path.parent))
    else:
        yield Found(_file(path, walked=False))


def _directory(path: Path, above: set[Path]) -> Iterator[Found]:
    real = path.resolve()
    if real in above:  # a symbolic link back to a folder that this one is in
        return
    if (path / "Chart.yaml").is_file():
        yield Found(skipped=_chart(path))
        return
    if any((path / name).is_file() for name in KUSTOMIZATIONS):
        yield Found(skipped=_kustomization(path))
        return
    try:
        found = sorted(path.iterdir())
    except OSError as error:
        raise InputError(f"{_shown(path)}: cannot be read: {error.strerror}") from None
    for entry in found:
        if entry.is_dir():
            if not entry.name.startswith("."):
                yield from _directory(entry, above | {real})
        elif is_manifest(entry.name):
            yield Found(_file(entry, walked=True))


def _chart(folder: Path) -> str:
    shown = _shown(folder)
    return f"{shown} is a Helm chart, skipped; render it and pipe it in: helm template {shown} | podwall … -f -"


def _kustomization(folder: Path) -> str:
    shown = _shown(folder)
    return f"{shown} is a kustomization, skipped; build it: podwall … -k {shown}"


def _shown(path: Path) -> str:
    """The path as given, or from the working directory where it lies below that; always text that can be printed."""
    below = path.is_absolute() and path.is_relative_to(Path.cwd())
    return str(path.relative_to(Path.cwd()) if below else path).encode("utf-8", "replace").decode()


def is_manifest(name: str) -> bool:
    """Whether a file that nobody named is read, by its name."""
    return not name.startswith(".") and name.removesuffix(".gz").endswith(_SUFFIXES)


def _file(path: Path, *, walked: bool) -> Text:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{_shown(path)}: cannot be read: {error.strerror}") from None
    again = path if path.is_file() else None  # a pipe gives its text only once
    return Text(_shown(path), plain(_shown(path), data), again, walked)


def plain(name: str, data: bytes) -> bytes:
    """The text of a file, unpacked where it is gzip, whatever its name is. Raises InputError where that is damaged."""
    if not name.endswith(".gz") and not is_packed(data):
        return data
    return unpack(data, name, lambda part: _MAX_SNAPSHOT if part.startswith(SNAPSHOT) else _MAX_UNPACKED)


def kustomize(directory: str) -> Text:
    """What `kubectl kustomize DIR` prints. Raises InputError with its words where it fails."""
    import subprocess  # few inputs are kustomizations

    command = ["kubectl", "kustomize", directory]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - the user's own argument
    except FileNotFoundError:
        raise InputError(
            f"-k {directory} needs kubectl, which is not on the PATH; or: kustomize build {directory} | podwall … -f -"
        ) from None
    if done.returncode:
        raise InputError(f"kubectl kustomize {directory} failed: {done.stderr.decode(errors='replace').strip()}")
    return Text(f"<kustomize {directory}>", done.stdout)
