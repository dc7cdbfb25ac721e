"""The baseline of `check`: a file of findings that are known already, so that only new ones count.

It is written by the program and lies in the repository: sorted, one finding a few lines, so that its diff can be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from podwall.errors import InputError
from podwall.ops.writing import write_whole
from podwall.report import json
from podwall.report.public import API_VERSION
from podwall.report.public_findings import Finding, fingerprint

__all__ = ["read_baseline", "write_baseline"]

_KIND = "Baseline"


class _Known(Struct, frozen=True, order=True):
    """A finding by what stays the same when files move and lines shift; the rest is for whoever reads the file."""

    id: str
    object: str
    path: str
    fingerprint: str


class _Baseline(Struct, frozen=True):
    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    findings: list[_Known]


def read_baseline(path: str) -> frozenset[str]:
    """The fingerprints in a file. Raises InputError where it cannot be read or is something else."""
    try:
        found = msgspec.json.decode(Path(path).read_bytes(), type=_Baseline)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; --write-baseline writes it") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no baseline: {error}; --write-baseline writes one") from None
    if (found.apiVersion, found.kind) != (API_VERSION, _KIND):
        raise InputError(f"{path}: is no baseline, but {found.apiVersion} {found.kind}; --write-baseline writes one")
    return frozenset(known.fingerprint for known in found.findings)


def write_baseline(path: str, findings: Iterable[Finding]) -> int:
    """Writes the findings that count, in place of what was there, and returns how many. Raises InputError."""
    known = {
        _Known(f.id, f"{f.object.kind} {f.object.namespace}/{f.object.name}", f.path, fingerprint(f))
        for f in findings
        if f.suppressed is None
    }
    write_whole(Path(path), json.document(_Baseline(API_VERSION, _KIND, sorted(known))).encode())
    return len(known)
