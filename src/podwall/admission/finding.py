"""A mistake of one object, where it stands in that object, and the API server's words for each sort of mistake.

The functions of this package return findings whose paths start where the function's argument does; whoever calls them
puts the way to that argument before them with `within`. So no path is built for an object without mistakes.
The words are those of apimachinery's field errors; what follows a semicolon is Podwall's own advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from podwall.text.where import Path

__all__ = [
    "Finding",
    "Findings",
    "advised",
    "duplicate",
    "forbidden",
    "invalid",
    "one_of",
    "required",
    "too_long",
    "unsupported",
    "within",
]


class Finding(Struct, frozen=True):
    """One mistake: the field in the API's own names, what the API server says and what to do.

    With `warning` the API server takes the object, or took it until some version. `meant` is the value that was
    probably meant.
    """

    path: Path
    message: str
    warning: bool = False
    meant: str | int | None = None


Findings = Sequence[Finding]

_SHOWN = 300  # characters of a value: more than a name or a label may have


def within(findings: Findings, *steps: str | int) -> Findings:
    """The same findings, seen from `steps` further up."""
    if not findings:
        return findings
    return [Finding((*steps, *f.path), f.message, f.warning, f.meant) for f in findings]


def invalid(value: str | int | Iterable[str], detail: str, advice: str = "") -> str:
    """A value that no object may have."""
    return _words(f"Invalid value: {_shown(value)}", detail, advice)


def duplicate(value: str, advice: str = "") -> str:
    """A value that a set already holds."""
    return _words(f"Duplicate value: {_shown(value)}", "", advice)


def unsupported(value: str, supported: Sequence[str]) -> str:
    """A word that is not in a closed list; the right spelling is the advice where there is one."""
    names = ", ".join(_shown(name) for name in supported)
    return _words(f"Unsupported value: {_shown(value)}", f"supported values: {names}", _respelled(value, supported))


def required(detail: str = "", advice: str = "") -> str:
    """A field that is missing or empty."""
    return _words("Required value", detail, advice)


def forbidden(detail: str, advice: str = "") -> str:
    """A field that the rest of the object does not allow."""
    return _words("Forbidden", detail, advice)


def too_long(limit: int) -> str:
    """A value, not shown, of more than `limit` bytes."""
    return _words("Too long", f"must have at most {limit} bytes")


def one_of(value: str, allowed: Sequence[str]) -> str:
    """Advice on a word of a closed list: the right spelling, or all of them."""
    return _respelled(value, allowed) or f"write {', '.join(allowed[:-1])} or {allowed[-1]}"


def _respelled(value: str, allowed: Sequence[str]) -> str:
    wanted = value.strip().lower()
    return next((f"write {name}" for name in allowed if name.lower() == wanted), "")


def advised(message: str) -> tuple[str, str]:
    """A message in its two parts: what the API server says, and Podwall's advice, "" where it has none."""
    said, _, advice = message.rpartition("; ")
    whole = not said or advice.count("(") != advice.count(")")  # a semicolon of the API server's own
    return (message, "") if whole else (said, advice)


def _words(head: str, detail: str = "", advice: str = "") -> str:
    message = f"{head}: {detail}" if detail else head
    return f"{message}; {advice}" if advice else message


def _shown(value: str | int | Iterable[str]) -> str:
    if isinstance(value, int):
        # Python refuses to write numbers of thousands of digits in decimal.
        return str(value) if value.bit_length() <= 64 else _shortened(hex(value))
    if isinstance(value, str):
        return f'"{"".join(_escaped(c) for c in _shortened(value))}"'
    return _shortened(f"[{', '.join(_shown(item) for item in value)}]")


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _escaped(character: str) -> str:
    # A message may end up in a terminal: nothing that controls one, or turns text around, goes out as it is.
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
