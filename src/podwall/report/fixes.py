"""Fixes for a terminal of 80 columns: what was done where, what that opens and closes, and what is left to people."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.report.public_explanation import Effects
from podwall.report.public_fixes import Fix, Fixes, Refusal
from podwall.report.wording import counted, cut, listed, policy_name, ports_text, where, wrapped

__all__ = ["fixes_text"]

_MOST_EFFECTS = 6


def fixes_text(result: Fixes, *, written: bool) -> Iterator[str]:
    """Every fix, and every one that is not made; `written` says whether the files hold them."""
    for fix in result.fixed:
        yield from (f"{line}\n" for line in _fix(fix, "FIXED" if written else "WOULD FIX"))
    for refusal in result.refused:
        yield from (f"{line}\n" for line in _refusal(refusal))
    yield from (f"{line}\n" for line in _summary(result, written=written))


def _fix(fix: Fix, word: str) -> Iterator[str]:
    yield from _head(fix, word)
    yield from _effects(fix.opens, fix.closes)


def _refusal(refusal: Refusal) -> Iterator[str]:
    yield from _head(refusal, "NOT FIXED")
    if refusal.opens is not None and refusal.closes is not None:
        yield from _effects(refusal.opens, refusal.closes)
    yield from wrapped(f"  {refusal.reason}", "    ")


def _head(fix: Fix | Refusal, word: str) -> Iterator[str]:
    ref = fix.object
    name = policy_name(ref) if ref.kind == "NetworkPolicy" or not ref.namespace else f"{ref.kind} {policy_name(ref)}"
    yield ""
    yield cut(f"{word} {fix.id}  {name}")
    yield from wrapped(f"  {where(ref, ref.line)} {fix.path}".rstrip(), "    ")
    yield from wrapped(f"  {fix.title}", "    ")


def _effects(opens: Effects, closes: Effects) -> Iterator[str]:
    if not opens.connections and not closes.connections:
        yield "  changes no connection"
    for word, effects in (("opens", opens), ("closes", closes)):
        for pair in effects.connections[:_MOST_EFFECTS]:
            yield from wrapped(f"  {word + ':':<8}{pair.src} -> {pair.dst}  {ports_text(pair.ports, {})}", " " * 12)
        more = len(effects.connections) - _MOST_EFFECTS + effects.more
        if more > 0:
            yield f"  {'':<8}and {more:,} more"


def _summary(result: Fixes, *, written: bool) -> Iterator[str]:
    unsafe = sum(refusal.unsafe for refusal in result.refused)
    if result.fixed:
        done = "fixed" if written else "would be fixed"
        yield ""
        yield from wrapped(f"{counted(len(result.fixed), 'finding')} {done} in {listed(result.files)}", "  ")
    else:
        yield "\nnothing to fix"
    if unsafe:
        yield f"{counted(unsafe, 'fix', 'es')} not safe: --unsafe-fixes, after a look at what closes and opens"
