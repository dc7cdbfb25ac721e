"""Open questions as a file of answers to be filled in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.needs.need import CALLERS
from podwall.report.asked import together
from podwall.report.lockdown import place_text
from podwall.report.public import Port
from podwall.report.public_lockdown import Question
from podwall.report.wording import wrapped
from podwall.text.write import scalar_text

__all__ = ["questions_text"]

_HEAD = (
    "# What the manifests leave open. Fill in `allow` (CIDRs, or references as ns/workload, ns/service/name), or "
    "write `deny: true` where nobody is needed; then give this file to podwall lockdown as --answers. Keep it: each "
    "run reads it again."
)


_MOST_PORTS = 20
_CALLERS = "its callers, as ns/workload or ns/*"
_UNKNOWN = "the CIDRs that its owner publishes, or whom else it stands for; or a proxy, as ns/workload"


def questions_text(questions: Sequence[Question]) -> Iterator[str]:
    """Line by line; an entry that is left as it is answers nothing."""
    yield from (f"{line}\n" for line in wrapped(_HEAD, "# "))
    yield "apiVersion: podwall.io/v1\nkind: Answers\nanswers:\n"
    for question in together(questions):
        yield from (f"{line}\n" for line in wrapped(f"# {question.asks}.", "# "))
        yield from (f"#   {place_text(place)}\n" for place in question.found)
        yield f"- question: {scalar_text(question.key)}\n"
        unknown = _CALLERS if question.key.startswith(CALLERS) else _UNKNOWN
        drafted = f"perhaps {', '.join(question.drafted)}" if question.drafted else unknown
        yield f"  allow: []  # {drafted}\n"
        yield f"  ports: [{', '.join(_ports(question.ports))}]\n"


def _ports(ports: Sequence[Port]) -> list[str]:
    """Each port; none where there are many, since an answer without ports is about those of its question."""
    if sum(p.endPort - p.port + 1 for p in ports) > _MOST_PORTS:
        return []
    numbers = ((n, p.protocol.lower()) for p in ports for n in range(p.port, p.endPort + 1))
    return [f"{number}" if protocol == "tcp" else f"{number}/{protocol}" for number, protocol in numbers]
