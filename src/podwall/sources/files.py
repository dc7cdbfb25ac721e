"""Texts from files, directories, standard input and `kubectl kustomize`; what cannot be read as it is gets named."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from podwall.errors import InputError

__all__ = ["STDIN", "Found", "Text", "is_json", "kustomize", "read"]

STDIN = "<stdin>"
_SUFFIXES = (".yaml", ".yml", ".json")
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# What a gzip file may unpack to: far above any dump of a cluster, far below the memory of a machine.
_MAX_UNPACKED = 8 << 30


class Text(Struct, frozen=True):
    """A text and the name that messages give it; `path` where it can be read again."""

    name: str
    data: bytes
    path: Path | None = None

    def again(self) -> Text:
        """The same text without its data where a file has it, so that memory does not hold what is rarely needed."""
        return self if self.path is None else Text(self.name, b"", self.path)

    def reread(self) -> bytes:
        """The data, from the file if need be. Raises InputError where that is gone."""
        return self.data if self.path is None else _file(self.path).data


_JSON_START = re.compile(rb"[\xef\xbb\xbf \t\r\n]*[\[{][ \t\r\n]*[\[\]{}\"]")


def is_json(data: bytes) -> bool:
    """Whether a text begins as JSON does; `{{` is a template, and `{a: b}` is YAML."""
    found = _JSON_START.match(data[:4096])
    return found is not None and not found[0].endswith(b"{{")


class Found(Struct, frozen=True):
    """What a path leads to: a text, or why it was passed over."""

    text: Text | None = None
    skipped: str = ""


def read(filenames: Iterable[str]) -> Iterator[Found]:
    """Every text of files and directories (recursive, in order of name), and of `-`. Raises InputError."""
    for filename in filenames:
        if filename == "-":
            yield Found(Text(STDIN, sys.stdin.buffer.read()))
            continue
        path = Path(filename)
        if path.is_dir():
            yield from _directory(path, set())
        else:
            yield Found(_file(path))


def _directory(path: Path, above: set[Path]) -> Iterator[Found]:
    real = path.resolve()
    if real in above:  # a symbolic link back to a folder that this one is in
        return
    kustomization = next((name for name in _KUSTOMIZATIONS if (path / name).is_file()), None)
    if (path / "Chart.yaml").is_file():
        yield Found(skipped=f"{path} is a Helm chart: helm template NAME {path} | podwall … -f -")
        return
    if kustomization is not None:
        yield Found(skipped=f"{path} is a kustomization: podwall … -k {path}")
        return
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    for entry in entries:
        if entry.is_dir():
            if not entry.name.startswith("."):
                yield from _directory(entry, above | {real})
        elif _is_manifest(entry.name):
            yield Found(_file(entry))


def _is_manifest(name: str) -> bool:
    return not name.startswith(".") and name.removesuffix(".gz").endswith(_SUFFIXES)


def _file(path: Path) -> Text:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return Text(str(path), _unpacked(path, data) if path.suffix == ".gz" else data, path)


def _unpacked(path: Path, data: bytes) -> bytes:
    try:
        size = 0
        parts = []
        with gzip.open(path) as stream:
            while part := stream.read(1 << 24):
                size += len(part)
                if size > _MAX_UNPACKED:
                    raise InputError(f"{path}: unpacks to more than {_MAX_UNPACKED >> 30} GiB")
                parts.append(part)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: is not a whole gzip file ({len(data)} bytes): {error}") from None
    return b"".join(parts)


def kustomize(directory: str) -> Text:
    """What `kubectl kustomize DIR` prints. Raises InputError with its words where it fails."""
    command = ["kubectl", "kustomize", directory]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - the user's own argument
    except FileNotFoundError:
        raise InputError(
            f"-k {directory} needs kubectl, which is not on the PATH; or: kustomize build {directory} | podwall … -f -"
        ) from None
    if done.returncode:
        raise InputError(f"kubectl kustomize {directory} failed: {done.stderr.decode(errors='replace').strip()}")
    return Text(f"<kustomize {directory}>", done.stdout)
