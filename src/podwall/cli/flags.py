"""The flags that commands share, and the Structs of `ops` that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from podwall.cli.command import option

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs

__all__ = [
    "EXIT_CODES",
    "AllNamespaces",
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
    tuple[str, ...],
    option(
        "-f",
        "--filename",
        metavar="PATH",
        help="File (YAML or JSON, also .gz), directory (recursive), or - for standard input; repeatable.",
    ),
]
Kustomize = Annotated[
    str | None, option("-k", "--kustomize", metavar="DIR", help="Read what `kubectl kustomize DIR` builds.")
]
_DEFAULT = "[default: default]"
Namespace = Annotated[
    str | None,
    option("-n", "--namespace", metavar="NS", help=f"Namespace of objects and names without one.  {_DEFAULT}"),
]
OnlyNamespace = Annotated[
    str | None,
    option(
        "-n",
        "--namespace",
        metavar="NS",
        help=f"Namespace of objects without one {_DEFAULT}; only connections from or to this namespace are shown.",
    ),
]
AllNamespaces = Annotated[bool, option("-A", "--all-namespaces", help="With -n: show all namespaces.")]
Everywhere = Annotated[bool, option("-A", "--all-namespaces", hidden=True)]  # where no answer is cut by -n
Cni = Annotated[str, option("--cni", metavar="PROFILE", help="How the network plugin decides: kubernetes or cilium.")]
PodCidrs = Annotated[
    tuple[str, ...],
    option(
        "--pod-cidr",
        metavar="CIDR",
        help="Where endpoints without an address get one from; one of each family  [default: 10.244.0.0/16].",
    ),
]
SkipInvalid = Annotated[bool, option("--skip-invalid", help="Leave invalid objects out, and name them.")]
Strict = Annotated[bool, option("--strict", help="Exit 3 where the input is incomplete in any way.")]
IgnoreKinds = Annotated[bool, option("--ignore-kinds", help="No exit 3 for kinds of policy that are not analyzed.")]
Quiet = Annotated[bool, option("-q", "--quiet", help="No warnings.")]
Verbose = Annotated[bool, option("-v", "--verbose", help="Say what was read, and how long each step took.")]
Debug = Annotated[bool, option("--debug", help="Show tracebacks.", hidden=True)]


def inputs(given: Mapping[str, Any]) -> Inputs:
    """The input flags of a command, given as its parameters by name, as one value."""
    from podwall.ops.inputs import Inputs

    return Inputs(
        filenames=given["filename"],
        kustomize=given["kustomize"],
        namespace=given["namespace"],
        all_namespaces=given["all_namespaces"],
        cni=given["cni"],
        pod_cidrs=given["pod_cidr"],
        skip_invalid=given["skip_invalid"],
        strict=given["strict"],
        ignore_kinds=given["ignore_kinds"],
    )
