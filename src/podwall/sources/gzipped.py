"""gzip both ways: packed with the same bytes each time, unpacked up to a bound.

Few inputs are packed, so its modules are imported where they are used.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from podwall.errors import InputError

__all__ = ["is_packed", "pack", "start", "unpack"]

_MAGIC = b"\x1f\x8b"
_GZIP = 31  # how zlib is told
_PART = 1 << 24
_LEVEL = 6  # 9 takes three times as long for a file that is a tenth smaller


def is_packed(data: bytes) -> bool:
    """Whether data begins as gzip does."""
    return data.startswith(_MAGIC)


def pack(data: bytes) -> bytes:
    """Data as gzip, without a time or a name in it: the same bytes for the same data wherever zlib is the same."""
    import gzip

    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=packed, mtime=0) as stream:
        stream.write(data)
    return packed.getvalue()


def unpack(data: bytes, name: str, limit_of: Callable[[bytes], int]) -> bytes:
    """The data in gzip. `limit_of` says of the first part how much the whole may come to.

    Raises InputError, with the name, for what is no gzip, cut off, damaged or larger than that.
    """
    import gzip
    import zlib

    size, limit, parts = 0, 0, []
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while part := stream.read(_PART):
                limit = limit or limit_of(part)
                size += len(part)
                if size > limit:
                    raise InputError(f"{name}: unpacks to more than {_shown(limit)}")
                parts.append(part)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: is not a whole gzip file ({len(data)} bytes): {error}") from None
    return b"".join(parts)


def start(data: bytes, size: int) -> bytes:
    """The first bytes of what the beginning of a file unpacks to; empty where it does not."""
    import zlib

    try:
        return zlib.decompressobj(wbits=_GZIP).decompress(data, size)
    except zlib.error:
        return b""


def _shown(size: int) -> str:
    return f"{size >> 30} GiB" if size >= 1 << 30 else f"{size >> 20} MiB"
