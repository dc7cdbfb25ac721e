"""From input flags to one cluster ready for questions, with everything that must be said about the input."""

from __future__ import annotations

import ipaddress

from msgspec import Struct

from podwall.cluster.profile import PROFILES
from podwall.engine.model import Model
from podwall.errors import InputError, InvalidInput, Problem
from podwall.sources import files
from podwall.sources.assemble import assemble
from podwall.sources.decode import Decoder, Mistake
from podwall.sources.positions import Positions
from podwall.text.where import field

__all__ = ["Inputs", "Opened", "open_cluster"]

_NO_INPUT = (
    "no input: give files or directories with -f, a kustomization with -k, or a cluster's dump on standard input, as\n"
    "  kubectl get ns,no,po,svc,endpointslices,deploy,sts,ds,rs,job,cj,netpol -A -o json | podwall … -f -"
)


class Inputs(Struct, frozen=True):
    """The input flags of interface.md."""

    filenames: tuple[str, ...] = ()
    kustomize: str | None = None
    namespace: str | None = None
    cni: str = "kubernetes"
    pod_cidrs: tuple[str, ...] = ()
    skip_invalid: bool = False
    strict: bool = False
    ignore_kinds: bool = False


class Opened(Struct, frozen=True):
    """A cluster ready for questions. `incomplete` are facts that the answer may be wrong without; `partial` asks for exit 3."""

    model: Model
    positions: Positions
    warnings: tuple[str, ...]
    incomplete: tuple[str, ...]
    partial: bool


def open_cluster(inputs: Inputs) -> Opened:
    """Reads the input. Raises InputError for what cannot be read, InvalidInput with every mistake in it (D14)."""
    profile = PROFILES.get(inputs.cni)
    if profile is None:
        raise InputError(f"--cni {inputs.cni}: there is no such profile; there are {', '.join(sorted(PROFILES))}")
    cidrs = tuple(c for given in inputs.pod_cidrs for c in given.split(","))
    _check_cidrs(cidrs)
    texts, skipped = _texts(inputs)
    decoder = Decoder()
    for text in texts:
        decoder.read(text)
    positions = Positions(texts)
    assembled = assemble(decoder.objects, inputs.namespace or "default")
    skipped += decoder.skipped
    if not decoder.found and not decoder.problems:
        raise InputError("\n".join(["the input holds no Kubernetes object", *skipped]))
    left_out = _reject(inputs, positions, decoder, assembled.mistakes)
    warnings = [f"warning: {_problem(positions, m)}" for m in (*decoder.warnings, *assembled.warnings)]
    unanalyzed = _unanalyzed(decoder)
    incomplete = (*skipped, *left_out, *unanalyzed, *_undeclared(assembled.undeclared))
    return Opened(
        model=Model(assembled.cluster, profile, cidrs, inputs.namespace or "default"),
        positions=positions,
        warnings=(*sorted(warnings), *(f"warning: {fact}" for fact in incomplete)),
        incomplete=incomplete,
        partial=bool((unanalyzed and not inputs.ignore_kinds) or (inputs.strict and incomplete)),
    )


def _check_cidrs(cidrs: tuple[str, ...]) -> None:
    for cidr in cidrs:
        try:
            ipaddress.ip_network(cidr)
        except ValueError as error:
            raise InputError(f"--pod-cidr {cidr}: {error}") from None


def _texts(inputs: Inputs) -> tuple[list[files.Text], list[str]]:
    if not inputs.filenames and inputs.kustomize is None:
        raise InputError(_NO_INPUT)
    texts, skipped = [], []
    for found in files.read(inputs.filenames):
        if found.text is not None:
            texts.append(found.text)
        else:
            skipped.append(found.skipped)
    if inputs.kustomize is not None:
        texts.append(files.kustomize(inputs.kustomize))
    return texts, skipped


def _reject(inputs: Inputs, positions: Positions, decoder: Decoder, mistakes: tuple[Mistake, ...]) -> list[str]:
    """Raises every mistake together, or names what is left out where that is wanted (D14)."""
    problems = [_problem(positions, m) for m in (*decoder.mistakes, *mistakes)]
    # A text that cannot be read is no invalid object: it is never skipped.
    if decoder.problems or (problems and not inputs.skip_invalid):
        raise InvalidInput([*decoder.problems, *problems])
    return [f"left out as invalid: {p}" for p in sorted(problems)]


def _problem(positions: Positions, mistake: Mistake) -> Problem:
    return Problem(positions.where(mistake.origin, mistake.path), field(mistake.path), mistake.message)


def _unanalyzed(decoder: Decoder) -> list[str]:
    return [
        f"{count} {kind} ({group}) not analyzed: the answer may be wrong without {'it' if count == 1 else 'them'}"
        for (group, kind), count in sorted(decoder.unanalyzed.items())
    ]


def _undeclared(names: tuple[str, ...]) -> list[str]:
    if not names:
        return []
    listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return [f"no Namespace object in the input for {listed}: taken to have no label but its name (D11)"]

