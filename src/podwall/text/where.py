"""Places in an object: the path of a field, how the API server writes it, and the field somebody probably meant.

Lines belong to `yaml.locate` and `json.locate`, which turn a path into one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys (str) and list positions (int, from 0), from the object's root inwards."""

# A key that can stand after a dot without being taken for something else.
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_STEP = re.compile(r"\.?([A-Za-z_$][A-Za-z0-9_$-]*)|\[([0-9]+)\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\[([^\[\]\"]+)\]")
_LIKENESS = 0.6


def field(path: Path) -> str:
    """The path as the API server writes it: `spec.ingress[0].endPort`, `metadata.labels[app.kubernetes.io/name]`.

    Keys that would be ambiguous in brackets (digits only, brackets or quotes inside, empty) stand in double quotes.
    """
    return "".join(map(_step, path)).removeprefix(".")


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN.fullmatch(step):
        return f".{step}"
    if not step or step.isdigit() or any(c in step for c in '[]"'):
        quoted = step.replace("\\", "\\\\").replace('"', '\\"')
        return f'["{quoted}"]'
    return f"[{step}]"


def parse_field(text: str) -> Path:
    """The inverse of `field`. Raises ValueError, saying where, for text that is no field path."""
    path: list[str | int] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        # Only the first step goes without its dot, and only the first may.
        if match is None or (match[1] is not None and (text[at] == ".") != (at > 0)):
            raise ValueError(f"`{text}` is no field path: expected `.name`, `[0]` or `[key]` at character {at + 1}")
        path.append(_meaning(match))
        at = match.end()
    return tuple(path)


def _meaning(match: re.Match[str]) -> str | int:
    name, index, quoted, key = match.groups()
    if index is not None:
        return int(index)
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
    return name if name is not None else key


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is probably a slip of, or None. The order of `known` does not matter.

    A name that differs in letter case only comes first; then the most alike one, letters in another order included.
    """
    folded = name.casefold()
    best, chosen = _LIKENESS, None
    for candidate in sorted(set(known) - {name}):
        likeness = _likeness(folded, candidate.casefold())
        if likeness > best:
            best, chosen = likeness, candidate
    return chosen


def _likeness(a: str, b: str) -> float:
    if a == b:
        return 2.0
    # Swapped letters (`form`, `cird`) leave the same letters behind, which a common subsequence alone rates too low.
    swapped = 0.9 if sorted(a) == sorted(b) else 0.0
    return max(swapped, (SequenceMatcher(None, a, b).ratio() + SequenceMatcher(None, b, a).ratio()) / 2)
