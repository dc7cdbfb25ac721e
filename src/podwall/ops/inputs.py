"""From input flags to one cluster ready for questions, with everything that must be said about the input."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from msgspec import Struct, structs

from podwall.admission.names import dns_label
from podwall.cluster.profile import CHANNELS, PROFILES, Profile
from podwall.engine.domains import symbolic
from podwall.engine.model import Model
from podwall.engine.sets import AddrSet
from podwall.errors import InputError, InvalidInput, Problem
from podwall.sources import files
from podwall.sources.assemble import assemble
from podwall.sources.decode import TEMPLATE, Decoder, Mistake
from podwall.sources.positions import Positions
from podwall.sources.resolutions import read_resolutions
from podwall.text.where import field

__all__ = ["Inputs", "Opened", "open_cluster", "open_texts"]

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
    channel: str | None = None
    pod_cidrs: tuple[str, ...] = ()
    resolutions: str | None = None
    skip_invalid: bool = False
    strict: bool = False
    ignore_kinds: bool = False

    @property
    def only(self) -> str | None:
        """The namespace that the answer is about; None for all."""
        return None if self.all_namespaces else self.namespace


class Opened(Struct, frozen=True):
    """A cluster ready for questions.

    `incomplete` are facts that the answer may be wrong without; `partial` asks for exit 3; `read` says what was read.
    """

    model: Model
    positions: Positions
    only: str | None
    warnings: tuple[str, ...]
    incomplete: tuple[str, ...]
    partial: bool
    read: tuple[str, ...]


def open_cluster(inputs: Inputs) -> Opened:
    """Reads the input. Raises InputError for what cannot be read, InvalidInput with every mistake in it (D14)."""
    _profile(inputs)
    texts, skipped = _texts(inputs)
    return open_texts(inputs, texts, skipped)


def open_texts(inputs: Inputs, texts: Sequence[files.Text], skipped: Sequence[str] = ()) -> Opened:
    """The same of texts, of which some may hold what an API server does; `skipped` is what was passed over before."""
    profile = _profile(inputs)
    cidrs = _pod_cidrs(inputs.pod_cidrs)
    namespace = _namespace(inputs.namespace)
    resolutions = _resolutions(inputs)
    decoder = Decoder()
    for text in texts:
        decoder.read(text)
    read = _read(texts, decoder)
    texts = [text.again() for text in texts]  # the data may be hundreds of megabytes
    positions = Positions(texts)
    assembled = assemble(decoder.objects, namespace, channel=profile.channel, admitted=decoder.admitted)
    skipped = [*skipped, *decoder.skipped]
    if not decoder.found and not decoder.problems:
        raise InputError("\n".join(["the input holds no Kubernetes object", *skipped]))
    positions.prepare((m.origin, m.path) for m in (*decoder.mistakes, *assembled.mistakes))
    templates, left_out = _reject(inputs, positions, decoder, assembled.mistakes)
    doubts = (*decoder.warnings, *assembled.warnings)
    positions.prepare((m.origin, m.path) for m in (*doubts, *decoder.unread))
    model = Model(assembled.cluster, profile, cidrs, namespace, resolutions)
    unanalyzed = _unanalyzed(decoder)
    skipped = sorted({*skipped, *templates})
    unresolved = _unresolved(symbolic(model.index.policies.values()))
    notes = (*_unread(positions, decoder.unread), *_undeclared(assembled.undeclared), *unresolved)
    incomplete = (*skipped, *left_out, *unanalyzed, *notes)
    warnings = sorted({_problem(positions, m) for m in doubts}, key=Problem.order)
    said = (*map(str, warnings), *_foreign(decoder.foreign), *incomplete)
    return Opened(
        model=model,
        positions=positions,
        only=inputs.only,
        warnings=(*said, *_nobody(inputs.only, assembled.cluster.namespaces)),
        incomplete=incomplete,
        partial=bool((unanalyzed and not inputs.ignore_kinds) or (inputs.strict and incomplete)),
        read=read,
    )


def _profile(inputs: Inputs) -> Profile:
    name, channel = inputs.cni, inputs.channel
    if name not in PROFILES:
        raise InputError(f"--cni {name}: there is no such profile; there are {', '.join(sorted(PROFILES))}")
    if channel is None:
        return PROFILES[name]
    if channel not in CHANNELS:
        raise InputError(f"--channel {channel}: there is no such channel; there are {', '.join(CHANNELS)}")
    return structs.replace(PROFILES[name], channel=channel)


def _resolutions(inputs: Inputs) -> dict[str, AddrSet]:
    if inputs.resolutions is None:
        return {}
    if inputs.resolutions == "-" and "-" in inputs.filenames:
        raise InputError("--resolutions -: standard input is the cluster already (-f -)")
    return read_resolutions(inputs.resolutions)


def _pod_cidrs(given: Sequence[str]) -> tuple[str, ...]:
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


def _namespace(given: str | None) -> str:
    """The namespace of objects and names without one (D12)."""
    wrong = dns_label(given) if given is not None else ()
    if wrong:
        raise InputError(f"-n {given}: not the name of a namespace: {wrong[0]}")
    return given or "default"


def _texts(inputs: Inputs) -> tuple[list[files.Text], list[str]]:
    if not inputs.filenames and inputs.kustomize is None:
        raise InputError(_NO_INPUT)
    texts, skipped, failed = [], [], []
    for filename in dict.fromkeys(inputs.filenames):
        try:
            for found in files.read(filename):
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
    return texts, skipped


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


def _unread(positions: Positions, found: Sequence[Mistake]) -> list[str]:
    if not found:
        return []
    first = min((_problem(positions, mistake) for mistake in found), key=Problem.order)
    counted = f"{len(found)} fields of policies, the first of them at" if len(found) > 1 else "a field of a policy at"
    return [f"Podwall does not know {counted} {first.where}: {first.path}; the answer may be wrong without"]


def _unresolved(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [f"no address is known of {_listed(names)}: judged by name alone; give addresses with --resolutions"]


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
