"""YAML as kubectl reads it: documents as plain values, and the line of each field on demand.

The parts: `chunks` cuts a text into documents, `build` makes a value of one, `scalars` says what a scalar means. This
file joins them, finds lines and words the errors.

Unlike kubectl, this refuses what kubectl would drop in silence: a second value for a key, and a second document after
`...`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from msgspec import Struct
from yaml import (
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    MappingStartEvent,
    Mark,
    MarkedYAMLError,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
    YAMLError,
)
from yaml.reader import ReaderError

from podwall.errors import InvalidText
from podwall.text import scalars
from podwall.text.build import Builder, Refused
from podwall.text.chunks import Chunk, split
from podwall.text.events import begin, scanner
from podwall.text.where import Path


class Document(Struct, frozen=True):
    """One document of a text.

    `index` counts the parts between `---` lines from 0, empty ones too, so that one document can be found again without
    reading the others; `line` counts from 1 and is where the content begins. `value` is what JSON has: dict with str
    keys, list, str, int (64 bits), float, bool, None; parts of it may be shared (aliases), so it must not be changed.
    """

    index: int
    line: int
    value: object


def documents(data: bytes, source: str, refused: list[InvalidText] | None = None) -> Iterator[Document]:
    """The documents of a text in their order, without the empty and null ones; raises InvalidText.

    UTF-8, or UTF-16 with a byte order mark (one document only). A mistake is reported when its document is reached:
    raised, or added to `refused` before the next document is read. Depth is bounded by `build.MAX_DEPTH`, aliases by
    the share of goyaml.v2.
    """
    cache: dict[str, object] = {}
    for chunk in split(data, source):
        try:
            found = Builder(chunk.data, cache).build()
        except (YAMLError, Refused) as error:
            problem = InvalidText(source, *_explained(chunk, error))
            if refused is None:
                raise problem from None
            refused.append(problem)
            continue
        if found is not None and found[1] is not None:
            mark, value = found
            yield Document(chunk.index, chunk.line_of(mark), value)


def locate(data: bytes, source: str, index: int, path: Path) -> int:
    """The line (from 1) of the node at `path` in the document `index`: of its key, or of the list item.

    Of the nearest node around it where there is no such path in the text, as behind an alias. Raises InvalidText where
    the document cannot be read so far, and LookupError where there is no such document.
    """
    return locate_all(data, source, {index: (path,)})[index, path]


def locate_all(data: bytes, source: str, wanted: Mapping[int, Collection[Path]]) -> dict[tuple[int, Path], int]:
    """The lines of many paths of many documents, by document and path, in one pass; otherwise as `locate`."""
    found: dict[tuple[int, Path], int] = {}
    left = set(wanted)
    for chunk in split(data, source):
        if chunk.index in left:
            left.remove(chunk.index)
            paths = wanted[chunk.index]
            with _explaining(chunk, source):
                marks = _Finder(chunk.data).marks(paths)
            lines = dict(zip(marks, chunk.lines_of(list(marks.values())), strict=True))
            found |= {(chunk.index, path): _nearest(lines, path, chunk.line) for path in paths}
        if not left:  # what stands behind need not be readable
            break
    if left:
        raise LookupError(f"{source} has no document {min(left)}")
    return found


def item_lines(data: bytes, source: str, index: int) -> list[int]:
    """The lines (from 1) of the entries of the top-level list `items` of the document `index`, in one pass.

    Empty where there is no such list. Raises as `locate` does.
    """
    for chunk in split(data, source):
        if chunk.index == index:
            with _explaining(chunk, source):
                return chunk.lines_of(_Finder(chunk.data).entries("items"))
    raise LookupError(f"{source} has no document {index}")


@contextmanager
def _explaining(chunk: Chunk, source: str) -> Iterator[None]:
    try:
        yield
    except YAMLError as error:
        raise InvalidText(source, *_explained(chunk, error)) from None


def _nearest(lines: dict[Path, int], path: Path, otherwise: int) -> int:
    """The line of the longest part of the path that has one."""
    return next((lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), otherwise)


_Wanted = dict[str | int, "_Wanted"]  # a tree of the steps of paths


def _tree(paths: Iterable[Path]) -> _Wanted:
    root: _Wanted = {}
    for path in paths:
        node = root
        for step in path:
            node = node.setdefault(step, {})
    return root


def _ends(wanted: _Wanted) -> int:
    """How many paths end in or below the children."""
    return sum(_ends(child) or 1 for child in wanted.values())


class _Finder:
    """Follows paths through libyaml's events and stops where they all end, or where the text leaves them."""

    def __init__(self, data: bytes) -> None:
        self._next = scanner(data)
        self._marks: dict[Path, Mark] = {}
        self._left = 0

    def marks(self, paths: Iterable[Path]) -> dict[Path, Mark]:
        """Where the nodes on the paths begin (their keys, in mappings), in the order of the text."""
        wanted = _tree(paths)
        self._left = _ends(wanted) or 1
        event = self._first()
        if event is not None:
            self._visit((), begin(event), event, wanted)
        return self._marks

    def entries(self, key: str) -> list[Mark]:
        """Where each entry of the list at a key of the document begins."""
        event = self._first()
        if isinstance(event, MappingStartEvent):
            for name, _, child in self._children(event):
                if name == key and isinstance(child, SequenceStartEvent):
                    return list(self._places(child))
                self._skip(child)
        return []

    def _places(self, parent: CollectionStartEvent) -> Iterator[Mark]:
        for _, mark, child in self._children(parent):
            self._skip(child)
            yield mark

    def _first(self) -> Event | None:
        """The event that begins the document's node, None for a text without any."""
        self._next()
        return None if isinstance(self._next(), StreamEndEvent) else self._next()

    def _visit(self, path: Path, mark: Mark, event: Event, wanted: _Wanted) -> None:
        """Marks the node that begins with `event`, and what is wanted of it; reads to its end while more is wanted."""
        self._marks[path] = mark
        if not wanted or not isinstance(event, CollectionStartEvent):
            self._left -= _ends(wanted) or 1
            if self._left:
                self._skip(event)
            return
        for name, place, child in self._children(event):
            inner = None if name is None else wanted.pop(name, None)
            if inner is None or name is None:
                self._skip(child)
            else:
                self._visit((*path, name), place, child, inner)
            if not self._left:
                return
        self._left -= _ends(wanted)

    def _children(self, parent: CollectionStartEvent) -> Iterator[tuple[str | int | None, Mark, Event]]:
        """Key or position, place and first event of each child; whoever asks reads it to its end."""
        in_mapping = isinstance(parent, MappingStartEvent)
        position = 0
        while not isinstance(event := self._next(), CollectionEndEvent):
            mark, name = begin(event), _name(event) if in_mapping else position
            if in_mapping:
                self._skip(event)
                event = self._next()
            yield name, mark, event
            position += 1

    def _skip(self, event: Event) -> None:
        """Reads the rest of the node that begins with `event`."""
        level = 0
        while True:
            if isinstance(event, CollectionStartEvent):
                level += 1
            elif isinstance(event, CollectionEndEvent):
                level -= 1
            if level == 0:
                return
            event = self._next()


def _name(event: Event) -> str | None:
    """The key that a mapping's child is, None for one that is no scalar."""
    if not isinstance(event, ScalarEvent):
        return None
    if event.tag is None and not event.implicit[0]:
        return event.value
    try:
        return scalars.key(scalars.plain(event.value) if event.tag is None else scalars.tagged(event.tag, event.value))
    except ValueError:
        return None


# What libyaml says, and what to do about it.
_ADVICE = (
    ("could not find expected ':'", "a key needs `: ` behind it, and text over several lines needs quotes or `|`"),
    ("mapping values are not allowed", "indent it under its key, or quote a value that has `: ` in it"),
    ("did not find expected key", "indent it like the lines around it, or quote the value"),
    ("did not find expected '-' indicator", "indent it like the other items"),
    ("block sequence entries are not allowed", "begin the list on a line of its own"),
    ("did not find expected ','", "close the bracket or separate the items with commas"),
    ("did not find expected node content", "write a value, or take the comma away"),
    ("found unexpected ':'", "write a value behind the colon, or quote the text"),
    ("unexpected end of stream", "close the quote"),
    ("unexpected document indicator", "close the quote"),
    ("undefined tag handle", "take the tag away"),
    ("unknown escape character", "use single quotes, or double the backslash"),
    ("did not find expected <document start>", "write a line `---` before it, or take the directive away"),
)


def _explained(chunk: Chunk, error: YAMLError | Refused) -> tuple[int, str]:
    """The line and the message of what could not be read."""
    if isinstance(error, Refused):
        line = chunk.line_of(error.mark)
        if error.first is None:
            return line, error.message
        return line, f"{error.message} (first on line {chunk.line_of(error.first)})"
    if isinstance(error, ReaderError):
        return _undecodable(chunk, error)
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return chunk.line, f"not YAML: {error}"
    mark, problem = error.problem_mark, error.problem or "not YAML"
    line = chunk.line_of_end(mark)
    message = f"{problem} ({_context(chunk, error, line)})" if error.context else problem
    advice = _advice(chunk, problem, mark)
    return line, f"{message}; {advice}" if advice else message


def _context(chunk: Chunk, error: MarkedYAMLError, line: int) -> str:
    begun = chunk.line_of(error.context_mark) if error.context_mark else line
    return str(error.context) if begun == line else f"{error.context} that begins on line {begun}"


def _advice(chunk: Chunk, problem: str, mark: Mark) -> str | None:
    character = chunk.text()[mark.index : mark.index + 1]
    if character == "\t":
        return "replace the tab by spaces"
    if "cannot start any token" in problem:
        return f"quote the value: `{character}` cannot begin one"
    return next((advice for words, advice in _ADVICE if words in problem), None)


def _undecodable(chunk: Chunk, error: ReaderError) -> tuple[int, str]:
    at = error.position
    place = f"at byte {chunk.offset + at}"
    if "control characters" in error.reason:
        message = f"control character 0x{error.character:02x} {place}; take it away"
        if error.character == 0:
            message = f"a NUL byte {place}; save the file as UTF-8 (is it a binary file, or UTF-16 without its mark?)"
    else:
        message = f"not valid UTF-8 {place} ({error.reason}); save the file as UTF-8"
    return chunk.line_of_byte(at), message
