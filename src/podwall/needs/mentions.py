"""What a text says of hosts: URLs of any scheme, connection strings, hosts with ports, and bare names under a key.

Pure: who a host is, and whether there is one of that name, is told by `hosts`. Every pattern takes time in proportion
to the text; nothing of a user, password, path or query is kept.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator

from msgspec import Struct, structs

from podwall.needs.keys import Key, Role
from podwall.needs.schemes import PORTS, is_local, resolves, scheme_of
from podwall.needs.vocabulary import vocabulary

__all__ = ["Form", "Mention", "is_file", "is_host", "mentions"]


class Form(enum.IntEnum):
    """How a host is written."""

    LOOKUP = 0
    """Its name is looked up, no more."""
    NAME = 1
    """Bare."""
    PAIR = 2
    """With a port."""
    URL = 3
    """In a URL or a connection string."""


class Mention(Struct, frozen=True):
    """A host in lower case, without the dot at its end, and its port, or that of its scheme; None where none is told.

    `sole` says that there is nothing beside it in the text but more of them, so that it is no word of a sentence.
    `by_scheme` says that the port is not written.
    """

    host: str
    port: int | None
    form: Form
    scheme: str = ""
    sole: bool = False
    by_scheme: bool = False

    @property
    def written(self) -> str:
        """The mention for people, without what else there is in the text."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None or self.port == PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{host}{port}" if self.scheme else f"{host}{port}"


_LABEL = re.compile(r"_?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_END = r"(?![\w:@%$\-]|\.\w)"
_URL = re.compile(
    r"(?<![a-z0-9+.\-])([a-z][a-z0-9+.\-]{0,31})://"
    r"([^\s/?#\"'`<>,;|\\]{0,512}(?:,(?:\d{1,4}@)?(?:[\w.\-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?(?=[,/?#\s\"';]|$))*)",
    re.IGNORECASE,
)
_WHOLE_URL = re.compile(_URL.pattern + r"[^\s\"'`<>,;|]*", re.IGNORECASE)
_TARGET = re.compile(r"/([^\s,;\"'/]{1,253})")
_PAIR = re.compile(
    r"(?<![\w.\-:/$%}@])([a-z0-9_][\w.\-]{0,252}|\[[0-9a-f:.]{2,45}\]):(\d{1,5})(?::(\d{1,5}))?+" + _END, re.IGNORECASE
)
# Behind a user or the number of a voter, as in `user:pw@db:3306` and `0@kafka-0.kafka:9093`.
_BEHIND = re.compile(
    r"(?<![\w.\-/])(?:[\w.\-]{1,64}:[^\s@/,;]{0,128}|\d{1,4})@([a-z0-9][\w.\-]{0,252}):(\d{1,5})" + _END, re.IGNORECASE
)
_FULL = re.compile(
    r"(?<![\w.\-/@$}:])((?:[a-z0-9_\-]{1,63}\.){2,4}svc(?:\.[a-z0-9\-]{1,63}+){0,6}+)\.?+(?![\w\-:@])", re.IGNORECASE
)
_SRV = re.compile(
    r"(?<![\w.\-/@$}])(_[a-z0-9\-]{1,62}\._(?:tcp|udp)\.[a-z0-9][a-z0-9.\-]{0,200})\.?(?![\w\-:@])", re.IGNORECASE
)
_TCP = re.compile(r"\btcp6?\(([a-z0-9][\w.\-]{0,252})(?::(\d{1,5}))?\)", re.IGNORECASE)
_ORACLE = re.compile(r"jdbc:oracle:\w{1,8}:[^@\s]{0,128}@(?://)?([a-z0-9][\w.\-]{0,252})(?::(\d{1,5}))?", re.IGNORECASE)
_FIELD = re.compile(
    r"(?:^|[\s;(])(?:host|hostaddr|server|data source|addr|address|network address)\s{0,2}=\s{0,2}(?:tcp:)?"
    r"([a-z0-9][\w.\-]{0,252})(?:[,:](\d{1,5}))?(?=[\s;)\\]|$)",
    re.IGNORECASE,
)
_FIELD_PORT = re.compile(r"(?:^|[\s;(])port\s{0,2}=\s{0,2}(\d{1,5})(?=[\s;)]|$)", re.IGNORECASE)
_SPACED = re.compile(r"(?:^|\s)([a-z][\w.\-]{0,252}) (\d{2,5})(?: \d)?$", re.IGNORECASE)
_DEVICE = re.compile(r"/dev/(?:tcp|udp)/([\w.\-]{1,253})/(\d{1,5})(?!\w)")
_SCP = re.compile(r"(?<![\w.\-/:])git@([a-z0-9][\w.\-]{0,252}):(?=[a-z~/])", re.IGNORECASE)
_SPACE = re.compile(r"\s")
_BETWEEN = re.compile(r"[\s,;|]+")
_BARE = re.compile(r"(?:dns\+|dns:)?(?://)?([a-z0-9_][\w.\-]{0,252})(/[^\s]*)?", re.IGNORECASE)
_PREFIX = re.compile(r"\b(?:dns(?:srv|srvnoa)?\+|dns:|ipv[46]:)(?=[\w\[])", re.IGNORECASE)
_FILE = vocabulary(
    """bak cer cfg class conf config cnf crt css csv db dll env gif go gz html ico ini jar java jks jpg js json jsonl
    key keytab lock log lua md p12 pem php pid png properties py rb sh sock sql sqlite sqlite3 svg tar tgz tmpl toml
    ts tsv txt war wasm xml xsd yaml yml zip"""
)
_WORDS = vocabulary(
    """all any auto cluster default disabled enabled false file internal local memory none null off on self system true
    unknown yes"""
)


def is_host(text: str) -> bool:
    """Whether a text can be a host's name: labels, with a letter in the last one."""
    labels = text.lower().removesuffix(".").split(".")
    last = labels[-1]
    if len(text) > 253 or not all(map(_LABEL.fullmatch, labels)) or not any(map(str.isalpha, last)):
        return False
    if len(labels) > 1:
        return not _is_class(text)
    return not last[0].isdigit()


def is_file(host: str) -> bool:
    """Whether a name of several labels may as well be a file's."""
    return "." in host and host.rpartition(".")[2] in _FILE


def _is_class(text: str) -> bool:
    """Whether it is rather a class: `com.example.Foo`."""
    first, _, last = text.rpartition(".")
    return last != last.lower() and first != first.upper()


def mentions(text: str, key: Key) -> Iterator[Mention]:
    """Every host that a text mentions under a key, each with one port once, in order of form and place."""
    if key.role is Role.SILENT or not text:
        return
    seen: set[tuple[str, int | None]] = set()
    found = [*_written(_PREFIX.sub("", text) if "dns" in text or "ipv" in text else text, key)]
    ported = {m.host for m in found if m.port is not None}
    sole = bool(found) and _is_sole(text)
    for mention in found:
        place = mention.host, mention.port
        if place not in seen and (mention.port is not None or mention.host not in ported):
            seen.add(place)
            yield structs.replace(mention, sole=True) if sole else mention


def _is_sole(text: str) -> bool:
    plain = text.strip()
    return _SPACE.search(plain) is None or all(":" in item for item in _BETWEEN.split(plain))


def _written(text: str, key: Key) -> Iterator[Mention]:
    rest = text
    if "://" in text:
        yield from _urls(text)
        rest = _WHOLE_URL.sub(" ", text)
    if "@" in rest or "=" in rest or "(" in rest or "/dev/" in rest:
        yield from _strings(rest)
    if ":" in rest:
        yield from _pairs(rest)
    spaced = _SPACED.search(rest) if rest[-1:].isdigit() else None
    if spaced is not None:  # replicaof redis 6379
        yield from _pair(spaced[1], spaced[2], Form.PAIR)
    if ".svc" in rest.lower() or "._" in rest:
        form = Form.LOOKUP if key.role is Role.LOOKUP else Form.NAME
        yield from (Mention(_plain(m[1]), None, form) for p in (_SRV, _FULL) for m in p.finditer(rest))
    if key.role >= Role.LOOKUP and "://" not in text:
        yield from _bare(rest, key, Form.LOOKUP if key.role is Role.LOOKUP else Form.NAME)


def _urls(text: str) -> Iterator[Mention]:
    for match in _URL.finditer(text):
        scheme, authority = scheme_of(match[1]), match[2]
        if resolves(scheme):  # dns:///cart:7070, dns://10.96.0.10/cart:7070
            target = _TARGET.match(text, match.end())
            authority, scheme = target[1] if target else authority, ""
        if is_local(scheme):
            continue
        for one in authority.rpartition("@")[2].split(","):
            host, port = _parted(one.rpartition("@")[2])
            if host:
                yield Mention(host, port or PORTS.get(scheme), Form.URL, scheme, by_scheme=not port)


def _parted(text: str) -> tuple[str, int | None]:
    """A host and its port, the host empty where it is none."""
    match = re.match(r"(\[[0-9a-fA-F:.]{2,45}\]|[\w.\-]{1,253})(?::(\d{1,5}))?[)\]}\\]{0,3}$", text)
    if match is None:
        return "", None
    host, port = match[1], int(match[2] or 0)
    good = port <= 65535 and (host.startswith("[") or is_host(host) or _is_ipv4(host))
    return (_plain(host), port or None) if good else ("", None)


def _strings(text: str) -> Iterator[Mention]:
    """Connection strings that are no URLs."""
    for pattern, scheme in ((_TCP, "mysql"), (_ORACLE, "oracle"), (_DEVICE, ""), (_SCP, "ssh")):
        for match in pattern.finditer(text):
            yield from _pair(match[1], match[2] if pattern.groups > 1 else None, Form.URL, scheme)
    for match in _BEHIND.finditer(text):
        yield from _pair(match[1], match[2], Form.PAIR)
    ports = _FIELD_PORT.findall(text) if "=" in text else []
    for match in _FIELD.finditer(text) if "=" in text else ():
        port = match[2] or (ports[0] if len(ports) == 1 else None)
        yield from _pair(match[1], port, Form.URL, "" if port else _served(text))


def _served(text: str) -> str:
    """The scheme of the server that a connection string of fields is for, where one of them tells."""
    fields = {field.partition("=")[0].strip().lower() for field in re.split(r"[;\s]", text[:4096])}
    if fields & {"dbname", "sslmode", "username"}:
        return "postgres"
    return "sqlserver" if "catalog" in fields or "trustservercertificate" in fields else ""


def _pair(host: str, port: str | None, form: Form, scheme: str = "") -> Iterator[Mention]:
    name, number = _parted(f"{host}:{port}" if port else host)
    if name:
        yield Mention(name, number or PORTS.get(scheme), form, scheme, sole=form is Form.URL)


def _pairs(text: str) -> Iterator[Mention]:
    for match in _PAIR.finditer(text):
        for number in filter(None, match.groups()[1:]):  # ZooKeeper's servers have two: zk-0.zk:2888:3888
            host, port = _parted(f"{match[1]}:{number}")
            if host and port:
                yield Mention(host, port, Form.PAIR)


def _bare(text: str, key: Key, form: Form) -> Iterator[Mention]:
    """Names, where there is nothing but names."""
    items = [item for item in _BETWEEN.split(text.strip()[:4096]) if item]
    if len(items) > 1 and "," not in text and ";" not in text and len(items) > 4:
        return  # a sentence
    matched = [(item, _BARE.fullmatch(item)) for item in items]
    for item, match in matched:
        if match is not None and "@" not in item and match[1].lower() not in _WORDS:
            host, _ = _parted(match[1])
            if host and not (match[2] and (_is_ipv4(host) or key.words[-1:] == ("service",))):  # a CIDR, or ns/name
                yield Mention(host, None, form)


def _is_ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(p.isdigit() and len(p) < 4 and int(p) < 256 for p in parts)


def _plain(host: str) -> str:
    return host.strip("[]").lower().removesuffix(".")
