"""The flags that commands share, and the Structs of `ops` that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs

__all__ = [
    "Cni",
    "Debug",
    "Filenames",
    "IgnoreKinds",
    "Kustomize",
    "Namespace",
    "PodCidrs",
    "Quiet",
    "SkipInvalid",
    "Strict",
    "inputs",
]

_INPUT = "Input"

Filenames = Annotated[
    list[str] | None,
    typer.Option("-f", "--filename", metavar="PATH", help="File, directory (recursive) or - for stdin; repeatable.", rich_help_panel=_INPUT),
]
Kustomize = Annotated[
    str | None, typer.Option("-k", "--kustomize", metavar="DIR", help="Read what `kubectl kustomize DIR` builds.", rich_help_panel=_INPUT)
]
Namespace = Annotated[
    str | None,
    typer.Option("-n", "--namespace", metavar="NS", help="Namespace of objects and names without one.", rich_help_panel=_INPUT),
]
Cni = Annotated[str, typer.Option("--cni", metavar="PROFILE", help="kubernetes or cilium.", rich_help_panel=_INPUT)]
PodCidrs = Annotated[
    list[str] | None,
    typer.Option("--pod-cidr", metavar="CIDR", help="Addresses for endpoints without one; one a family.", rich_help_panel=_INPUT),
]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Leave invalid objects out, naming them.", rich_help_panel=_INPUT)
]
Strict = Annotated[bool, typer.Option("--strict", help="Incomplete input is exit 3.", rich_help_panel=_INPUT)]
IgnoreKinds = Annotated[
    bool, typer.Option("--ignore-kinds", help="Policy kinds that are not analyzed are no exit 3.", rich_help_panel=_INPUT)
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No warnings.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)]


def inputs(
    filenames: list[str] | None,
    kustomize: str | None,
    namespace: str | None,
    cni: str,
    pod_cidrs: list[str] | None,
    *,
    skip_invalid: bool,
    strict: bool,
    ignore_kinds: bool,
) -> Inputs:
    """The input flags as one value."""
    from podwall.ops.inputs import Inputs

    return Inputs(
        tuple(filenames or ()), kustomize, namespace, cni, tuple(pod_cidrs or ()), skip_invalid, strict, ignore_kinds
    )
