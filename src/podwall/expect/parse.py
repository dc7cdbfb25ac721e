"""Texts → assertions: YAML with `kind: Expectations`, `sets` and `expect`. All mistakes of a text are found at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from podwall.admission.addresses import read_cidr
from podwall.admission.names import dns_label
from podwall.cluster.wellknown import BUILT_IN, Definition
from podwall.engine.rules import PortTerm
from podwall.errors import InvalidText, Problem
from podwall.expect.expectation import Expectation, Labeled, Set, Spec, short_text
from podwall.expect.fields import Fields, Mistakes
from podwall.expect.grammar import Misspelled, SetOf, read_end, read_port, read_short
from podwall.text import yaml
from podwall.text.where import Path, field

__all__ = ["API_VERSION", "DEFINITION", "END", "EXPECTATION", "KIND", "META", "ROOT", "Given", "Parsed", "parse"]

API_VERSION = "podwall.io/v1"
KIND = "Expectations"
ROOT = ("apiVersion", "kind", "metadata", "sets", "expect")
META = ("name", "namespace", "labels", "annotations")
EXPECTATION = ("from", "to", "port", "ports", "verdict", "because", "some")
END = ("namespace", "namespaceLabels", "podLabels", "labels")
DEFINITION = ("namespace", "namespaceLabels", "podLabels", "cidrs", "except", "ports")


class Given(Struct, frozen=True):
    """What a text does not say itself: the namespace of names without one, and sets that are defined elsewhere."""

    namespace: str = "default"
    sets: Mapping[str, Definition] = msgspec.field(default_factory=dict)


class Parsed(Struct, frozen=True):
    """The assertions of a text, or what is wrong with it; `others` are the kinds of documents that hold none."""

    expectations: tuple[Expectation, ...]
    problems: tuple[Problem, ...]
    others: tuple[str, ...]


def parse(data: bytes, source: str, given: Given) -> Parsed:
    """Every assertion of a text. Nothing is raised: mistakes are in the result, each with its line."""
    refused: list[InvalidText] = []
    out: list[Expectation] = []
    problems: list[Problem] = []
    others: list[str] = []
    try:
        documents = list(yaml.documents(data, source, refused))
    except InvalidText as error:  # a separator that is none
        return Parsed((), (error.problem,), ())
    for document in documents:
        if not _is_ours(document.value):
            others.append(_kind(document.value))
            continue
        mistakes = Mistakes()
        found = _Document(document.value, given, mistakes).expectations()
        paths = [path for path, _ in mistakes.found] + [("expect", number) for number, _ in found]
        lines = yaml.locate_all(data, source, {document.index: paths}) if paths else {}
        problems += [Problem(f"{source}:{lines[document.index, p]}", field(p), m) for p, m in mistakes.found]
        for number, expectation in found:
            line = lines[document.index, ("expect", number)]
            out.append(msgspec.structs.replace(expectation, file=source, line=line))
    problems += [error.problem for error in refused]
    return Parsed(tuple(out), tuple(problems), tuple(others))


def _is_ours(value: object) -> bool:
    """Whether a document means to be one of assertions."""
    return isinstance(value, dict) and (value.get("kind") == KIND or ("kind" not in value and "expect" in value))


def _kind(value: object) -> str:
    return str(value.get("kind", "no kind")) if isinstance(value, dict) else "no mapping"


class _Document:
    """One document while it is read."""

    def __init__(self, value: object, given: Given, mistakes: Mistakes) -> None:
        self._root = Fields(value, (), ROOT, mistakes)
        self._mistakes = mistakes
        self._namespace = given.namespace
        self._sets: dict[str, Definition | None] = {**dict.fromkeys(BUILT_IN), **given.sets}

    def expectations(self) -> list[tuple[int, Expectation]]:
        """The assertions that have no mistake, with their numbers."""
        for name, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
            if self._root.get(name) != wanted:
                self._root.wrong(f"must be `{wanted}`", *((name,) if name in self._root else ()))
        self._metadata()
        self._define()
        if "expect" not in self._root:
            self._root.wrong("there is no `expect`: a list of assertions as `web -> api:8080 allow`")
        found = []
        for number, item in enumerate(self._root.items("expect")):
            before = len(self._mistakes.found)
            expectation = self._expectation(item, ("expect", number))
            if expectation is not None and len(self._mistakes.found) == before:
                found.append((number, expectation))
        return found

    def _metadata(self) -> None:
        if "metadata" not in self._root:
            return
        meta = Fields(self._root.get("metadata"), ("metadata",), META, self._mistakes)
        meta.text("name")
        for name in ("labels", "annotations"):
            meta.labels(name)
        namespace = meta.text("namespace")
        if namespace is not None:
            self._check_namespace(meta, namespace)
            self._namespace = namespace

    @staticmethod
    def _check_namespace(fields: Fields, namespace: str) -> None:
        for wrong in dns_label(namespace)[:1]:
            fields.wrong(f"`{namespace}` is no name of a namespace: {wrong}", "namespace")

    # Sets

    def _define(self) -> None:
        value = self._root.get("sets")
        if value is None:
            return
        if not isinstance(value, dict):
            self._root.wrong("expected a mapping of names to sets", "sets")
            return
        for name, item in value.items():
            for wrong in dns_label(name)[:1]:
                self._root.wrong(f"`{name}` cannot name a set: {wrong}", "sets", name)
            self._sets[name] = self._definition(Fields(item, ("sets", name), DEFINITION, self._mistakes))

    def _definition(self, fields: Fields) -> Definition:
        namespace = fields.text("namespace")
        if namespace is not None:
            self._check_namespace(fields, namespace)
        definition = Definition(
            namespace=namespace,
            namespace_labels=fields.labels("namespaceLabels"),
            pod_labels=fields.labels("podLabels"),
            cidrs=_cidrs(fields, "cidrs"),
            excepts=_cidrs(fields, "except"),
            ports=[port for port in fields.items("ports") if isinstance(port, int | str)] or None,
        )
        _ports(fields, "ports", fields.items("ports"))
        if not definition.has_pods and definition.cidrs is None:
            fields.wrong("says nothing: give namespace, namespaceLabels, podLabels or cidrs")
        if definition.excepts and definition.cidrs is None:
            fields.wrong("takes addresses out of `cidrs`, and there are none", "except")
        return definition

    def _set_of(self, name: str) -> Set | None:
        return Set(name, self._sets[name]) if name in self._sets else None

    # Assertions

    def _expectation(self, item: object, path: Path) -> Expectation | None:
        if isinstance(item, str):
            try:
                source, destination, ports, verdict = read_short(item, self._namespace, self._set_of)
            except Misspelled as error:
                self._mistakes.add(path, str(error))
                return None
            return Expectation(" ".join(item.split()), source, destination, ports, verdict == "allow")
        if not isinstance(item, dict):
            self._mistakes.add(path, "expected an assertion: `web -> api:8080 allow`, or a mapping with from and to")
            return None
        return self._long(Fields(item, path, EXPECTATION, self._mistakes))

    def _long(self, fields: Fields) -> Expectation | None:
        source, destination = self._end(fields, "from"), self._end(fields, "to")
        ports = _long_ports(fields)
        verdict = fields.get("verdict")
        if verdict not in ("allow", "deny"):
            said = "there is no `verdict`" if verdict is None else f"`{verdict}` is no verdict"
            fields.wrong(f"{said}: allow or deny", *(() if verdict is None else ("verdict",)))
        some, because = fields.flag("some"), fields.text("because") or ""
        if some and verdict == "deny":
            fields.wrong("goes with allow only: a deny holds for all pairs", "some")
        if source is None or destination is None:
            return None
        text = short_text(source, destination, ports, f"{verdict}{' (some)' if some else ''}")
        return Expectation(text, source, destination, ports, verdict == "allow", some, because)

    def _end(self, fields: Fields, name: str) -> Spec | None:
        value = fields.get(name)
        if value is None:
            fields.wrong(f"there is no `{name}`")
        elif isinstance(value, str):
            return _read_end(fields, name, value, self._namespace, self._set_of)
        elif isinstance(value, dict):
            return self._labeled(Fields(value, (*fields.path, name), END, self._mistakes))
        else:
            fields.wrong("expected an end as text, or a mapping with labels", name)
        return None

    def _labeled(self, fields: Fields) -> Labeled:
        namespace = fields.text("namespace")
        if namespace is not None:
            self._check_namespace(fields, namespace)
        if "labels" in fields and "podLabels" in fields:
            fields.wrong("`labels` and `podLabels` are the same thing: give one of them")
        if not any(name in fields for name in END):
            fields.wrong("says nothing: give namespace, namespaceLabels or podLabels")
        pods = fields.labels("podLabels") if "podLabels" in fields else fields.labels("labels")
        return Labeled(namespace, _frozen(fields.labels("namespaceLabels")), _frozen(pods))


def _frozen(labels: dict[str, str] | None) -> tuple[tuple[str, str], ...] | None:
    return None if labels is None else tuple(sorted(labels.items()))


def _read_end(fields: Fields, name: str, text: str, namespace: str, set_of: SetOf) -> Spec | None:
    try:
        return read_end(text, namespace, set_of)
    except Misspelled as error:
        fields.wrong(str(error), name)
        return None


def _long_ports(fields: Fields) -> tuple[PortTerm, ...] | None:
    if "port" in fields and "ports" in fields:
        fields.wrong("`port` and `ports` are the same thing: give one of them")
    if "port" in fields:
        return _ports(fields, "port", [fields.get("port")])
    return _ports(fields, "ports", fields.items("ports")) if "ports" in fields else None


def _ports(fields: Fields, name: str, values: Sequence[object]) -> tuple[PortTerm, ...]:
    terms = []
    for number, value in enumerate(values):
        steps = (name,) if name == "port" else (name, number)
        if isinstance(value, bool) or not isinstance(value, int | str):
            fields.wrong("expected a port: a number, a name, 53/udp or any", *steps)
            continue
        try:
            terms.append(read_port(value))
        except Misspelled as error:
            fields.wrong(str(error), *steps)
    return tuple(terms)


def _cidrs(fields: Fields, name: str) -> list[str] | None:
    found = []
    for number, text in fields.texts(name):
        if read_cidr(text) is None:
            fields.wrong(f"`{text}` is no CIDR (as 203.0.113.0/24)", name, number)
        else:
            found.append(text)
    return found if name in fields else None
