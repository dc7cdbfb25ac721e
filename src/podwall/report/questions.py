"""Open questions as a file of answers to be filled in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.report.lockdown import place_text
from podwall.report.public_lockdown import Question
from podwall.report.wording import wrapped
from podwall.text.write import scalar_text

__all__ = ["questions_text"]

_HEAD = (
    "# What the manifests leave open. Fill in `allow` (CIDRs, or references as ns/workload, ns/service/name), or "
    "write `deny: true` where nobody is needed; then give this file to podwall lockdown as --answers. Keep it: each "
    "run reads it again."
)


_UNKNOWN = "the CIDRs that its owner publishes, or whom else it stands for; or a proxy, as ns/workload"


def questions_text(questions: Sequence[Question]) -> Iterator[str]:
    """Line by line; an entry that is left as it is answers nothing."""
    yield from (f"{line}\n" for line in wrapped(_HEAD, "# "))
    yield "apiVersion: podwall.io/v1\nkind: Answers\nanswers:\n"
    for question in questions:
        yield from (f"{line}\n" for line in wrapped(f"# {question.asks}.", "# "))
        yield from (f"#   {place_text(place)}\n" for place in question.found)
        yield f"- question: {scalar_text(question.key)}\n"
        drafted = f"perhaps {', '.join(question.drafted)}" if question.drafted else _UNKNOWN
        yield f"  allow: []  # {drafted}\n"
        ports = [f"{p.port}" if p.protocol == "TCP" else f"{p.port}/{p.protocol.lower()}" for p in question.ports]
        yield f"  ports: [{', '.join(ports)}]\n"
