"""From input flags to one cluster ready for questions, with everything that must be said about the input."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Raw, Struct, structs

from podwall.admission.names import dns_label
from podwall.api.kinds import KubernetesObject
from podwall.cluster.mistake import Mistake, Named
from podwall.cluster.objects import Located
from podwall.cluster.profile import CHANNELS, PROFILES, Profile
from podwall.engine.domains import symbolic
from podwall.engine.model import Model
from podwall.engine.sets import AddrSet
from podwall.errors import InputError, InvalidInput, Problem
from podwall.ops import remarks
from podwall.ops.mistakes import ignoring, kept_mistakes
from podwall.sources import files, git
from podwall.sources.assemble import Assembled, assemble
from podwall.sources.decode import TEMPLATE, Decoder
from podwall.sources.kept import Kept
from podwall.sources.owners import Owners
from podwall.sources.positions import Positions
from podwall.sources.resolutions import read_resolutions
from podwall.sources.snapshot import Said, Snapshot, Unanalyzed
from podwall.sources.snapshot import read as read_snapshot

__all__ = [
    "Gathered",
    "Inputs",
    "Opened",
    "Reading",
    "decoded",
    "default_namespace",
    "gather",
    "new_decoder",
    "open_cluster",
    "open_gathered",
    "open_texts",
    "opened",
    "pod_cidrs",
    "profile_of",
    "profiles",
    "read_cluster",
]

_NO_INPUT = (
    "no input: give files or directories with -f, a kustomization with -k, a snapshot with --snapshot, or the dump of\n"
    "  a cluster on standard input, as\n"
    "    kubectl get ns,no,po,svc,endpointslices,deploy,sts,ds,rs,job,cj,netpol -A -o json | podwall … -f -"
)
_DEFAULT_PROFILE = "kubernetes"


class Inputs(Struct, frozen=True):
    """The input flags of interface.md.

    `project` is the file that has had its say in them. `home` is the namespace of what has none where `namespace`,
    which also cuts the answer, is not given. With `keep_mistakes`, invalid objects are left out and what is wrong with
    them is kept, with all that is only doubtful: for `check`, which makes findings of it.
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
    keep_mistakes: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """What is read, whichever flag names it."""
        return (*self.filenames, *self.snapshots, *([self.kustomize] if self.kustomize is not None else []))

    @property
    def only(self) -> str | None:
        """The namespace that the answer is about; None for all."""
        return None if self.all_namespaces else self.namespace


class Gathered(Struct, frozen=True):
    """Texts, snapshots by name, and what was passed over though it may hold objects.

    `named` says whether any input was named at all, `revisions` are those of git that were read; `read` has one line
    for each text once it is decoded.
    """

    texts: tuple[files.Text, ...] = ()
    snapshots: dict[str, Snapshot] = {}
    skipped: tuple[str, ...] = ()
    named: bool = True
    revisions: tuple[str, ...] = ()
    read: tuple[str, ...] = ()

    def __add__(self, other: Gathered) -> Gathered:
        return Gathered(
            self.texts + other.texts,
            self.snapshots | other.snapshots,
            self.skipped + other.skipped,
            self.named or other.named,
            self.revisions + other.revisions,
            self.read + other.read,
        )


class Reading(Struct, frozen=True):
    """A cluster as it was read, before anything is computed.

    `texts` are the files that it came from, without their data; `said` is what a snapshot of it must say again. The
    rest is as in `Opened`; a snapshot is `whole`, unless it says itself that something was passed over.
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
    mistakes: tuple[Mistake, ...] = ()
    whole: bool = False


class Opened(Struct, frozen=True):
    """A cluster ready for questions.

    `incomplete` are facts that the answer may be wrong without; `partial` asks for exit 3; `read` says what was read.
    Where mistakes are kept, `ignoring` are the annotations of objects that suppress findings about them. `texts` are
    what was read, without the data of files, and `kept` the topology of snapshots by name; `untold` are the snapshots
    that were taken without it. `whole` says that what is not in the input does not exist (D18).
    """

    model: Model
    positions: Positions
    owners: Owners
    only: str | None
    warnings: tuple[str, ...]
    incomplete: tuple[str, ...]
    partial: bool
    read: tuple[str, ...]
    mistakes: tuple[Mistake, ...] = ()
    ignoring: Mapping[Named, Mapping[str, str]] = {}
    pod_cidrs: tuple[str, ...] = ()
    texts: tuple[files.Text, ...] = ()
    kept: tuple[tuple[str, tuple[Raw, ...]], ...] = ()
    whole: bool = False
    untold: tuple[str, ...] = ()


def open_cluster(inputs: Inputs) -> Opened:
    """Reads the input. Raises InputError for what cannot be read, InvalidInput with every mistake in it (D14)."""
    profile_of(inputs.cni, inputs.channel)
    return opened(inputs, *decoded(gather(inputs), new_decoder(inputs)))


def open_texts(inputs: Inputs, texts: Sequence[files.Text], skipped: Sequence[str] = ()) -> Opened:
    """The same of texts, of which some may hold what an API server does; `skipped` is what was passed over before."""
    return open_gathered(inputs, Gathered(tuple(texts), skipped=tuple(skipped)))


def open_gathered(inputs: Inputs, gathered: Gathered) -> Opened:
    """The same of what `gather` found, or of the same with other texts. Raises as `open_cluster` does."""
    return opened(inputs, *decoded(gathered, new_decoder(inputs)))


def opened(
    inputs: Inputs, gathered: Gathered, decoder: Decoder, base: Iterable[Located[KubernetesObject]] = ()
) -> Opened:
    """A cluster of what was decoded; objects of the `base` stand back where there is another one of the same name.

    Raises InputError, and InvalidInput with every mistake (D14).
    """
    reading = _reading(inputs, gathered, decoder, base)
    cluster = reading.assembled.cluster
    profile = profile_of(reading.cni, inputs.channel)
    model = Model(cluster, profile, reading.pod_cidrs, reading.namespace, _resolutions(inputs))
    unresolved = remarks.unresolved(symbolic(model.index.policies.values()))
    return Opened(
        model=model,
        positions=reading.positions,
        owners=reading.owners,
        only=inputs.only,
        warnings=(*reading.warnings, *unresolved, *remarks.nobody(inputs.only, cluster.namespaces)),
        incomplete=(*reading.incomplete, *unresolved),
        partial=reading.partial or bool(inputs.strict and unresolved),
        read=reading.read,
        mistakes=reading.mistakes,
        ignoring=dict(ignoring(reading.assembled)) if inputs.keep_mistakes else {},
        pod_cidrs=reading.pod_cidrs,
        texts=reading.texts,
        kept=tuple((name, snapshot.topology) for name, snapshot in gathered.snapshots.items()),
        whole=reading.whole and bool(model.endpoints),
        untold=tuple(name for name, snapshot in gathered.snapshots.items() if not snapshot.header.topology),
    )


def read_cluster(inputs: Inputs) -> Reading:
    """The same before the engine. Raises as `open_cluster` does."""
    return _reading(inputs, *decoded(gather(inputs), new_decoder(inputs)))


def new_decoder(inputs: Inputs) -> Decoder:
    """What reads the texts; objects without a namespace are of the one that the flags name (D12). Raises InputError."""
    return Decoder(default_namespace(inputs))


def decoded(gathered: Gathered, decoder: Decoder) -> tuple[Gathered, Decoder]:
    """The texts without their data, which may be hundreds of megabytes, and all their objects, added to a decoder's."""
    for text in gathered.texts:
        decoder.read(text)
    texts = tuple(text.again() for text in gathered.texts)
    return structs.replace(gathered, texts=texts, read=_read(gathered, decoder)), decoder


def _reading(
    inputs: Inputs, found: Gathered, decoder: Decoder, base: Iterable[Located[KubernetesObject]] = ()
) -> Reading:
    channel = profile_of(inputs.cni, inputs.channel).channel
    cidrs = pod_cidrs(inputs.pod_cidrs)
    namespace = default_namespace(inputs)
    if not found.named:
        raise InputError(_NO_INPUT)
    kept = Kept.of(tuple(found.snapshots.values()))
    positions = Positions(found.texts, kept.lines)
    admitted = decoder.admitted | kept.admitted
    assembled = assemble(decoder.objects, namespace, (*kept.objects, *base), channel=channel, admitted=admitted)
    if not decoder.found and not decoder.problems and not found.snapshots:
        raise InputError("\n".join(["the input holds no Kubernetes object", *found.skipped, *decoder.skipped]))
    said = kept.joined(_said(inputs, positions, decoder, assembled, found.skipped))
    unanalyzed = (*remarks.unanalyzed(said), *kept.unlabeled(located.object for located in assembled.objects.values()))
    notes = (*remarks.unread(positions, decoder.unread), *remarks.undeclared(assembled.undeclared))
    incomplete = (*said.skipped, *said.left_out, *unanalyzed, *notes)
    doubts = {*said.warnings, *([] if inputs.keep_mistakes else remarks.problems(positions, assembled.warnings))}
    return Reading(
        assembled=assembled,
        namespace=namespace,
        cni=inputs.cni or kept.cni,
        pod_cidrs=cidrs or kept.pod_cidrs,
        positions=positions,
        owners=Owners(kept.owners(text.name for text in found.texts), found.revisions),
        texts=found.texts,
        snapshots=kept.snapshots,
        said=said,
        warnings=(*map(str, sorted(doubts, key=Problem.order)), *remarks.foreign(said.foreign), *incomplete),
        incomplete=incomplete,
        partial=bool((unanalyzed and not inputs.ignore_kinds) or (inputs.strict and incomplete)),
        read=(*_project(inputs.project), *found.read, *remarks.replaced(assembled)),
        mistakes=tuple(kept_mistakes(decoder, assembled)) if inputs.keep_mistakes else (),
        whole=bool(kept.snapshots) and not said.skipped,
    )


def _said(inputs: Inputs, positions: Positions, decoder: Decoder, assembled: Assembled, skipped: Iterable[str]) -> Said:
    """What is to be said of the texts. Raises InvalidInput (D14)."""
    templates, left_out = _reject(inputs, positions, decoder, assembled.mistakes)
    return Said(
        unanalyzed=tuple(Unanalyzed(group, kind, count) for (group, kind), count in decoder.unanalyzed.items()),
        skipped=(*skipped, *decoder.skipped, *templates),
        left_out=tuple(left_out),
        warnings=() if inputs.keep_mistakes else tuple(remarks.problems(positions, decoder.warnings)),
        foreign=tuple(decoder.foreign),
    )


def profiles() -> list[str]:
    """The names that --cni takes."""
    return sorted(PROFILES)


def profile_of(name: str | None, channel: str | None) -> Profile:
    """The profile that --cni and --channel name. Raises InputError."""
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


def default_namespace(inputs: Inputs) -> str:
    """The namespace of objects and names without one (D12). Raises InputError."""
    given = inputs.namespace or inputs.home
    wrong = dns_label(given) if given is not None else ()
    if wrong:
        raise InputError(f"-n {given}: not the name of a namespace: {wrong[0]}")
    return given or "default"


def gather(inputs: Inputs) -> Gathered:
    """The texts and snapshots that the flags name. Raises InputError."""
    if (*inputs.filenames, *inputs.snapshots).count("-") > 1:
        raise InputError("standard input can be given once only: -f - or --snapshot -")
    texts: list[files.Text] = []
    skipped, failed = [], []
    snapshots: dict[str, Snapshot] = {}
    for filename in dict.fromkeys((*inputs.snapshots, *inputs.filenames)):
        try:
            for found in _source(filename):
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
    revisions = tuple(git.revision_of(name) for name in inputs.filenames if name.startswith(git.PREFIX))
    return Gathered(tuple(texts), snapshots, tuple(skipped), bool(inputs.sources), revisions)


def _source(filename: str) -> Iterator[files.Found]:
    """Every text that a name leads to, wherever it is kept. Raises InputError."""
    return git.read(filename) if filename.startswith(git.PREFIX) else files.read(filename)


def _reject(
    inputs: Inputs, positions: Positions, decoder: Decoder, mistakes: tuple[Mistake, ...]
) -> tuple[list[str], list[str]]:
    """Raises every mistake together, or names what is left out: templates, and invalid objects where asked to (D14)."""
    problems = remarks.problems(positions, (*decoder.mistakes, *mistakes))
    templates = {p for p in problems if "{{" in p.message}  # a quoted template is text, but never a valid value
    invalid = sorted(set(problems) - templates, key=Problem.order)
    # A text that cannot be read is no invalid object: it is never skipped.
    if decoder.problems or (invalid and not (inputs.skip_invalid or inputs.keep_mistakes)):
        raise InvalidInput([*decoder.problems, *invalid])
    left_out = [] if inputs.keep_mistakes else [f"left out as invalid: {p}" for p in invalid]
    return [f"{p.where} {TEMPLATE}" for p in templates], left_out


def _read(found: Gathered, decoder: Decoder) -> tuple[str, ...]:
    """One line for each text."""
    texts = [f"{text.name}: {len(text.data):,} bytes, {decoder.counts[text.name]:,} objects" for text in found.texts]
    return (*texts, *(f"{name}: snapshot, {remarks.described(snapshot)}" for name, snapshot in found.snapshots.items()))


def _project(name: str | None) -> list[str]:
    return [] if name is None else [f"project file: {name}"]
