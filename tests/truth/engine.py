"""The engine as the oracle is asked: objects through the real reader into a Model, and one answer to each question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from podwall.cluster.profile import PROFILES
from podwall.engine.connections import edges, externals_of
from podwall.engine.model import Model
from podwall.engine.questions import Question
from podwall.engine.sets import AddrSet, PortSet
from podwall.engine.verdict import Verdict
from podwall.errors import Problem
from podwall.sources.assemble import Assembled, assemble
from podwall.sources.decode import Decoder
from podwall.sources.files import Text
from podwall.sources.resolutions import resolutions_of
from podwall.text.where import field
from tests.truth.vocabulary import EXTERNAL, Object

Answer = dict[str, int | str]


@dataclass(frozen=True)
class Read:
    """What a text holds, and all that was said about it as (path of the field, message)."""

    assembled: Assembled
    unreadable: tuple[Problem, ...]
    problems: tuple[tuple[str, str], ...]
    warnings: tuple[tuple[str, str], ...]


def as_json(objects: Sequence[Object]) -> bytes:
    """The objects as `kubectl get -o json` prints them."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}).encode()


def as_stream(objects: Sequence[Object]) -> bytes:
    """The objects one behind the other."""
    return b"\n".join(json.dumps(o).encode() for o in objects)


def read_text(
    data: bytes,
    name: str = "input.json",
    namespace: str = "default",
    *,
    channel: str = "experimental",
    admitted: bool = False,
) -> Read:
    """A text through the product's own reader; `admitted`: as an API server holds it."""
    decoder = Decoder()
    decoder.read(Text(name, data, admitted=admitted))
    assembled = assemble(decoder.objects, namespace, channel=channel, admitted=decoder.admitted)
    said = [*decoder.mistakes, *assembled.mistakes]
    warned = [*decoder.warnings, *assembled.warnings]
    undeclared = [("", f"no Namespace object for {name}") for name in assembled.undeclared]  # D11
    return Read(
        assembled=assembled,
        unreadable=tuple(decoder.problems),
        problems=tuple((field(m.path), m.message) for m in said),
        warnings=(*((field(m.path), m.message) for m in warned), *undeclared),
    )


def model_of(
    objects: Sequence[Object],
    *,
    cni: str = "kubernetes",
    pod_cidrs: Sequence[str] = (),
    namespace: str = "default",
    resolutions: Mapping[str, Sequence[str]] | None = None,
) -> Model:
    """The model of objects that have no mistake; AssertionError names the mistakes of others."""
    read = read_text(as_json(objects), namespace=namespace)
    assert (read.unreadable, read.problems) == ((), ())
    return Model(read.assembled.cluster, PROFILES[cni], pod_cidrs, namespace, known(resolutions))


def known(resolutions: Mapping[str, Sequence[str]] | None) -> dict[str, AddrSet]:
    """Resolutions through the product's own reader."""
    return resolutions_of(Text("resolutions.json", json.dumps(resolutions).encode())) if resolutions else {}


def ask(model: Model, query: Answer) -> Answer:
    """Family, verdict, egress and ingress, as the oracle gives them. Raises UnknownReference where there is no answer.

    AssertionError where the verdict with all evidence is another one than that without.
    """
    asked = Question(
        src=str(query["src"]),
        dst=str(query["dst"]),
        port=query["port"],
        protocol=str(query["protocol"]),
        family=None if query.get("family") is None else int(query["family"]),
    )
    connections = model.questions.connections(asked).connections
    verdicts = [model.judge.verdict(c) for c in connections]
    quick = [model.judge.verdict(c, evidence=False) for c in connections]
    assert [said_by(v) for v in quick] == [said_by(v) for v in verdicts]
    return {
        "family": connections[0].family,
        "verdict": word(allowed=all(v.allowed for v in verdicts)),
        "egress": word(allowed=all(v.egress.allowed for v in verdicts)),
        "ingress": word(allowed=all(v.ingress.allowed for v in verdicts)),
    }


def said_by(verdict: Verdict) -> tuple[bool, bool, bool]:
    """What a verdict says, without its evidence."""
    return verdict.egress.allowed, verdict.ingress.allowed, verdict.assumed


def word(*, allowed: bool) -> str:
    """How a verdict is spelled."""
    return "allow" if allowed else "deny"


def assumed_addresses(model: Model) -> dict[str, tuple[str, ...]]:
    """The addresses that were allotted (D2), by `ns/Kind/name`: the oracle takes them as they are."""
    return {f"{e.namespace}/{e.kind}/{e.name}": e.addresses for e in model.endpoints if e.assumed}


def open_ports(model: Model, outside: Sequence[str] = EXTERNAL) -> dict[tuple[str, str, int], PortSet]:
    """The map without groups and cells: (source, destination, family) → ports, for single Pods and addresses."""
    reach = model.reach
    groups = model.groups(reach)
    inside = {g.name: [f"{m.namespace}/{m.kind}/{m.name}" for m in g.members] for g in groups}
    cells = {c.name: c.addresses for c in externals_of(reach)}

    def named(party: str, family: int) -> list[str]:
        if party in inside:
            return inside[party]
        return [a for a in outside if a in cells[party] and (":" in a) == (family == 6)]

    return {
        (src, dst, family): ports
        for edge in edges(reach, groups)
        for family, ports in edge.ports.items()
        for src in named(edge.src, family)
        for dst in named(edge.dst, family)
        if ports and src != dst
    }
