"""Configuration as text → keys and texts: JSON, YAML, properties, INI, XML, nginx and their like, and scripts.

Read line by line and leniently, whatever the format: a file that is not quite well-formed says as much as one that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping

import msgspec

from podwall.needs.commands import arguments, is_script, scripted

__all__ = ["parts", "within"]

_Part = tuple[str, str]

_MAX_JSON = 4 << 20
_QUOTES = "\"' \t"
_ENTRY = re.compile(r"[\"']?([^\s\"'=:#][^\"'=:]{0,200})[\"']?[ \t]{0,40}(?:=>|:?=|:(?=\s|$|[\"'\[{]))(.*)", re.DOTALL)
_DASH = re.compile(r"-[ \t]+")
_SECTION = re.compile(r"\[{1,2}[ \t]*([\w.\-/: \"]{1,120}?)[ \t]*\]{1,2}")
_DIRECTIVE = re.compile(r"([a-z_][\w\-]{0,60})[ \t]+(.+)", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"#|//|;|!|-- |/\*|<!|%")
_TRAILING = re.compile(r"[ \t]#.*")
_FLOW = re.compile(
    r"[\"']?([\w.\-]{1,80})[\"']?[ ]{0,4}[:=][ ]{0,4}(?:\"([^\"]*)\"|'([^']*)'|([^\s,{}\[\]\"']{1,1000}))"
)
_UPSTREAM = re.compile(r"^[ \t]*upstream[ \t]+([\w.\-]{1,100})[ \t]*\{", re.MULTILINE)
_ELEMENT = re.compile(r"<([\w.:\-]{1,80})[^<>]{0,400}>([^<>]{1,2000})</")
_ATTRIBUTE = re.compile(r"[ \t\n]([\w.:\-]{1,80})[ \t]{0,4}=[ \t]{0,4}\"([^\"<>]{1,2000})\"")


def parts(key: str, text: str, known: MutableMapping[str, str] | None = None) -> Iterator[_Part]:
    """What a text says, each with the key that it stands under; the text itself where it is plain.

    `key` is the name of the variable or file; `known` are variables that a script may use.
    """
    begin = text.lstrip()[:10]
    if begin.startswith("-----BEGIN") or not begin:
        return
    value = _json(text) if begin[0] in "{[" and len(text) <= _MAX_JSON else None
    if isinstance(value, (dict, list)):
        yield from _leaves(value, "")
    elif is_script(key, text):
        yield from scripted(text, known or {})
    elif begin[0] == "{" and "\n" not in text.strip():
        yield from _flow(text)
    elif begin.startswith(("<?xml", "<!")) or key.endswith(("xml", ".config")):
        yield from _marked(text)
    elif "\n" in text:
        yield from ((at or key, one) for at, one in _lines(text))
    elif (begin[0] == "-" and " " in text.strip()) or " -D" in text or " --" in text:
        yield from ((flag, one) for _, flag, one in arguments(text.split(), named=False))
    else:
        yield key, text


def within(key: str, text: str, known: MutableMapping[str, str] | None = None) -> Iterator[_Part]:
    """The same of one text of several, a variable or argument: its name comes before the keys that are in it."""
    for below, one in parts(key, text, known):
        yield (key if below == key else f"{key}.{below}"), one


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _leaves(value: object, path: str) -> Iterator[_Part]:
    """Every string and number, with the keys that lead to it; it is a list of its own that is walked, not the stack."""
    todo: list[_Part | tuple[str, object]] = [(path, value)]
    while todo:
        at, one = todo.pop()
        if isinstance(one, dict):
            todo += [(f"{at}.{key}"[-400:], below) for key, below in reversed(one.items())]
        elif isinstance(one, list):
            todo += [(f"{at}.{n}"[-400:] if isinstance(b, dict) else at, b) for n, b in reversed(list(enumerate(one)))]
        elif isinstance(one, (str, int)) and not isinstance(one, bool):
            yield at, str(one)


def _marked(text: str) -> Iterator[_Part]:
    """XML."""
    first, *others = text.split("<!--")
    plain = " ".join((first, *(other.partition("-->")[2] for other in others)))
    for pattern in (_ELEMENT, _ATTRIBUTE):
        yield from ((match[1], match[2].strip()) for match in pattern.finditer(plain))


def _lines(text: str) -> Iterator[_Part]:
    above = _Above()
    groups = frozenset(_UPSTREAM.findall(text)) if "upstream" in text else frozenset()
    inside = False  # of a comment
    for line in text.split("\n"):
        plain = line.strip()
        if inside or plain.startswith("/*"):
            inside = "*/" not in plain
        elif plain and not _COMMENT.match(plain):
            for key, value in _line(line, above):
                if not (groups and _leads_to(value, groups)):
                    yield key, value


def _leads_to(value: str, groups: frozenset[str]) -> bool:
    """Whether nginx goes on to a group of servers that the file names itself."""
    return value.strip(_QUOTES + ";").rpartition("://")[2].partition("/")[0] in groups


def _flow(text: str) -> Iterator[_Part]:
    """`{host: redis, port: 6379}`, in YAML or a program."""
    for match in _FLOW.finditer(text):
        yield match[1], match[2] or match[3] or match[4] or ""


class _Above:
    """The keys that a line stands below: those of lines with less indentation, and the section."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, str]] = []
        self._section = ""
        self._items = 0

    def section(self, name: str) -> None:
        self._items += 1  # there may be several of one name
        self._section, self._stack = f"{name}.{self._items}", []

    def enter(self, depth: int, key: str) -> None:
        self.leave(depth)
        self._stack.append((depth, key))

    def item(self, depth: int) -> None:
        """One more item of a list; its keys are beside each other and not beside those of the next one."""
        self.leave(depth)
        self._items += 1
        self._stack.append((depth, str(self._items)))

    def leave(self, depth: int) -> None:
        while self._stack and self._stack[-1][0] >= depth:
            self._stack.pop()

    def path(self, key: str = "") -> str:
        names = (self._section, *(name for _, name in self._stack[-12:]), key)
        return ".".join(name for name in names if name)


def _line(line: str, above: _Above) -> Iterator[_Part]:
    plain = _TRAILING.sub("", line, count=1).strip() if " #" in line or "\t#" in line else line.strip()
    section = _SECTION.fullmatch(plain)
    if section is not None:
        above.section(section[1])
        return
    depth = len(line) - len(line.lstrip())
    while (dash := _DASH.match(plain)) is not None:
        above.item(depth)
        plain, depth = plain[dash.end() :], depth + dash.end()
    entry = _ENTRY.fullmatch(plain) if "=" in plain or ":" in plain else None
    if entry is not None and not (" " in entry[1].strip() and "=" not in plain and ";" in plain):
        yield from _entry(entry, depth, above)
        return
    directive = _DIRECTIVE.fullmatch(plain)
    if directive is not None and plain.endswith("{"):
        above.enter(depth, directive[1])
    elif directive is not None and "{" in directive[2] and plain.endswith("}"):
        above.leave(depth)
        yield from _block(directive, above)
    elif directive is not None:
        above.leave(depth)
        yield above.path(directive[1]), directive[2].rstrip("; \t")
    else:
        yield above.path(), plain.strip(_QUOTES + ",;")


def _block(directive: re.Match[str], above: _Above) -> Iterator[_Part]:
    """`location / { proxy_pass http://api; }` on one line."""
    for one in directive[2].partition("{")[2].rpartition("}")[0].split(";"):
        inner = _DIRECTIVE.fullmatch(one.strip())
        if inner is not None:
            yield above.path(f"{directive[1]}.{inner[1]}"), inner[2]


def _entry(entry: re.Match[str], depth: int, above: _Above) -> Iterator[_Part]:
    key, value = entry[1].strip(), entry[2].strip().rstrip(",;").strip(_QUOTES)
    if value.startswith("{") and value.endswith("}"):
        above.leave(depth)
        yield from ((above.path(f"{key}.{name}"), one) for name, one in _flow(value))
    elif not value or value in ("|", "|-", ">", ">-", "{", "["):
        above.enter(depth, key)
    else:
        above.leave(depth)
        yield above.path(key), value
