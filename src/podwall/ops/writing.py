"""Files that commands write: whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from podwall.errors import InputError

__all__ = ["append_summary", "write_whole"]


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file beside its place and moves it there, so that nobody ever sees a part of it. Raises InputError.

    A symbolic link stays one. What is no file, as a pipe, is written to as it is.
    """
    real = path.resolve()
    beside = real.with_name(f".{real.name}.{os.getpid()}.tmp")
    try:
        if real.exists() and not real.is_file():
            real.write_bytes(data)
            return
        try:
            with beside.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            if real.exists():
                beside.chmod(real.stat().st_mode)
            beside.replace(real)
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def append_summary(text: str) -> None:
    """Adds to the summary of a GitHub job, whose file the runner names; elsewhere nothing is written."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if name:
        try:
            with Path(name).open("a", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise InputError(f"GITHUB_STEP_SUMMARY={name}: cannot be written: {error.strerror}") from None
