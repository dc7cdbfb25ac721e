"""JSON as `kubectl get -o json` prints it: a text cut into raw values, the items of a list, and lines on demand.

The bytes of a value stay as they are, because `api` decodes from them only the fields that it reads. Nothing here
recurses in Python; msgspec and the standard library bound their own depth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping

import msgspec
from msgspec import Raw, Struct

from podwall.errors import InvalidText
from podwall.text.where import Path

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BLANK = re.compile(rb"[ \t\r\n]*")
_BETWEEN = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_MALFORMED = re.compile(r"(?:JSON is malformed: )?(.*) \(byte (\d+)\)")
_TRAILING = "trailing characters"
_TOO_DEEP = "nested too deeply; no Kubernetes object is, check the brackets"

# In valid JSON a string with a colon behind it is a key.
_TOKEN = re.compile(
    rb'(?P<key>"[^"\\]*(?:\\.[^"\\]*)*")[ \t\r\n]*:|(?P<open>[{\[])|(?P<close>[}\]])'
    rb'|"[^"\\]*(?:\\.[^"\\]*)*"|[^ \t\r\n,:{}\[\]"]+',
    re.DOTALL,
)


class Value(Struct, frozen=True):
    """One value of a text: the line (from 1) where it begins, and its bytes (UTF-8) from there to its end."""

    line: int
    raw: Raw


class _List(Struct, frozen=True):
    items: list[Raw] | None = None


def values(data: bytes, source: str) -> Iterator[Value]:
    """The values of a text in their order: one, several behind each other, or one on each line; raises InvalidText.

    UTF-8, or UTF-16 with a byte order mark. One value costs one pass over the text. Blank text has no values.
    """
    text = _utf8(data, source)
    view = memoryview(text)
    line, counted, at = 1, 0, _after_blank(text, 0)
    while at < len(text):
        line += text.count(b"\n", counted, at)
        counted = at
        try:
            raw, at = _first(view, at)
        except msgspec.DecodeError as error:
            raise _invalid(error, source, line, text, at) from None
        except RecursionError:
            raise InvalidText(source, line, _TOO_DEEP) from None
        yield Value(line, raw)
        at = _after_blank(text, at)


def _utf8(data: bytes, source: str) -> bytes:
    data = data.removeprefix(b"\xef\xbb\xbf")
    utf16 = data.startswith(_UTF16)
    if data.isascii():
        return data
    try:
        text = data.decode("utf-16" if utf16 else "utf-8")
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        message = f"not valid {'UTF-16' if utf16 else 'UTF-8'} at byte {error.start}; save the file as UTF-8"
        raise InvalidText(source, line, message) from None
    # Half a pair, which no UTF-8 can hold, ends the decoding above already.
    return text.encode() if utf16 else data


def _after_blank(text: bytes, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _first(view: memoryview, at: int) -> tuple[Raw, int]:
    """The value that begins at `at`, and where it ends."""
    try:
        return msgspec.json.decode(view[at:], type=Raw), len(view)
    except msgspec.DecodeError as error:
        found = _MALFORMED.fullmatch(str(error))
        if found is None or found[1] != _TRAILING:
            raise
        # msgspec has read the first byte that does not belong to the value.
        end = at + int(found[2]) - 1
        return msgspec.json.decode(view[at:end], type=Raw), end


def _invalid(error: msgspec.DecodeError, source: str, line: int, text: bytes, at: int) -> InvalidText:
    found = _MALFORMED.fullmatch(str(error))
    if found is None:
        last = line + text.rstrip().count(b"\n", at)
        return InvalidText(source, last, "the JSON ends in the middle of a value; is the file cut off?")
    offset = at + int(found[2])
    line += text.count(b"\n", at, offset)
    return InvalidText(
        source, line, f"not JSON: {found[1]} (byte {offset}); correct it, or call the file .yaml if it is YAML"
    )


def items(raw: bytes | Raw) -> list[Raw] | None:
    """The raw items of an object with a list `items`, as in `kind: List`; None for anything else. One pass.

    `raw` is what `values` gave.
    """
    try:
        return msgspec.json.decode(raw, type=_List).items
    except (msgspec.ValidationError, RecursionError):
        # What is nested as deeply as `values` just bears is no list of objects either.
        return None


def offsets(whole: bytes, listed: list[Raw]) -> list[int]:
    """Where the items of a list begin in the value that they were taken from."""
    out, at = [], 0
    for number, item in enumerate(listed):
        match = _BETWEEN.match(whole, at) if number else None
        at = match.end() if match else whole.index(item)
        out.append(at)
        at += len(memoryview(item))
    return out


def duplicate_key(raw: bytes | Raw) -> Path | None:
    """The first key that comes a second time in its object, None where none does. `raw` is what `values` gave."""
    if _is_written_again(raw):
        return None
    text = bytes(memoryview(raw))
    try:
        json.loads(text.decode(), object_pairs_hook=_once, parse_int=len, parse_float=len)
    except (_DuplicateKey, RecursionError):
        return _duplicate(text)
    return None


def _is_written_again(raw: bytes | Raw) -> bool:
    """Whether the values of a text, written again, are the text but for blanks: then each key came once.

    Where they are not (a key came twice, a number or an escape has another spelling), somebody must look closer.
    """
    try:
        return msgspec.json.format(raw, indent=-1) == msgspec.json.encode(msgspec.json.decode(raw))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False


class _DuplicateKey(Exception):
    pass


def _once(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise _DuplicateKey


def _duplicate(text: bytes) -> Path | None:
    """The same token by token, which takes any depth and knows the way."""
    path: list[str | int] = []  # the last key or position in each of the open collections
    seen: list[set[str] | None] = []  # the keys of each; None for a list
    for token in _TOKEN.finditer(text):
        if token["close"]:
            path.pop()
            seen.pop()
        elif token["key"]:
            keys, key = seen[-1] or set(), _name(token["key"])
            path[-1], seen[-1] = key, keys
            if key in keys:
                return tuple(path)
            keys.add(key)
        else:
            if seen and seen[-1] is None:
                path[-1] = int(path[-1]) + 1
            if token["open"]:
                path.append(-1)
                seen.append(None if token["open"] == b"[" else set())
    return None


def _name(key: bytes) -> str:
    name: str = json.loads(key)
    # Half a surrogate pair can be escaped in JSON, but never printed.
    return name.encode("utf-8", "replace").decode()


def locate(raw: bytes | Raw, path: Path) -> int:
    """The line (from 0) inside `raw` of the node at `path`: of its key, or of the list item.

    Of the nearest node around it where there is no such path. `raw` is what `values` gave; linear time.
    """
    text = bytes(memoryview(raw))
    return text.count(b"\n", 0, _offset(text, path))


def locate_all(raw: bytes | Raw, paths: Collection[Path]) -> dict[Path, int]:
    """The same for many paths in one pass."""
    text = bytes(memoryview(raw))
    starts = _starts(text)
    lines: dict[int, int] = {}
    line, counted = 0, 0
    for start in sorted(set(starts.values())):
        line += text.count(b"\n", counted, start)
        counted, lines[start] = start, line
    return {path: lines[_nearest(starts, path)] for path in paths}


def _nearest(starts: Mapping[Path, int], path: Path) -> int:
    return next(starts[path[:n]] for n in range(len(path), -1, -1) if path[:n] in starts)


def _starts(text: bytes) -> dict[Path, int]:
    """Where each node begins: its key, or the list item. The root is where the text begins."""
    found: dict[Path, int] = {(): 0}
    path: list[str | int] = []  # the last key or position in each of the open collections
    lists: list[bool] = []
    for token in _TOKEN.finditer(text):
        if token["close"]:
            path.pop()
            lists.pop()
        elif token["key"]:
            path[-1] = _name(token["key"])
            found.setdefault(tuple(path), token.start())
        else:
            if lists and lists[-1]:
                path[-1] = int(path[-1]) + 1
                found[tuple(path)] = token.start()
            if token["open"]:
                path.append(-1)
                lists.append(token["open"] == b"[")
    return found


def _offset(text: bytes, path: Path) -> int:
    best, steps, level, index = 0, -1, 0, -1
    # `hit`: the next node is the one at path[: steps + 1]; at first that is the root.
    hit, in_list = True, False
    for token in _TOKEN.finditer(text):
        if token["close"]:
            level -= 1
            if level == steps:
                break
            continue
        if level == steps + 1 > 0 and not hit and (in_list or token["key"]):
            index += 1
            hit = path[steps] == (_name(token["key"]) if token["key"] else index)
            best = token.start() if hit else best
        if token["key"]:
            continue
        level += bool(token["open"])
        if hit:
            steps, index, hit, in_list = steps + 1, -1, False, token["open"] == b"["
            if steps == len(path) or not token["open"]:
                break
    return best
