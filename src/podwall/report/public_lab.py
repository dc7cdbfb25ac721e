"""The machine format of `lab` as Structs: what was predicted of real packets, and where they went another way."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from podwall.report.public_explanation import Explanation

__all__ = ["LabReport", "Logged", "Mismatch"]


class Logged(Struct, frozen=True):
    """What the kernel of a node said of a packet that it dropped."""

    node: str
    line: str


class Mismatch(Struct, frozen=True):
    """A packet that went another way than predicted.

    `note` says what was wrong where `seen` does not; `by` is the address that answered in place of whoever may have.
    `explanation` is why the engine predicts what it does, of the first one of a pair; `log` what the kernel said.
    """

    src: str
    dst: str
    protocol: str
    port: int
    family: int
    predicted: str
    seen: str
    note: str | UnsetType = UNSET
    by: str | UnsetType = UNSET
    log: list[Logged] | UnsetType = UNSET
    explanation: Explanation | UnsetType = UNSET


class LabReport(Struct, frozen=True):
    """What came of all probes. `endpoints` are the pods; `allowed` and `denied` are the probes that are predicted so.

    `sampledFrom` is how many probes there would have been, where only some of them were sent.
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
    sampledFrom: int | UnsetType = UNSET  # noqa: N815 - the public spelling
    incomplete: list[str] = []
