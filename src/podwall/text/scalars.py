"""What a scalar of YAML means to kubectl: sigs.k8s.io/yaml, that is YAML 1.1 as goyaml.v2 has it, then JSON.

Text in, value out; where a scalar stands and how documents are built from them belongs to `yaml`. Every rule here was
asked of kubectl, and `tests/text/scalars.json` keeps its answers.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"
MERGE_TAG = _TAG + "merge"
_KINDS: dict[type, str] = {str: "str", bool: "bool", int: "int", float: "float", type(None): "null"}
_RESOLVED = frozenset(_TAG + kind for kind in ("str", "bool", "int", "float", "null", "timestamp"))

# First characters that can begin something other than a string.
_HINTS = frozenset("+-0123456789.yYnNtTfFoO~")
_WORDS = frozenset("yYnNtTfFoO~")


def _named() -> dict[str, Scalar]:
    table: dict[str, Scalar] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
    for words, truth in (("y yes true on", True), ("n no false off", False)):
        for word in words.split():
            table |= dict.fromkeys((word, word.capitalize(), word.upper()), truth)
    for sign, value in (("", math.inf), ("+", math.inf), ("-", -math.inf)):
        table |= dict.fromkeys((f"{sign}.inf", f"{sign}.Inf", f"{sign}.INF"), value)
    return table | dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan)


_NAMED = _named()
_INT64 = range(-(1 << 63), 1 << 63)
_UINT64 = range(1 << 64)
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))", re.ASCII
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_STRAY = re.compile(r"(?<![0-9])_|_(?![0-9])", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-(0?[1-9]|1[0-2])-(0?[1-9]|[12][0-9]|3[01])"
    r"([Tt]([01]?[0-9]|2[0-3])(:[0-5]?[0-9]){2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})"
    r"| ([01]?[0-9]|2[0-3])(:[0-5]?[0-9]){2}(\.[0-9]+)?)?",
    re.ASCII,
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def plain(text: str) -> Scalar:
    """The value of an unquoted scalar. A float is returned as it is: `number` and `key` make JSON of it."""
    if text and text[0] not in _HINTS:
        return text
    if text in _NAMED:
        return _NAMED[text]
    if text[0] in _WORDS:
        return text
    # goyaml takes all underscores out; but behind a leading dot Go's own rule holds, which wants digits around them.
    if text[0] == "." and _STRAY.search(text):
        return text
    digits = text.replace("_", "")
    value = _integer(digits)
    value = _float(digits) if value is None else value
    return text if value is None else value


def _integer(text: str) -> int | float | None:
    match = _INTEGER.fullmatch(text)
    # int() refuses thousands of digits; here anything beyond 64 bits is a float or text anyway.
    if match is None or len(text) > 100:
        return None
    base = _BASES[str(match.lastgroup)]
    value = int(match[1] + match[match.lastgroup or 0], base)
    if value in _INT64:
        return value
    # An unsigned 64-bit number goes through JSON and comes out as a float.
    return float(value) if not match[1] and value in _UINT64 else None


def _float(text: str) -> float | None:
    value = float(text) if _FLOAT.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit tag (long form). Raises ValueError where kubectl cannot read it so.

    Tags that are not of YAML's own set mean nothing to kubectl: the value is the text.
    """
    if tag == _TAG + "binary":
        return _binary(text)
    if tag == _TAG + "str" or tag not in _RESOLVED:
        return text
    kind = tag.removeprefix(_TAG)
    value = plain(text)
    if kind == "timestamp" and _TIME.fullmatch(text):
        return text
    found = _KINDS[type(value)]
    if kind == "float" and found == "int":
        return float(value or 0)
    if found != kind:
        raise ValueError(f"`{text[:40]}` is no !!{kind}; take the tag away or write a value that fits it")
    return value


def _binary(text: str) -> str:
    try:
        data = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("!!binary needs base64; take the tag away or encode the value") from None
    # JSON replaces each byte that is no UTF-8 on its own.
    return _SURROGATE.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


def number(value: float) -> int | float:
    """The number that JSON makes of a float: whole ones become integers. Raises ValueError for infinity and NaN."""
    if not math.isfinite(value):
        raise ValueError("infinity and not-a-number have no JSON form; write a number or quote it")
    if not value.is_integer():
        return value
    whole = _whole(value)
    return whole if whole in _INT64 else value


def _whole(value: float) -> int:
    """The integer that the shortest digits of the float spell: beyond 2**53 not its exact value."""
    digits, _, exponent = repr(value).partition("e")
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    return int(whole + fraction + "0" * (int(exponent or 0) - len(fraction)))


def key(value: Scalar) -> str:
    """The mapping key that a scalar becomes. Raises ValueError for null."""
    if value is None:
        raise ValueError("null cannot be a key; quote it, or write the key that is missing")
    if isinstance(value, bool):
        return "true" if value else "false"
    return _shortest(value) if isinstance(value, float) else str(value)


def _shortest(value: float) -> str:
    """The fewest digits that give the same 32-bit float: kubectl formats keys as Go's `g` does with 32 bits."""
    if math.isnan(value):
        return ".nan"
    try:
        single: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    texts = (f"{single:.{digits}e}" for digits in range(9))
    shortest = next(text for text in texts if struct.pack("f", float(text)) == struct.pack("f", single))
    exponent = int(shortest.partition("e")[2])
    return repr(float(shortest)).removesuffix(".0") if -5 < exponent < 6 else shortest
