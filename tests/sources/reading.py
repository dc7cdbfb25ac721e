"""Texts through the reader of the product, with what it says in the form that tests compare."""

from __future__ import annotations

from collections.abc import Iterable

from podwall.cluster.mistake import Mistake
from podwall.cluster.objects import kind_of, name_of
from podwall.sources.assemble import Assembled, assemble
from podwall.sources.decode import Decoder
from podwall.sources.files import Text
from podwall.sources.positions import Positions
from podwall.text.where import field

Said = tuple[str, str, str]  # file:line, field path, message


class Reading:
    """What some texts hold, and everything that is said of it."""

    def __init__(self, *texts: Text, namespace: str = "default") -> None:
        self.decoder = Decoder()
        for text in texts:
            self.decoder.read(text)
        self.positions = Positions(texts)
        self.assembled: Assembled = assemble(self.decoder.objects, namespace)

    def objects(self) -> list[str]:
        """Kind and name of each object, in the order of the texts."""
        return [f"{kind_of(o.object)} {name_of(o.object.metadata)}" for o in self.decoder.objects]

    def mistakes(self) -> list[Said]:
        """All mistakes, by place."""
        said = self._said((*self.decoder.mistakes, *self.assembled.mistakes))
        unreadable = [(p.where, p.path, p.message) for p in self.decoder.problems]
        return sorted([*said, *unreadable], key=_place)

    def warnings(self) -> list[Said]:
        """All warnings, by place."""
        return sorted(self._said((*self.decoder.warnings, *self.assembled.warnings)), key=_place)

    def _said(self, mistakes: Iterable[Mistake]) -> list[Said]:
        return [(self.positions.where(m.origin, m.path), field(m.path), m.message) for m in mistakes]


def _place(said: Said) -> tuple[str, int, str, str]:
    file, _, line = said[0].rpartition(":")
    return file, int(line), said[1], said[2]


def read(data: str | bytes, name: str = "f.yaml") -> Reading:
    """One text."""
    return Reading(Text(name, data.encode() if isinstance(data, str) else data))
