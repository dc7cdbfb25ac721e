"""The flags that commands share, and the Structs of `ops` that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs

__all__ = [
    "EXIT_CODES",
    "AllNamespaces",
    "Channel",
    "Cni",
    "Debug",
    "Everywhere",
    "Filenames",
    "IgnoreKinds",
    "Kustomize",
    "Namespace",
    "OnlyNamespace",
    "PodCidrs",
    "Quiet",
    "Resolutions",
    "SkipInvalid",
    "Strict",
    "Verbose",
    "inputs",
]

# `\b` keeps the lines of a paragraph of help as they are.
EXIT_CODES = """\b
Exit codes:
  0  answered               3  incomplete input (see --strict, --ignore-kinds)
  2  usage or input error   4  a bug in Podwall
"""

Filenames = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--filename",
        metavar="PATH",
        help="File (YAML or JSON, also .gz), directory (recursive), or - for standard input; repeatable.",
    ),
]
Kustomize = Annotated[
    str | None, typer.Option("-k", "--kustomize", metavar="DIR", help="Read what `kubectl kustomize DIR` builds.")
]
_DEFAULT = "[default: default]"
Namespace = Annotated[
    str | None,
    typer.Option("-n", "--namespace", metavar="NS", help=f"Namespace of objects and names without one.  {_DEFAULT}"),
]
OnlyNamespace = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--namespace",
        metavar="NS",
        help=f"Namespace of objects without one {_DEFAULT}; only connections from or to this namespace are shown.",
    ),
]
AllNamespaces = Annotated[bool, typer.Option("-A", "--all-namespaces", help="With -n: show all namespaces.")]
Everywhere = Annotated[bool, typer.Option("-A", "--all-namespaces", hidden=True)]  # where no answer is cut by -n
Cni = Annotated[
    str, typer.Option("--cni", metavar="PROFILE", help="How the network plugin decides: kubernetes or cilium.")
]
PodCidrs = Annotated[
    list[str] | None,
    typer.Option(
        "--pod-cidr",
        metavar="CIDR",
        help="Where endpoints without an address get one from; one of each family  [default: 10.244.0.0/16].",
    ),
]
Channel = Annotated[
    str | None,
    typer.Option(
        "--channel",
        metavar="NAME",
        help="Schemas of the cluster policies: experimental or standard  [default: experimental].",
    ),
]
Resolutions = Annotated[
    str | None,
    typer.Option("--resolutions", metavar="FILE", help="Addresses of domain names: `www.example.com: [203.0.113.7]`."),
]
SkipInvalid = Annotated[bool, typer.Option("--skip-invalid", help="Leave invalid objects out, and name them.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 3 where the input is incomplete in any way.")]
IgnoreKinds = Annotated[
    bool, typer.Option("--ignore-kinds", help="No exit 3 for kinds of policy that are not analyzed.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No warnings.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say what was read, and how long each step took.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", hidden=True)]


def inputs(given: Mapping[str, Any]) -> Inputs:
    """The input flags of a command, given as its parameters by name, as one value."""
    from podwall.ops.inputs import Inputs

    return Inputs(
        filenames=tuple(given["filename"] or ()),
        kustomize=given["kustomize"],
        namespace=given["namespace"],
        all_namespaces=given["all_namespaces"],
        cni=given["cni"],
        channel=given.get("channel"),
        pod_cidrs=tuple(given["pod_cidr"] or ()),
        resolutions=given.get("resolutions"),
        skip_invalid=given["skip_invalid"],
        strict=given["strict"],
        ignore_kinds=given["ignore_kinds"],
    )
