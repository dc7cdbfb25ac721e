"""Files that commands write: whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from podwall.errors import InputError

__all__ = ["write_whole"]


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
