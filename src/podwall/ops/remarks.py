"""What must be said about an input beside the answer, in sentences: mistakes with their lines, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podwall.cluster.mistake import Mistake
from podwall.errors import Problem
from podwall.sources.assemble import Assembled
from podwall.sources.positions import Positions
from podwall.sources.snapshot import Said, Snapshot
from podwall.text.where import field

__all__ = ["described", "foreign", "nobody", "problems", "replaced", "unanalyzed", "undeclared", "unread", "unresolved"]

_LISTED = 8  # names in a warning


def problems(positions: Positions, mistakes: Sequence[Mistake]) -> list[Problem]:
    """Mistakes with their lines, looked up together."""
    positions.prepare((mistake.origin, mistake.path) for mistake in mistakes)
    return [_problem(positions, mistake) for mistake in mistakes]


def _problem(positions: Positions, mistake: Mistake) -> Problem:
    message = mistake.message
    if mistake.other is not None:
        message += f" (the other: {positions.where(mistake.other)})"
    return Problem(positions.where(mistake.origin, mistake.path), field(mistake.path), message)


def unanalyzed(said: Said) -> list[str]:
    """Policies of kinds that are not read."""
    return [
        f"{left.count} {left.kind} ({left.group}) not analyzed: "
        f"the answer may be wrong without {'it' if left.count == 1 else 'them'}"
        for left in said.unanalyzed
    ]


def unread(positions: Positions, found: Sequence[Mistake]) -> list[str]:
    """Fields of policies that an API server holds and Podwall does not know."""
    if not found:
        return []
    first = min((_problem(positions, mistake) for mistake in found), key=Problem.order)
    counted = f"{len(found)} fields of policies, the first of them at" if len(found) > 1 else "a field of a policy at"
    return [f"Podwall does not know {counted} {first.where}: {first.path}; the answer may be wrong without"]


def unresolved(names: Sequence[str]) -> list[str]:
    """Domain names of which no address is known."""
    if not names:
        return []
    return [f"no address is known of {_listed(names)}: judged by name alone; give addresses with --resolutions"]


def undeclared(names: Sequence[str]) -> list[str]:
    """Namespaces without an object (D11)."""
    if not names:
        return []
    return [f"no Namespace object in the input for {_listed(names)}: taken to have no label but its name"]


def foreign(names: Sequence[str]) -> list[str]:
    """Files of a folder that hold nothing: worth a word, but no answer is wrong without them."""
    return [f"passed over, no Kubernetes objects: {_listed(names)}"] if names else []


def nobody(only: str | None, namespaces: Iterable[str]) -> list[str]:
    """A namespace that the answer is about, and that the input has nothing in."""
    if only is None or only in namespaces:
        return []
    return [f"-n {only}: the input has nothing in this namespace; it has {_listed(sorted(namespaces)) or 'none'}"]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def described(snapshot: Snapshot) -> str:
    """A snapshot in a few words."""
    header = snapshot.header
    parts = [f"{len(snapshot.objects):,} objects of {len(snapshot.sources):,} texts"]
    if header.taken is not None:
        parts.append(f"taken {header.taken}")
    if header.labels is not None:
        parts.append("without labels that no selector asked for")
    return ", ".join(parts)


def replaced(assembled: Assembled) -> list[str]:
    """How many objects of snapshots files stand for."""
    if not assembled.replaced:
        return []
    return [f"{assembled.replaced:,} objects of the snapshot give way to those of the same name in the files"]
