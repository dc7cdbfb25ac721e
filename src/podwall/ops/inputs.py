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
from podwall.sources.assemble import Assembled, assemble
from podwall.sources.decode import TEMPLATE, Decoder, Mistake
from podwall.sources.kept import Kept
from podwall.sources.owners import Owners
from podwall.sources.positions import Positions
from podwall.sources.resolutions import read_resolutions
from podwall.sources.snapshot import Said, Snapshot, Unanalyzed
from podwall.sources.snapshot import read as read_snapshot
from podwall.text.where import field

__all__ = [
    "Gathered",
    "Inputs",
    "Opened",
    "Reading",
    "gather",
    "open_cluster",
    "open_gathered",
    "open_texts",
    "profiles",
    "read_cluster",
]

_NO_INPUT = (
    "no input: give files or directories with -f, a kustomization with -k, a snapshot with --snapshot, or the dump of\n"
    "a cluster on standard input, as\n"
    "  kubectl get ns,no,po,svc,endpointslices,deploy,sts,ds,rs,job,cj,netpol -A -o json | podwall … -f -"
)
_DEFAULT_PROFILE = "kubernetes"
_LISTED = 8  # names in a warning


class Inputs(Struct, frozen=True):
    """The input flags of interface.md.

    `project` is the file that has had its say in them. `home` is the namespace of what has none where `namespace`,
    which also cuts the answer, is not given.
    """

    filenames: tuple[str, ...] = ()
    kustomize: str | None = None
    snapshots: tuple[str, ...] = ()
    namespace: str | None = None
    all_namespaces: bool = False
    cni: str | None = None
    channel: str | None = None
    pod_cidrs: tuple[str, ...] = ()
    resolutions: str | None = None
    skip_invalid: bool = False
    strict: bool = False
    ignore_kinds: bool = False
    project: str | None = None
    home: str | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """What is read, whichever flag names it."""
        return (*self.filenames, *self.snapshots, *([self.kustomize] if self.kustomize is not None else []))

    @property
    def only(self) -> str | None:
        """The namespace that the answer is about; None for all."""
        return None if self.all_namespaces else self.namespace


class Reading(Struct, frozen=True):
    """A cluster as it was read, before anything is computed.

    `texts` are the files that it came from, without their data; `said` is what a snapshot of it must say again. The
    rest is as in `Opened`.
    """

    assembled: Assembled
    namespace: str
    cni: str | None
    pod_cidrs: tuple[str, ...]
    positions: Positions
    owners: Owners
    texts: tuple[files.Text, ...]
    snapshots: tuple[Snapshot, ...]
    said: Said
    warnings: tuple[str, ...]
    incomplete: tuple[str, ...]
    partial: bool
    read: tuple[str, ...]


class Opened(Struct, frozen=True):
    """A cluster ready for questions.

    `incomplete` are facts that the answer may be wrong without; `partial` asks for exit 3; `read` says what was read.
    """

    model: Model
    positions: Positions
    owners: Owners
    only: str | None
    warnings: tuple[str, ...]
    incomplete: tuple[str, ...]
    partial: bool
    read: tuple[str, ...]


def open_cluster(inputs: Inputs) -> Opened:
    """Reads the input. Raises InputError for what cannot be read, InvalidInput with every mistake in it (D14)."""
    _profile(inputs.cni, inputs.channel)
    return _opened(inputs, read_cluster(inputs))


def open_texts(inputs: Inputs, texts: Sequence[files.Text], skipped: Sequence[str] = ()) -> Opened:
    """The same of texts, of which some may hold what an API server does; `skipped` is what was passed over before."""
    return open_gathered(inputs, Gathered(list(texts), {}, list(skipped)))


def open_gathered(inputs: Inputs, gathered: Gathered) -> Opened:
    """The same of what `gather` found, or of the same with other texts. Raises as `open_cluster` does."""
    return _opened(inputs, _reading(inputs, gathered))


def _opened(inputs: Inputs, reading: Reading) -> Opened:
    cluster = reading.assembled.cluster
    profile = _profile(reading.cni, inputs.channel)
    model = Model(cluster, profile, reading.pod_cidrs, reading.namespace, _resolutions(inputs))
    unresolved = _unresolved(symbolic(model.index.policies.values()))
    return Opened(
        model=model,
        positions=reading.positions,
        owners=reading.owners,
        only=inputs.only,
        warnings=(*reading.warnings, *unresolved, *_nobody(inputs.only, cluster.namespaces)),
        incomplete=(*reading.incomplete, *unresolved),
        partial=reading.partial or bool(inputs.strict and unresolved),
        read=reading.read,
    )


def read_cluster(inputs: Inputs) -> Reading:
    """The same before the engine. Raises as `open_cluster` does."""
    return _reading(inputs, gather(inputs))


def _reading(inputs: Inputs, found: Gathered) -> Reading:
    channel = _profile(inputs.cni, inputs.channel).channel
    cidrs = _pod_cidrs(inputs.pod_cidrs)
    namespace = _namespace(inputs.namespace or inputs.home)
    decoder = Decoder()
    for text in found.texts:
        decoder.read(text)
    read = _read(found, decoder)
    kept = Kept.of(tuple(found.snapshots.values()))
    texts = [text.again() for text in found.texts]  # the data may be hundreds of megabytes
    positions = Positions(texts, kept.lines)
    admitted = decoder.admitted | kept.admitted
    assembled = assemble(decoder.objects, namespace, kept.objects, channel=channel, admitted=admitted)
    if not decoder.found and not decoder.problems and not found.snapshots:
        raise InputError("\n".join(["the input holds no Kubernetes object", *found.skipped, *decoder.skipped]))
    said = kept.joined(_said(inputs, positions, decoder, assembled, found.skipped))
    unanalyzed = (*_unanalyzed(said), *kept.unlabeled(located.object for located in assembled.objects.values()))
    notes = (*_unread(positions, decoder.unread), *_undeclared(assembled.undeclared))
    incomplete = (*said.skipped, *said.left_out, *unanalyzed, *notes)
    doubts = {*said.warnings, *_problems(positions, assembled.warnings)}
    return Reading(
        assembled=assembled,
        namespace=namespace,
        cni=inputs.cni or kept.cni,
        pod_cidrs=cidrs or kept.pod_cidrs,
        positions=positions,
        owners=Owners(kept.owners(text.name for text in texts)),
        texts=tuple(texts),
        snapshots=kept.snapshots,
        said=said,
        warnings=(*map(str, sorted(doubts, key=Problem.order)), *_foreign(said.foreign), *incomplete),
        incomplete=incomplete,
        partial=bool((unanalyzed and not inputs.ignore_kinds) or (inputs.strict and incomplete)),
        read=(*_project(inputs.project), *read, *_replaced(assembled)),
    )


def _said(inputs: Inputs, positions: Positions, decoder: Decoder, assembled: Assembled, skipped: Iterable[str]) -> Said:
    """What is to be said of the texts. Raises InvalidInput (D14)."""
    templates, left_out = _reject(inputs, positions, decoder, assembled.mistakes)
    return Said(
        unanalyzed=tuple(Unanalyzed(group, kind, count) for (group, kind), count in decoder.unanalyzed.items()),
        skipped=(*skipped, *decoder.skipped, *templates),
        left_out=tuple(left_out),
        warnings=tuple(_problems(positions, decoder.warnings)),
        foreign=tuple(decoder.foreign),
    )


def profiles() -> list[str]:
    """The names that --cni takes."""
    return sorted(PROFILES)


def _profile(name: str | None, channel: str | None) -> Profile:
    name = name or _DEFAULT_PROFILE
    if name not in PROFILES:
        raise InputError(f"--cni {name}: there is no such profile; there are {', '.join(profiles())}")
    if channel is None:
        return PROFILES[name]
    if channel not in CHANNELS:
        raise InputError(f"--channel {channel}: there is no such channel; there are {', '.join(CHANNELS)}")
    return structs.replace(PROFILES[name], channel=channel)


def _resolutions(inputs: Inputs) -> dict[str, AddrSet]:
    if inputs.resolutions is None:
        return {}
    if inputs.resolutions == "-" and "-" in (*inputs.filenames, *inputs.snapshots):
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


class Gathered(Struct, frozen=True):
    """The texts of the input, the snapshots in it by name, and what was passed over."""

    texts: list[files.Text]
    snapshots: dict[str, Snapshot]
    skipped: list[str]


def gather(inputs: Inputs) -> Gathered:
    """Reads all texts of the input, none of them decoded. Raises InputError."""
    if not inputs.sources:
        raise InputError(_NO_INPUT)
    if (*inputs.filenames, *inputs.snapshots).count("-") > 1:
        raise InputError("standard input can be given once only: -f - or --snapshot -")
    texts: list[files.Text] = []
    skipped, failed = [], []
    snapshots: dict[str, Snapshot] = {}
    for filename in dict.fromkeys((*inputs.snapshots, *inputs.filenames)):
        try:
            for found in files.read(filename):
                if found.text is None:
                    skipped.append(found.skipped)
                elif filename in inputs.snapshots or found.text.data.startswith(files.SNAPSHOT):
                    before = sum(len(snapshot.objects) for snapshot in snapshots.values())
                    snapshots[found.text.name] = read_snapshot(found.text.data, found.text.name, before)
                else:
                    texts.append(found.text)
        except InputError as error:
            failed.append(str(error))
    if failed:
        raise InputError("\n".join(failed))
    if inputs.kustomize is not None:
        texts.append(files.kustomize(inputs.kustomize))
    return Gathered(texts, snapshots, skipped)


def _reject(
    inputs: Inputs, positions: Positions, decoder: Decoder, mistakes: tuple[Mistake, ...]
) -> tuple[list[str], list[str]]:
    """Raises every mistake together, or names what is left out: templates, and invalid objects where asked to (D14)."""
    problems = _problems(positions, (*decoder.mistakes, *mistakes))
    templates = {p for p in problems if "{{" in p.message}  # a quoted template is text, but never a valid value
    invalid = sorted(set(problems) - templates, key=Problem.order)
    # A text that cannot be read is no invalid object: it is never skipped.
    if decoder.problems or (invalid and not inputs.skip_invalid):
        raise InvalidInput([*decoder.problems, *invalid])
    return [f"{p.where} {TEMPLATE}" for p in templates], [f"left out as invalid: {p}" for p in invalid]


def _problems(positions: Positions, mistakes: Sequence[Mistake]) -> list[Problem]:
    positions.prepare((mistake.origin, mistake.path) for mistake in mistakes)
    return [_problem(positions, mistake) for mistake in mistakes]


def _problem(positions: Positions, mistake: Mistake) -> Problem:
    message = mistake.message
    if mistake.other is not None:
        message += f" (the other: {positions.where(mistake.other)})"
    return Problem(positions.where(mistake.origin, mistake.path), field(mistake.path), message)


def _unanalyzed(said: Said) -> list[str]:
    return [
        f"{left.count} {left.kind} ({left.group}) not analyzed: "
        f"the answer may be wrong without {'it' if left.count == 1 else 'them'}"
        for left in said.unanalyzed
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


def _foreign(names: Sequence[str]) -> list[str]:
    """Files of a folder that hold nothing: worth a word, but no answer is wrong without them."""
    return [f"passed over, no Kubernetes objects: {_listed(names)}"] if names else []


def _nobody(only: str | None, namespaces: Iterable[str]) -> list[str]:
    if only is None or only in namespaces:
        return []
    return [f"-n {only}: the input has nothing in this namespace; it has {_listed(sorted(namespaces)) or 'none'}"]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _read(found: Gathered, decoder: Decoder) -> tuple[str, ...]:
    """One line for each text."""
    texts = [f"{text.name}: {len(text.data):,} bytes, {decoder.counts[text.name]:,} objects" for text in found.texts]
    return (*texts, *(f"{name}: snapshot, {_described(snapshot)}" for name, snapshot in found.snapshots.items()))


def _described(snapshot: Snapshot) -> str:
    header = snapshot.header
    parts = [f"{len(snapshot.objects):,} objects of {len(snapshot.sources):,} texts"]
    if header.taken is not None:
        parts.append(f"taken {header.taken}")
    if header.labels is not None:
        parts.append("without labels that no selector asked for")
    return ", ".join(parts)


def _project(name: str | None) -> list[str]:
    return [] if name is None else [f"project file: {name}"]


def _replaced(assembled: Assembled) -> list[str]:
    if not assembled.replaced:
        return []
    return [f"{assembled.replaced:,} objects of the snapshot give way to those of the same name in the files"]
