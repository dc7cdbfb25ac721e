"""From input flags to one cluster ready for questions, with everything that must be said about the input."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from podwall.admission.names import dns_label
from podwall.cluster.profile import PROFILES, Profile
from podwall.engine.model import Model
from podwall.errors import InputError, InvalidInput, Problem
from podwall.sources import files, git
from podwall.sources.assemble import assemble
from podwall.sources.decode import TEMPLATE, Decoder, Mistake
from podwall.sources.positions import Positions
from podwall.text.where import field

__all__ = [
    "Gathered",
    "Inputs",
    "Opened",
    "decoded",
    "default_namespace",
    "gather",
    "open_cluster",
    "opened",
    "pod_cidrs",
]

_NO_INPUT = (
    "no input: give files or directories with -f, a kustomization with -k, or a cluster's dump on standard input, as\n"
    "  kubectl get ns,no,po,svc,endpointslices,deploy,sts,ds,rs,job,cj,netpol -A -o json | podwall … -f -"
)
_LISTED = 8  # names in a warning


class Inputs(Struct, frozen=True):
    """The input flags of interface.md."""

    filenames: tuple[str, ...] = ()
    kustomize: str | None = None
    namespace: str | None = None
    all_namespaces: bool = False
    cni: str = "kubernetes"
    pod_cidrs: tuple[str, ...] = ()
    skip_invalid: bool = False
    strict: bool = False
    ignore_kinds: bool = False

    @property
    def only(self) -> str | None:
        """The namespace that the answer is about; None for all."""
        return None if self.all_namespaces else self.namespace


class Gathered(Struct, frozen=True):
    """Texts, and what was passed over though it may hold objects.

    `named` says whether any input was named at all, `revisions` are those of git that were read; `read` has one line
    for each text once it is decoded.
    """

    texts: tuple[files.Text, ...] = ()
    skipped: tuple[str, ...] = ()
    named: bool = True
    revisions: tuple[str, ...] = ()
    read: tuple[str, ...] = ()

    def __add__(self, other: Gathered) -> Gathered:
        return Gathered(
            self.texts + other.texts,
            self.skipped + other.skipped,
            self.named or other.named,
            self.revisions + other.revisions,
            self.read + other.read,
        )


class Opened(Struct, frozen=True):
    """A cluster ready for questions.

    `incomplete` are facts that the answer may be wrong without; `partial` asks for exit 3; `read` says what was read,
    `revisions` from which revisions of git.
    """

    model: Model
    positions: Positions
    only: str | None
    warnings: tuple[str, ...]
    incomplete: tuple[str, ...]
    partial: bool
    read: tuple[str, ...]
    revisions: tuple[str, ...] = ()


def open_cluster(inputs: Inputs) -> Opened:
    """Reads the input. Raises InputError for what cannot be read, InvalidInput with every mistake in it (D14)."""
    return opened(inputs, *decoded(gather(inputs)))


def gather(inputs: Inputs) -> Gathered:
    """The texts that the flags name. Raises InputError."""
    texts, skipped, failed = [], [], []
    for filename in dict.fromkeys(inputs.filenames):
        try:
            for found in _source(filename):
                if found.text is not None:
                    texts.append(found.text)
                else:
                    skipped.append(found.skipped)
        except InputError as error:
            failed.append(str(error))
    if failed:
        raise InputError("\n".join(failed))
    if inputs.kustomize is not None:
        texts.append(files.kustomize(inputs.kustomize))
    named = bool(inputs.filenames) or inputs.kustomize is not None
    revisions = tuple(git.revision_of(name) for name in inputs.filenames if name.startswith(git.PREFIX))
    return Gathered(tuple(texts), tuple(skipped), named, revisions)


def _source(filename: str) -> Iterator[files.Found]:
    """Every text that a name leads to, wherever it is kept. Raises InputError."""
    return git.read(filename) if filename.startswith(git.PREFIX) else files.read(filename)


def decoded(gathered: Gathered, decoder: Decoder | None = None) -> tuple[Gathered, Decoder]:
    """The texts without their data, which may be hundreds of megabytes, and all their objects, added to a decoder's."""
    decoder = decoder or Decoder()
    for text in gathered.texts:
        decoder.read(text)
    texts = tuple(text.again() for text in gathered.texts)
    return msgspec.structs.replace(gathered, texts=texts, read=_read(gathered.texts, decoder)), decoder


def opened(inputs: Inputs, gathered: Gathered, decoder: Decoder) -> Opened:
    """A cluster of what was decoded. Raises InputError, and InvalidInput with every mistake (D14)."""
    profile = _profile(inputs.cni)
    cidrs = pod_cidrs(inputs.pod_cidrs)
    namespace = default_namespace(inputs.namespace)
    if not gathered.named:
        raise InputError(_NO_INPUT)
    positions = Positions(gathered.texts)
    assembled = assemble(decoder.objects, namespace)
    skipped = [*gathered.skipped, *decoder.skipped]
    if not decoder.found and not decoder.problems:
        raise InputError("\n".join(["the input holds no Kubernetes object", *skipped]))
    positions.prepare((m.origin, m.path) for m in (*decoder.mistakes, *assembled.mistakes))
    templates, left_out = _reject(inputs, positions, decoder, assembled.mistakes)
    doubts = (*decoder.warnings, *assembled.warnings)
    positions.prepare((m.origin, m.path) for m in doubts)
    unanalyzed = _unanalyzed(decoder)
    skipped = sorted({*skipped, *templates})
    incomplete = (*skipped, *left_out, *unanalyzed, *_undeclared(assembled.undeclared))
    warnings = sorted({_problem(positions, m) for m in doubts}, key=Problem.order)
    said = (*map(str, warnings), *_foreign(decoder.foreign), *incomplete)
    return Opened(
        model=Model(assembled.cluster, profile, cidrs, namespace),
        positions=positions,
        only=inputs.only,
        warnings=(*said, *_nobody(inputs.only, assembled.cluster.namespaces)),
        incomplete=incomplete,
        partial=bool((unanalyzed and not inputs.ignore_kinds) or (inputs.strict and incomplete)),
        read=gathered.read,
        revisions=gathered.revisions,
    )


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        raise InputError(f"--cni {name}: there is no such profile; there are {', '.join(sorted(PROFILES))}")
    return PROFILES[name]


def pod_cidrs(given: Sequence[str]) -> tuple[str, ...]:
    """What --pod-cidr says: one CIDR of each family at most. Raises InputError."""
    cidrs = tuple(cidr for several in given for cidr in several.split(","))
    families: dict[int, str] = {}
    for cidr in cidrs:
        try:
            version = ipaddress.ip_network(cidr).version
        except ValueError as error:
            raise InputError(f"--pod-cidr {cidr}: {error}") from None
        if version in families:
            raise InputError(f"--pod-cidr {cidr}: there is {families[version]} already; give one of each family")
        families[version] = cidr
    return cidrs


def default_namespace(given: str | None) -> str:
    """The namespace of objects and names without one (D12). Raises InputError."""
    wrong = dns_label(given) if given is not None else ()
    if wrong:
        raise InputError(f"-n {given}: not the name of a namespace: {wrong[0]}")
    return given or "default"


def _reject(
    inputs: Inputs, positions: Positions, decoder: Decoder, mistakes: tuple[Mistake, ...]
) -> tuple[list[str], list[str]]:
    """Raises every mistake together, or names what is left out: templates, and invalid objects where asked to (D14)."""
    problems = [_problem(positions, m) for m in (*decoder.mistakes, *mistakes)]
    templates = {p for p in problems if "{{" in p.message}  # a quoted template is text, but never a valid value
    invalid = sorted(set(problems) - templates, key=Problem.order)
    # A text that cannot be read is no invalid object: it is never skipped.
    if decoder.problems or (invalid and not inputs.skip_invalid):
        raise InvalidInput([*decoder.problems, *invalid])
    return [f"{p.where} {TEMPLATE}" for p in templates], [f"left out as invalid: {p}" for p in invalid]


def _problem(positions: Positions, mistake: Mistake) -> Problem:
    message = mistake.message
    if mistake.other is not None:
        message += f" (the other: {positions.where(mistake.other)})"
    return Problem(positions.where(mistake.origin, mistake.path), field(mistake.path), message)


def _unanalyzed(decoder: Decoder) -> list[str]:
    return [
        f"{count} {kind} ({group}) not analyzed: the answer may be wrong without {'it' if count == 1 else 'them'}"
        for (group, kind), count in sorted(decoder.unanalyzed.items())
    ]


def _undeclared(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [f"no Namespace object in the input for {_listed(names)}: taken to have no label but its name"]


def _foreign(names: Iterable[str]) -> list[str]:
    """Files of a folder that hold nothing: worth a word, but no answer is wrong without them."""
    found = sorted(names)
    return [f"passed over, no Kubernetes objects: {_listed(found)}"] if found else []


def _nobody(only: str | None, namespaces: Iterable[str]) -> list[str]:
    if only is None or only in namespaces:
        return []
    return [f"-n {only}: the input has nothing in this namespace; it has {_listed(sorted(namespaces)) or 'none'}"]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _read(texts: Iterable[files.Text], decoder: Decoder) -> tuple[str, ...]:
    """One line for each text."""
    return tuple(f"{text.name}: {len(text.data):,} bytes, {decoder.counts[text.name]:,} objects" for text in texts)
