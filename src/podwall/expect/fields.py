"""Plain values read field by field: every mistake is noted with its path, and reading goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podwall.text.where import Path, near

__all__ = ["Fields", "Mistakes"]

_WORDS: dict[type, str] = {dict: "a mapping", list: "a list", str: "text", bool: "true or false"}


class Mistakes:
    """All that is wrong with one document, by path."""

    def __init__(self) -> None:
        self.found: list[tuple[Path, str]] = []

    def add(self, path: Path, message: str) -> None:
        self.found.append((path, message))


class Fields:
    """A mapping of a document with a fixed set of fields."""

    def __init__(self, value: object, path: Path, known: Iterable[str], mistakes: Mistakes) -> None:
        self.path = path
        self.mistakes = mistakes
        self._held: dict[str, object] = {}
        names = tuple(known)
        if not isinstance(value, dict):
            mistakes.add(path, _expected("a mapping", value))
            return
        for name, item in value.items():
            if name not in names:
                meant = near(name, names)
                mistakes.add((*path, name), f"unknown field{f', did you mean `{meant}`?' if meant else ''}")
            elif item is None:
                mistakes.add((*path, name), "has no value: write one, or take the field away")
            else:
                self._held[name] = item

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def wrong(self, message: str, *steps: str | int) -> None:
        """Notes a mistake at a field, or at what is in it."""
        self.mistakes.add((*self.path, *steps), message)

    def get(self, name: str) -> object:
        """Whatever the field holds, None where it is absent."""
        return self._held.get(name)

    def text(self, name: str) -> str | None:
        """A field of text that is not empty."""
        return self._text(self._held.get(name), name) if name in self._held else None

    def flag(self, name: str) -> bool:
        """A field of true or false; false where it is absent."""
        value = self._held.get(name, False)
        if not isinstance(value, bool):
            self.wrong(_expected(_WORDS[bool], value), name)
            return False
        return value

    def items(self, name: str) -> list[object]:
        """The entries of a list that is not empty; none where it is absent."""
        value = self._held.get(name, [])
        if not isinstance(value, list):
            self.wrong(_expected(_WORDS[list], value), name)
            return []
        if name in self._held and not value:
            self.wrong("the list is empty", name)
        return value

    def texts(self, name: str) -> Iterator[tuple[int, str]]:
        """The entries of a list of texts, with their numbers."""
        for number, item in enumerate(self.items(name)):
            text = self._text(item, name, number)
            if text is not None:
                yield number, text

    def labels(self, name: str) -> dict[str, str] | None:
        """A mapping of texts to texts; None where it is absent."""
        if name not in self._held:
            return None
        value = self._held[name]
        if not isinstance(value, dict):
            self.wrong(_expected(_WORDS[dict], value), name)
            return {}
        for key, item in value.items():
            if not isinstance(item, str):
                self.wrong(_expected(_WORDS[str], item), name, key)
        return {key: item for key, item in value.items() if isinstance(item, str)}

    def _text(self, value: object, *steps: str | int) -> str | None:
        if isinstance(value, str) and value:
            return value
        self.wrong("the text is empty" if value == "" else _expected(_WORDS[str], value), *steps)
        return None


def _expected(wanted: str, value: object) -> str:
    advice = "; put it in quotes" if wanted == "text" and isinstance(value, bool | int | float) else ""
    got = "null" if value is None else _WORDS.get(type(value), "a number")
    return f"expected {wanted}, got {got}{advice}"
