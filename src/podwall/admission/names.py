"""Which texts may be names: DNS subdomains and labels, label keys and values, port names (V5, V8, V9).

Each function returns what is wrong with a text, in the words of apimachinery's validation, without the regular
expressions that it quotes; an empty tuple says that the text is fine. Lengths are in bytes of UTF-8.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["Details", "dns_label", "dns_subdomain", "label_value", "port_name", "qualified_name"]

Details = tuple[str, ...]

_REMEMBERED = 16_384  # texts for each rule: the keys and values of a large cluster, a few MB

_LABEL = r"[a-z0-9][-a-z0-9]*+(?<!-)"  # possessive: a name of any length is read once
_is_label = re.compile(_LABEL).fullmatch
_is_subdomain = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+").fullmatch
_is_name = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]*+(?<![-_.])").fullmatch
_has_port_characters = re.compile(r"[-a-z0-9]+").fullmatch
_has_letter = re.compile(r"[a-z]").search

_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character (e.g. 'my-name')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com')"
)
_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'my.name')"
)
_KEY_RULE = f"a valid label key {_NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
_VALUE_RULE = f"a valid label must be an empty string or {_NAME_RULE.removeprefix('must ')}"


def dns_subdomain(text: str) -> Details:
    """At most 253 bytes of labels between dots; the API limits no single label. Source: V9."""
    if len(text) <= 253 and _is_subdomain(text):
        return ()
    return (*_too_long(text, 253), *(() if _is_subdomain(text) else (_SUBDOMAIN_RULE,)))


@lru_cache(_REMEMBERED)
def dns_label(text: str) -> Details:
    """At most 63 bytes of lower case letters, digits and inner hyphens. Source: V9."""
    if _is_label(text):
        return _too_long(text, 63)
    return (*_too_long(text, 63), "must not contain dots" if _is_subdomain(text) else _LABEL_RULE)


@lru_cache(_REMEMBERED)
def qualified_name(text: str) -> Details:
    """A label key: a name of at most 63 bytes, perhaps a DNS subdomain and a slash before it. Source: V8."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        return (_KEY_RULE,)
    return (*(_prefix_part(prefix) if slash else ()), *_name_part(name))


@lru_cache(_REMEMBERED)
def label_value(text: str) -> Details:
    """At most 63 bytes of the characters of a label's name, or nothing. Source: V8."""
    return (*_too_long(text, 63), *(() if not text or _is_name(text) else (_VALUE_RULE,)))


@lru_cache(_REMEMBERED)
def port_name(text: str) -> Details:
    """An IANA service name. Source: V5."""
    rules = (
        (_has_port_characters(text), "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"),
        (_has_letter(text), "must contain at least one letter (a-z)"),
        ("--" not in text, "must not contain consecutive hyphens"),
        (text.strip("-") == text, "must not begin or end with a hyphen"),
    )
    return (*_too_long(text, 15), *(detail for kept, detail in rules if not kept))


def _prefix_part(prefix: str) -> Details:
    if not prefix:
        return ("prefix part must be non-empty",)
    return tuple(f"prefix part {detail}" for detail in dns_subdomain(prefix))


def _name_part(name: str) -> Details:
    if not name:
        return ("name part must be non-empty",)
    details = (*_too_long(name, 63), *(() if _is_name(name) else (_NAME_RULE,)))
    return tuple(f"name part {detail}" for detail in details)


def _too_long(text: str, limit: int) -> Details:
    # Half of a surrogate pair cannot be in a decoded object, but costs nothing to survive.
    if len(text.encode("utf-8", "surrogatepass")) <= limit:
        return ()
    return (f"must be no more than {limit} bytes",)
