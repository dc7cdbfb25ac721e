"""The flags that commands share, declared once: a command takes them as one value, `Given`, by `@flags.reading()`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import click

from podwall.cli.command import Option, option
from podwall.cli.running import Streams, run

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs, Opened
    from podwall.ops.project import Project

__all__ = ["EXIT_CODES", "Given", "output", "reading"]

_Function = Callable[..., None]

# `\b` keeps the lines of a paragraph of help as they are.
EXIT_CODES = """\b
Exit codes:
  0  answered               3  incomplete input (see --strict, --ignore-kinds)
  2  usage or input error   4  a bug in Podwall
"""

_DEFAULT = "[default: default]"
_NAMESPACE = f"Namespace of objects and names without one.  {_DEFAULT}"
_ONLY = f"Namespace of objects without one {_DEFAULT}; only what is about this namespace is shown."


def _profiles() -> list[str]:
    from podwall.ops.inputs import profiles

    return profiles()


Filenames = Annotated[
    tuple[str, ...],
    option(
        "-f",
        "--filename",
        metavar="PATH",
        help="File (YAML or JSON, also .gz), directory (recursive), or - for standard input; repeatable.",
    ),
]
Common = Annotated[
    tuple[str, ...],
    option(
        "-f",
        "--filename",
        metavar="PATH",
        help="What both sides share, as a dump of the cluster where OLD and NEW hold only policies; repeatable.",
    ),
]
Kustomize = Annotated[
    str | None, option("-k", "--kustomize", metavar="DIR", help="Read what `kubectl kustomize DIR` builds.")
]
Snapshots = Annotated[
    tuple[str, ...],
    option(
        "--snapshot",
        metavar="FILE",
        help="What `podwall snapshot` wrote; objects of -f stand for those of the same name in it.",
    ),
]
Namespace = Annotated[str | None, option("-n", "--namespace", metavar="NS", help=_NAMESPACE)]
OnlyNamespace = Annotated[str | None, option("-n", "--namespace", metavar="NS", help=_ONLY)]
AllNamespaces = Annotated[bool, option("-A", "--all-namespaces", help="With -n: show all namespaces.")]
Everywhere = Annotated[bool, option("-A", "--all-namespaces", hidden=True)]  # where no answer is cut by -n
Cni = Annotated[
    str | None,
    option(
        "--cni",
        metavar="PROFILE",
        help="How the network plugin decides: kubernetes or cilium.  [default: kubernetes]",
        values=_profiles,
    ),
]
PodCidrs = Annotated[
    tuple[str, ...],
    option(
        "--pod-cidr",
        metavar="CIDR",
        help="Where endpoints without an address get one from; one of each family  [default: 10.244.0.0/16].",
    ),
]
Channel = Annotated[
    str | None,
    option(
        "--channel",
        metavar="NAME",
        help="Schemas of the cluster policies: experimental or standard  [default: experimental].",
        values=lambda: ["experimental", "standard"],
    ),
]
Resolutions = Annotated[
    str | None,
    option("--resolutions", metavar="FILE", help="Addresses of domain names: `www.example.com: [203.0.113.7]`."),
]
ProjectFile = Annotated[
    str | None,
    option("--project", metavar="FILE", help="Project file  [default: the nearest .podwall.yaml upwards]."),
]
NoProject = Annotated[bool, option("--no-project", help="Take no project file.")]
SkipInvalid = Annotated[bool, option("--skip-invalid", help="Leave invalid objects out, and name them.")]
Strict = Annotated[bool, option("--strict", help="Exit 3 where the input is incomplete in any way.")]
IgnoreKinds = Annotated[bool, option("--ignore-kinds", help="No exit 3 for kinds of policy that are not analyzed.")]
Quiet = Annotated[bool, option("-q", "--quiet", help="No warnings.")]
Verbose = Annotated[bool, option("-v", "--verbose", help="Say what was read, and how long each step took.")]
Debug = Annotated[bool, option("--debug", help="Show tracebacks.", hidden=True)]


class Given:
    """What the shared flags of one call say."""

    def __init__(self, named: dict[str, Any]) -> None:
        self._named = named
        self._found: list[Project | None] = []

    def run(self, work: Callable[[Streams], int]) -> None:
        """Does the work of the command, and ends the process with the exit code that it returns."""
        run(work, quiet=self._named["quiet"], verbose=self._named["verbose"], debug=self._named["debug"])

    @property
    def takes_stdin(self) -> bool:
        """Whether the cluster comes from standard input."""
        return "-" in (*self._named.get("filename", ()), *self._named.get("snapshot", ()))

    @property
    def home(self) -> str:
        """The namespace of names without one."""
        inputs = self.inputs()
        return inputs.namespace or inputs.home or "default"

    def project(self) -> Project | None:
        """The project file, read once."""
        from podwall.ops.project import find_project

        if not self._found and not self._named["no_project"]:
            self._found.append(find_project(self._named["project"]))
        return self._found[0] if self._found else None

    def inputs(self) -> Inputs:
        """The input flags as `ops` takes them, with what the project file says.

        Flags that the command does not have are as if not given.
        """
        from podwall.ops.inputs import Inputs
        from podwall.ops.project import settled

        named = self._named
        flags = Inputs(
            filenames=named.get("filename", ()),
            kustomize=named.get("kustomize"),
            snapshots=named.get("snapshot", ()),
            namespace=named["namespace"],
            all_namespaces=named["all_namespaces"],
            cni=named["cni"],
            channel=named["channel"],
            pod_cidrs=named["pod_cidr"],
            resolutions=named["resolutions"],
            skip_invalid=named["skip_invalid"],
            strict=named["strict"],
            ignore_kinds=named["ignore_kinds"],
        )
        return settled(flags, self.project())

    def open(self, streams: Streams, *, keep_mistakes: bool = False) -> Opened:
        """The cluster, with everything said that must be said about it but the mistakes that are kept."""
        from msgspec import structs

        from podwall.ops.inputs import open_cluster

        with streams.phase("read"):
            opened = open_cluster(structs.replace(self.inputs(), keep_mistakes=keep_mistakes))
            streams.note(*opened.read)
        streams.warn(*opened.warnings)
        return opened


# The shared flags, in the order in which help lists them: those of the input stand before a command's own, those that
# say how to take it behind them.


def _sources(*, filename: Filenames = (), kustomize: Kustomize = None, snapshot: Snapshots = ()) -> None: ...


def _common(*, filename: Common = (), kustomize: Kustomize = None, snapshot: Snapshots = ()) -> None: ...


def _names(*, namespace: Namespace = None, all_namespaces: Everywhere = False) -> None: ...


def _filters(*, namespace: OnlyNamespace = None, all_namespaces: AllNamespaces = False) -> None: ...


def _network(
    *, cni: Cni = None, pod_cidr: PodCidrs = (), channel: Channel = None, resolutions: Resolutions = None
) -> None: ...


def _project(*, project: ProjectFile = None, no_project: NoProject = False) -> None: ...


def _handling(
    *, skip_invalid: SkipInvalid = False, strict: Strict = False, ignore_kinds: IgnoreKinds = False
) -> None: ...


def _running(*, quiet: Quiet = False, verbose: Verbose = False, debug: Debug = False) -> None: ...


def reading(*, shared: bool = False, filtered: bool = False) -> Callable[[_Function], _Function]:
    """Makes a command of a function whose first parameter is `Given`: it gets the shared flags beside its own.

    `shared`: the cluster comes from the command's arguments, and -f and the like are what these have in common.
    `filtered`: -n also cuts the answer.
    """
    before: list[_Function] = [_common if shared else _sources, _filters if filtered else _names, _network]
    return functools.partial(_merged, before, [_handling, _project, _running])


def _merged(before: list[_Function], behind: list[_Function], command: _Function) -> _Function:
    _, *own = _parameters(command)
    first, last = ([p for group in groups for p in _parameters(group)] for groups in (before, behind))
    shared = [p.name for p in (*first, *last)]

    @functools.wraps(command)
    def whole(**named: object) -> None:
        command(Given({name: named.pop(name) for name in shared}), **named)

    parameters = [*first, *own, *last]
    whole.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # where inspect looks first
    whole.__annotations__ = {p.name: p.annotation for p in parameters}
    return whole


def _parameters(function: _Function) -> list[inspect.Parameter]:
    return list(inspect.signature(function, eval_str=True).parameters.values())


def output(*formats: str) -> Option:
    """The flag -o with these formats: any other one is refused."""

    def known(value: str) -> None:
        if value not in formats:
            raise click.BadParameter(f"{value!r} is not one of {', '.join(formats)}", param_hint="-o")

    *others, last = formats
    return option(
        "-o",
        "--output",
        metavar="FORMAT",
        help=f"{', '.join(others)} or {last}.",
        check=known,
        values=lambda: list(formats),
    )
