"""What the key of a setting says of its value: an address of somebody else, a name of something, the own address.

Only words are looked at, so that `CART_ADDR`, `cart.addr`, `--cart-addr` and `cartAddr` are one key.
"""

from __future__ import annotations

import enum
import re
from functools import lru_cache

from msgspec import Struct

from podwall.needs.vocabulary import vocabulary

__all__ = ["Key", "Role", "key_of"]


class Role(enum.IntEnum):
    """How much a value may say under a key, from nothing at all to a bare name that is asked about."""

    SILENT = 0
    """Nothing: it is a password, an image, a list of who may come, or where the workload itself listens."""
    NAME = 1
    """What something is called: only URLs and what is a Service's name with its port."""
    PLAIN = 2
    """Nothing is known of the key: URLs, hosts with ports, and full names of Services."""
    LOOKUP = 3
    """Is looked up, and nothing tells by whom."""
    SERVICE = 4
    """May be an address: also a bare name, where a Service has it."""
    ADDRESS = 5
    """Is an address: also a bare name that nobody has."""


class Key(Struct, frozen=True):
    """A key in words. `own` says that its value may be the workload's own address, as others are to see it."""

    words: tuple[str, ...]
    role: Role
    own: bool = False


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")

_ADDRESS = vocabulary(
    """addr address addresses addrs broker brokers dsn endpoint endpoints host hostname hostnames hosts uri uris url
    urls"""
)
_SERVICE = vocabulary(
    """backend backends bootstrap connect connection dest destination gateway join master members
    pass peer peers primary proxy registry remote seed seeds sentinel sentinels server servers service services
    target targets upstream upstreams"""
)
_NAME = vocabulary(
    """action algorithm app application arn bucket cipher class client cluster collection component consumer context
    database databases db dbname dir directory domain domains driver email encoding engine env environment exchange
    file folder format from group groups id index kind label labels language level locale mail mode module name
    names namespace namespaces owner path pattern plugin plugins prefix producer profile profiles project protocol
    provider queue queues realm regex region role scheme source stage strategy subject suffix table team
    tenant theme timezone title topic topics type types user username vhost zone"""
)
_SILENT = vocabulary(
    """allowlist annotation annotations audience audiences blocklist ca cert certificate cookie cookies description
    docs documentation help homepage href icon image images key license link links logo message noproxy note notes
    origin origins passphrase passwd password passwords pwd referer san sans schema secret secrets signature summary tag
    tags token tokens version whitelist xmlns"""
)
_ROLES = ((_SILENT, Role.SILENT), (_NAME, Role.NAME), (_ADDRESS, Role.ADDRESS), (_SERVICE, Role.SERVICE))
_SILENT_PAIRS = frozenset((("no", "proxy"), ("user", "agent")))
_WHOLE: dict[tuple[str, ...], Role] = {
    ("looked", "up"): Role.LOOKUP,
    ("addr",): Role.SERVICE,
    ("address",): Role.SERVICE,
    ("host",): Role.SERVICE,
    ("hostname",): Role.SERVICE,
}
# Anywhere in a key: who may come, where it listens itself, and what is never called.
_SILENT_ANYWHERE = vocabulary(
    """allow allowed annotations bind callback cookie cors denied deny disallowed image images labels links listen
    listener listeners noproxy redirect runbook trusted whitelist xmlns"""
)
_OWN = frozenset(("advertise", "advertised", "advertising", "canonical", "self"))
_OWN_SERVER = frozenset(("admin", "debug", "grpc", "health", "http", "https", "kc", "metrics", "pod", "server"))
_BROWSER = (("next", "public"), ("react", "app"), ("vite",))  # what a build hands to browsers
# Behind the word that counts: DB_HOST_RO, KAFKA_BROKERS_LIST, DATABASE_CONNECTION_STRING.
_TRAILING = vocabulary("default internal list read reader ro rw string write writer")
_ENDINGS = ("host", "addr", "url", "uri", "hostname", "endpoint", "dsn")
_NO_ENDINGS = frozenset(("curl", "ghost"))


@lru_cache(maxsize=1 << 14)
def key_of(text: str) -> Key:
    """What a key says; of no key at all, nothing is known."""
    words = tuple(word.lower() for word in _WORD.findall(text[:512]))
    core = words
    while len(core) > 1 and (core[-1].isdigit() or core[-1] in _TRAILING):
        core = core[:-1]
    return Key(words, _role(core), _is_own(core))


def _role(words: tuple[str, ...]) -> Role:
    if not _SILENT_ANYWHERE.isdisjoint(words) or words[-2:] in _SILENT_PAIRS:
        return Role.SILENT
    last = _ending(words[-1]) if words else ""
    if words in _WHOLE:
        return _WHOLE[words]
    if last in _SERVICE and words[0] == "dd":  # Datadog's DD_SERVICE is what it calls the workload
        return Role.NAME
    return next((role for known, role in _ROLES if last in known), Role.PLAIN)


def _ending(word: str) -> str:
    """PGHOST is a host."""
    if word in _NO_ENDINGS:
        return word
    return next((ending for ending in _ENDINGS if word.endswith(ending)), word)


def _is_own(words: tuple[str, ...]) -> bool:
    if not _OWN.isdisjoint(words) or any(words[: len(start)] == start for start in _BROWSER):
        return True
    before = words[-2] if len(words) > 1 else ""
    if words[-2:] == ("hostname", "url") or words == ("app", "url"):
        return True
    if before in ("public", "external", "root", "site") and words[-1] in ("url", "uri", "host", "hostname", "address"):
        return True
    return words[-1:] in (("hostname",), ("host",), ("addr",), ("address",)) and (
        len(words) == 1 or (len(words) == 2 and before in _OWN_SERVER)
    )
