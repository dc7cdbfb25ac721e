"""The counts of `map --summary` as text."""

from __future__ import annotations

from podwall.report.public import Summary

__all__ = ["summary_text"]


def summary_text(summary: Summary) -> str:
    """The counts, one a line."""
    share = f" ({summary.openPairs / summary.pairs:.1%})" if summary.pairs else ""
    rows = (
        ("endpoints", f"{summary.endpoints:,}"),
        ("policies", f"{summary.policies:,}"),
        ("classes", f"{summary.classes:,}"),
        ("pairs", f"{summary.pairs:,}"),
        ("open pairs", f"{summary.openPairs:,}"),
    )
    return "".join(f"{name:<12}{value:>16}\n" for name, value in rows).rstrip("\n") + f"{share}\n"
