"""The machine format of `test` as Structs: the LabReport's fields, the assertions, and what they would notice."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from podwall.report.public import Port, Ref
from podwall.report.public_explanation import Explanation
from podwall.report.public_lab import Mismatch

__all__ = ["Breach", "Coverage", "Edit", "Expected", "Pair", "Report", "Unnoticed"]


class Breach(Struct, frozen=True):
    """A pair that is not as asserted: the ports that are open and should not be, or closed and should not be."""

    src: str
    dst: str
    family: int
    ports: list[Port]


class Expected(Struct, frozen=True):
    """An assertion and what came of it. `got` is `none` where it is about no pair: `problem` says why.

    `pairs` are those that it is about, `open` those of them with all ports open (allow) or some (deny). `failures` are
    the first that are not as asserted; `explanation` is about the first of them.
    """

    text: str
    want: str
    got: str
    ok: bool
    file: str
    line: int
    because: str | None
    pairs: int
    open: int
    problem: str | None
    failures: list[Breach]
    moreFailures: int = 0  # noqa: N815 - the public spelling
    explanation: Explanation | UnsetType = UNSET


class Pair(Struct, frozen=True):
    """A pair that an edit opens or closes."""

    src: str
    dst: str
    ports: list[Port]


class Edit(Struct, frozen=True):
    """One edit of a policy: of the rule at `rule`, or of the policy as a whole where that is `spec`.

    `part` is what of it is widened, `dropped` what is taken out there; null where that says nothing.
    """

    policy: Ref
    rule: str
    line: int | None
    edit: str
    part: str | None
    dropped: str | None


class Unnoticed(Struct, frozen=True):
    """An edit after which every assertion still holds, a pair that it opens or closes, and what would notice that."""

    edit: Edit
    opens: Pair | None
    closes: Pair | None
    suggestion: str | None


class Coverage(Struct, frozen=True):
    """Of `mutants`, the edits that change what is open between endpoints, `noticed` make some assertion fail.

    `withoutEffect` are edits that change nothing in this cluster: nothing could notice them, and they do not count.
    """

    percent: float
    mutants: int
    noticed: int
    unnoticed: list[Unnoticed]
    withoutEffect: list[Edit]  # noqa: N815 - the public spelling
    minimum: float | None = None


class Report(Struct, frozen=True):
    """What came of all assertions. The static run sends no packets: no mismatches, and no seconds of them.

    `probes` are the pairs that were judged, each once for each assertion about it; in a lab, the probes that were sent.
    """

    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    profile: str
    endpoints: int
    probes: int
    allowed: int
    denied: int
    mismatches: list[Mismatch]
    seconds: float
    expectations: list[Expected]
    coverage: Coverage | UnsetType = UNSET
    incomplete: list[str] = []
