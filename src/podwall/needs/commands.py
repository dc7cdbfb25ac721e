"""Commands → keys and texts: the flags of a program, and shell scripts, which are many commands."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping, Sequence

from podwall.needs.keys import Role, key_of
from podwall.needs.vocabulary import vocabulary

__all__ = ["Found", "arguments", "filled", "is_script", "references", "script_of", "scripted"]

Found = tuple[int, str, str]
"""The number of a word, the key that its text stands under (empty without one), and the text."""

_SHELLS = frozenset(("ash", "bash", "busybox", "dash", "ksh", "sh", "zsh"))
_BEFORE = vocabulary("! do elif else env exec export if nohup sudo then time until while readonly local {")
_QUIET = vocabulary("awk cat chgrp chmod chown cp date echo grep ls mkdir mv printf rm sed sleep test [ [[ useradd")
_WEB = frozenset(("curl", "http", "wget", "xh"))
_ALONE = frozenset("#0ILNSfgijkqsv")  # flags of these that take no value
_WEB_OTHER = frozenset(("A", "H", "X", "d", "data", "header", "o", "output", "request", "u", "user", "user-agent"))
_SUBJECTS = frozenset(("dns-names", "domains", "host", "hosts"))
_DIAL = frozenset(("nc", "ncat", "netcat", "telnet"))
_LOOK = frozenset(("dig", "getent", "host", "nslookup", "ping"))
_CLIENTS = {
    **dict.fromkeys(("createdb", "dropdb", "pg_dump", "pg_isready", "pg_restore", "psql"), "postgres"),
    **dict.fromkeys(("mariadb", "mariadb-admin", "mysql", "mysqladmin", "mysqldump"), "mysql"),
    **dict.fromkeys(("redis-cli", "valkey-cli"), "redis"),
    **dict.fromkeys(("mongo", "mongodump", "mongosh"), "mongodb"),
    **dict.fromkeys(("mosquitto_pub", "mosquitto_sub"), "mqtt"),
    **dict.fromkeys(("ldapadd", "ldapsearch"), "ldap"),
    "clickhouse-client": "clickhouse",
}
_SHORT = {"-h": "peer", "-p": "port", "-P": "port"}
_FLAG = re.compile(r"--?([A-Za-z][\w.\-]{0,120})(?:=(.*))?", re.DOTALL)
_DEFINED = re.compile(r"-D([\w.\-]{1,200})=(.*)", re.DOTALL)
_SET = re.compile(r"([A-Za-z_][\w.\-]{0,120})=(.*)", re.DOTALL)
_PIECE = re.compile(
    r"(?P<join>\\\r?\n)|(?P<gap>[ \t\r]+)|(?P<end>[\n;&|()`]+|\$\()|(?P<note>#[^\n]*)"
    r"|'(?P<raw>[^']*)'|\"(?P<text>(?:[^\"\\]|\\.)*+)\"|\\(?P<escaped>.)|(?P<plain>(?:[^\s'\"\\;&|()`#$]|\$(?!\())+|.)",
    re.DOTALL,
)
_FILL = re.compile(r"\$\{([A-Za-z_][\w.]{0,120})(?::?[-=+]?([^{}$]{0,300}))?\}|\$([A-Za-z_]\w{0,120})")
_MAX_TEXT = 1 << 16


def is_script(name: str, text: str) -> bool:
    """Whether a file is a shell script."""
    first = text[:128].partition("\n")[0]
    return (first.startswith("#!") and any(first.rstrip().endswith(s) for s in _SHELLS)) or name.endswith(".sh")


def script_of(words: Sequence[str]) -> int | None:
    """Which of a command's words is a shell script: that behind `sh -c`. None where there is none."""
    for number, word in enumerate(words[:-1]):
        if re.fullmatch(r"-[a-z]{0,6}c", word) and (
            number == 0 or _program(words[number - 1]) in _SHELLS or number > 1
        ):
            is_shell = any(_program(w) in _SHELLS for w in words[:number])
            if is_shell or " " in words[number + 1]:
                return number + 1
    return None


def _program(word: str) -> str:
    return word.rpartition("/")[2]


def filled(text: str, known: Mapping[str, str]) -> str:
    """A text with `$VAR`, `${VAR}` and `${VAR:-default}` replaced as far as they are known."""
    if "$" not in text:
        return text
    left = _MAX_TEXT

    def replaced(match: re.Match[str]) -> str:
        nonlocal left
        name = match[1] or match[3]
        value = known.get(name)
        if value is None and "." in name:  # as Spring finds `db.host` in DB_HOST
            value = known.get(name.upper().replace(".", "_"))
        value = value if value is not None else match[2] or match[0]
        left -= len(value)
        return value if left >= 0 else match[0]

    return _FILL.sub(replaced, text)


def references(text: str) -> tuple[str, ...]:
    """The variables that a text uses, as far as it is short enough to have them filled in."""
    if "$" not in text or len(text) > _MAX_TEXT:
        return ()
    return tuple(sorted({match[1] or match[3] for match in _FILL.finditer(text)}))


def scripted(script: str, known: MutableMapping[str, str]) -> Iterator[tuple[str, str]]:
    """The keys and texts of a shell script's commands, with what is set in it and known before filled in."""
    values = ChainMap({}, known)  # which may be many: nothing is copied
    for words in _commands(script):
        rest = [filled(word, values) for word in words]
        while rest and (rest[0] in _BEFORE or _SET.fullmatch(rest[0])):
            match = _SET.fullmatch(rest.pop(0))
            if match is not None:
                values[match[1]] = match[2]
                yield match[1], match[2]
        yield from ((key, text) for _, key, text in arguments(rest, named=True))


def _commands(script: str) -> Iterator[list[str]]:
    words: list[str] = []
    word: list[str] = []
    for match in _PIECE.finditer(script):
        kind = match.lastgroup
        if kind in ("gap", "end", "note") and not (kind == "note" and word):
            words += ["".join(word)] if word else []
            word = []
            if kind == "end":
                yield words
                words = []
        elif kind != "join":
            word.append(match[kind] if kind else match[0])
    yield [*words, *(["".join(word)] if word else [])]


def arguments(words: Sequence[str], *, named: bool) -> Iterator[Found]:
    """What the words of one command say; the first is the program where that is `named`."""
    program = _program(words[0]) if named and words else ""
    if not words or program in _QUIET:
        return
    loose = [n for n, word in enumerate(words) if n and not word.startswith(("-", "<", ">"))]
    if program in _DIAL or program in _LOOK:
        yield from _dialed(program, words, loose)
        return
    found = list(_flags(words, 1 if named and "/dev/" not in words[0] else 0))
    if program in _CLIENTS:
        yield from _client(found, _CLIENTS[program])
    elif program.startswith(("wait-for", "wait4x", "dockerize")):
        yield from ((n, key or "peer host", t) for n, key, t in found if key or ":" in t)
    elif program in _WEB:
        yield from ((n, key if set(key) - _ALONE else "target", t) for n, key, t in found if key not in _WEB_OTHER)
    else:
        yield from (one for one in found if not (one[1] in _SUBJECTS and _certifies(found)))


def _certifies(found: Sequence[Found]) -> bool:
    """Whether a certificate is made and kept in a Secret: its hosts are the names that it is for."""
    return any(key in ("secret-name", "cert-secret-name", "secret-namespace") for _, key, _ in found)


def _dialed(program: str, words: Sequence[str], loose: Sequence[int]) -> Iterator[Found]:
    """`nc -z db 5432`, `getent hosts db`; `loose` are the words that are no flags."""
    if program in _LOOK and loose:
        yield loose[-1], "looked up", words[loose[-1]]
    elif len(loose) > 1 and words[loose[-1]].isdigit():
        yield loose[-2], "peer host", f"{words[loose[-2]]}:{words[loose[-1]]}"
    else:
        yield from ((number, "", words[number]) for number in loose)


def _flags(words: Sequence[str], first: int) -> Iterator[Found]:
    number = first
    while number < len(words):
        word = words[number]
        following = words[number + 1] if number + 1 < len(words) else "-"
        match = _DEFINED.fullmatch(word) or _FLAG.fullmatch(word)
        if match is None:
            yield _set(number, "", word)
        elif match[2] is not None:
            yield _set(number, match[1], match[2])
        elif not following.startswith("-"):
            number += 1
            yield _set(number, _SHORT.get(word, match[1]), following)
        number += 1


def _set(number: int, key: str, text: str) -> Found:
    """`--set db.host=db` says it of db.host."""
    match = _SET.fullmatch(text)
    if match is not None and key_of(key).role <= Role.PLAIN and " " not in text:
        return number, match[1], match[2]
    return number, key, text


def _client(found: Sequence[Found], scheme: str) -> Iterator[Found]:
    """A client of a server: where none of its flags tells the port, it is the server's usual one."""
    ports = [text for _, key, text in found if key == "port" and text.isdigit()]
    for number, key, text in found:
        if key in ("peer", "host"):
            yield number, "peer host", f"{scheme}://{text}:{ports[0]}" if ports else f"{scheme}://{text}"
        elif key != "port":
            yield number, key, text
