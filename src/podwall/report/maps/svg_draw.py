"""Parts of SVG pictures: dark on white, legible without colors, with nothing that has to be fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape

__all__ = ["ALL", "BAND", "INK", "LINE", "QUIET", "SOME", "document", "rect", "short", "text", "width_of"]

INK = "#1b2733"
QUIET = "#5b6b7a"
LINE = "#b8c4d0"
BAND = "#f2f5f8"
ALL = "#d55e00"  # vermilion and blue of Okabe and Ito, which people of any color vision tell apart
SOME = "#0072b2"
_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"
_LETTER = 0.58  # width of a letter, in font sizes


def document(size: tuple[float, float], title: str, described: str, parts: Iterable[str]) -> Iterator[str]:
    """A picture of its own, with what a screen reader says of it."""
    width, height = (round(side) for side in size)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    yield f' role="img" aria-labelledby="title desc" font-family="{_FONT}" fill="{INK}">\n'
    yield f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(described)}</desc>\n'
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
    yield from parts
    yield "</svg>\n"


def text(  # noqa: PLR0913 - what a text has
    at: tuple[float, float],
    said: str,
    *,
    size: int = 11,
    anchor: str = "start",
    bold: bool = False,
    fill: str = INK,
    turned: int = 0,
) -> str:
    """One line of text; `turned` in degrees around its beginning."""
    x, y = at
    weight = ' font-weight="600"' if bold else ""
    turn = f' transform="rotate({turned} {x:g} {y:g})"' if turned else ""
    color = "" if fill == INK else f' fill="{fill}"'
    where = f'x="{x:g}" y="{y:g}" font-size="{size}"'
    return f'<text {where} text-anchor="{anchor}"{weight}{color}{turn}>{escape(said)}</text>\n'


def rect(
    at: tuple[float, float], size: tuple[float, float], look: str, data: Mapping[str, str] | None = None, said: str = ""
) -> str:
    """A rectangle with `data-` attributes and what is said where the pointer rests on it."""
    x, y = at
    width, height = size
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in (data or {}).items())
    head = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" {look}{attributes}'
    return f"{head}><title>{escape(said)}</title></rect>\n" if said else f"{head}/>\n"


def width_of(said: str, size: int = 11) -> float:
    """About how wide a text is; fonts differ."""
    return len(said) * size * _LETTER


def short(said: str, most: int) -> str:
    """A text of at most so many letters, cut in its middle: names differ at both ends."""
    if len(said) <= most:
        return said
    half = (most - 1) // 2
    return f"{said[: most - 1 - half]}…{said[-half:]}"
