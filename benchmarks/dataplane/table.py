"""What the benchmark found: figures against their targets, as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

__all__ = ["Figure", "Timed", "figure_rows", "lines"]


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One figure of the README. `value` and `target` are of `unit`; a figure without a target is only told.

    A target is the most that is good. `note` says how the figure was come by; `skipped` why there is none.
    """

    name: str
    value: float | None = None
    unit: str = ""
    target: float | None = None
    note: str = ""
    skipped: str = ""

    @property
    def judged(self) -> str:
        """Empty where there is nothing to judge."""
        if self.target is None or self.value is None:
            return ""
        return "ok" if self.value <= self.target else "MISSED"


class Timed(msgspec.Struct, frozen=True):
    """Milliseconds of a change, one for each time that it was made; the compiler's are missing where it had no part."""

    name: str
    compiler: list[float]
    kernel: list[float]


def lines(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Columns side by side, the first to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([row[0].ljust(len(first)), *others]).rstrip()


def figure_rows(figures: Iterable[Figure]) -> list[tuple[str, ...]]:
    """Rows for `lines`, with their header."""
    rows: list[tuple[str, ...]] = [("figure", "measured", "target", "")]
    for figure in figures:
        measured = figure.skipped or _amount(figure.value, figure.unit)
        rows.append((figure.name, measured, _amount(figure.target, figure.unit), figure.judged))
    return rows


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.3g} {unit}".strip() if abs(value) < 1_000 else f"{value:,.0f} {unit}".strip()
