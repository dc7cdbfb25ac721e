"""Texts → Kubernetes objects, each with its place: JSON decoded straight into Structs, YAML by way of plain values.

Lists are taken apart, other kinds passed over, and every mistake is collected; what the objects say is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct, ValidationError

from podwall.api.kinds import ONLY_VERSION, READ, UNANALYZED_POLICIES, KubernetesObject, group_of, is_read
from podwall.api.meta import Header
from podwall.api.networking import NetworkPolicy
from podwall.api.policy import AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy
from podwall.cluster.objects import Located, Origin, kind_of
from podwall.errors import InvalidText, Problem
from podwall.sources.files import Text
from podwall.sources.unknown import without_unknown
from podwall.text import json, yaml
from podwall.text.where import Path, parse_field

__all__ = ["Decoder", "Mistake"]

_POLICIES = (NetworkPolicy, ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy)


class Mistake(Struct, frozen=True):
    """Something wrong with an object, before its line is looked up."""

    origin: Origin
    path: Path
    message: str


class _TypedList(Struct):
    """A List whose items all are of kinds that are read."""

    items: list[KubernetesObject]


class _Item(Struct, frozen=True):
    """One object before it is decoded: JSON text, else a plain value; `default` is the kind that its list implies."""

    origin: Origin
    raw: Raw | None = None
    value: object = None
    default: Header = Header()


class Decoder:
    """Collects what texts hold. `problems` are errors, `warnings` are not; `unanalyzed` names policies left out."""

    def __init__(self) -> None:
        self.objects: list[Located[KubernetesObject]] = []
        self.problems: list[Problem] = []
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []
        self.unanalyzed: dict[tuple[str, str], int] = {}
        self.skipped: list[str] = []
        self.found = 0
        self._typed = msgspec.json.Decoder(KubernetesObject)

    def read(self, text: Text) -> None:
        """Adds all objects of a text."""
        before = len(self.objects)
        try:
            if not (_looks_like_json(text) and self._take_whole(text)):
                for item in _items(text):
                    self.found += 1
                    self._take(item)
        except InvalidText as error:
            if b"{{" in text.data:
                del self.objects[before:]
                self.skipped.append(f"{text.name} is a template: render it and pipe it in, as helm template … | podwall … -f -")
            else:
                self.problems.append(error.problem)

    def _take_whole(self, text: Text) -> bool:
        """The common case at once: one JSON List of nothing but kinds that are read. Whether it was that."""
        try:
            found = msgspec.json.decode(text.data, type=_TypedList).items
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False
        if not all(is_read(version, kind) for version, kind in {(o.apiVersion, kind_of(o)) for o in found}):
            return False
        if any(isinstance(o, _POLICIES) for o in found):
            self._check_policies(text, found)
        self.objects += [Located(o, Origin(text.name, 0, n)) for n, o in enumerate(found)]
        self.found += len(found)
        return True

    def _check_policies(self, text: Text, found: list[KubernetesObject]) -> None:
        for number, (item, raw) in enumerate(zip(found, json.items(text.data) or (), strict=True)):
            if isinstance(item, _POLICIES):
                self._check_duplicates(raw, Origin(text.name, 0, number))

    def _check_duplicates(self, raw: Raw, origin: Origin) -> None:
        """A policy with a key twice is refused; other kinds are too many to look at so closely."""
        try:
            json.check_duplicates(raw, origin.source, origin.line)
        except InvalidText as error:
            self.mistakes.append(Mistake(origin, (), error.problem.message))

    def _take(self, item: _Item) -> None:
        if item.raw is not None:
            try:
                found = self._typed.decode(item.raw)
            except (ValidationError, RecursionError):
                found = None  # another kind, or a mistake: looked at below
            if found is not None and is_read(found.apiVersion, kind_of(found)):
                self._add(found, item)
                return
        self._look_closer(item)

    def _look_closer(self, item: _Item) -> None:
        value = _plain(item)
        if not isinstance(value, dict):
            self._wrong(item, (), f"expected a Kubernetes object, got {_sort(value)}")
            return
        kind, version = value.get("kind", item.default.kind), value.get("apiVersion", item.default.apiVersion)
        if not isinstance(kind, str) or not kind:
            self._wrong(item, ("kind",), "Required value: every object needs a kind")
        elif not isinstance(version, str) or not version:
            self._wrong(item, ("apiVersion",), f"Required value: every object needs an apiVersion ({kind})")
        elif is_read(version, kind):
            self._of_kind({**value, "kind": kind, "apiVersion": version}, READ[group_of(version), kind], item)
        else:
            self._of_no_kind(version, kind, item)

    def _of_no_kind(self, version: str, kind: str, item: _Item) -> None:
        """What is not read: a policy is missed, and so is a version whose fields may mean something else."""
        known = (group_of(version), kind)
        if known in ONLY_VERSION:
            message = f"Podwall reads {kind} of {ONLY_VERSION[known]} only, and cannot know what {version} means by it"
            self._wrong(item, ("apiVersion",), message)
        elif known in UNANALYZED_POLICIES:
            self.unanalyzed[known] = self.unanalyzed.get(known, 0) + 1

    def _of_kind(self, value: dict[str, object], known: type[Any], item: _Item) -> None:
        clean, unknown = without_unknown(value, known) if known in _POLICIES else (value, [])
        for slip in unknown:
            meant = f", did you mean `{slip.meant}`?" if slip.meant else ""
            self.warnings.append(Mistake(item.origin, slip.path, f"unknown field, which the API server drops{meant}"))
        try:
            self._add(msgspec.convert(clean, known), item)
        except ValidationError as error:
            path, message = _explained(error)
            self._wrong(item, path, message)

    def _add(self, found: KubernetesObject, item: _Item) -> None:
        if item.raw is not None and isinstance(found, _POLICIES):
            self._check_duplicates(item.raw, item.origin)
        self.objects.append(Located(found, item.origin))

    def _wrong(self, item: _Item, path: Path, message: str) -> None:
        self.mistakes.append(Mistake(item.origin, path, message))


def _plain(item: _Item) -> object:
    return item.value if item.raw is None else msgspec.json.decode(item.raw)


def _items(text: Text) -> Iterator[_Item]:
    if _looks_like_json(text):
        yield from _json_items(text)
    else:
        yield from _yaml_items(text)


def _looks_like_json(text: Text) -> bool:
    start = text.data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:2]
    return start[:1] in (b"{", b"[") and start != b"{{"


def _json_items(text: Text) -> Iterator[_Item]:
    for number, value in enumerate(json.values(text.data, text.name)):
        origin = Origin(text.name, number, -1, value.line)
        items = json.items(value.raw)
        if items is None:
            yield _Item(origin, value.raw)
            continue
        default = _item_header(msgspec.json.decode(value.raw, type=Header))
        for position, raw in enumerate(items):
            yield _Item(Origin(text.name, number, position), raw, default=default)


def _yaml_items(text: Text) -> Iterator[_Item]:
    for document in yaml.documents(text.data, text.name):
        value = document.value
        items = value.get("items") if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(items, list) and str(value.get("kind", "")).endswith("List"):
            default = _item_header(Header(str(value["kind"]), str(value.get("apiVersion", ""))))
            for position, item in enumerate(items):
                yield _Item(Origin(text.name, document.index, position), value=item, default=default)
        else:
            yield _Item(Origin(text.name, document.index, -1, document.line), value=value)


def _item_header(of_list: Header) -> Header:
    """What the items of a PodList and the like are where they do not say it."""
    return Header(of_list.kind.removesuffix("List"), of_list.apiVersion)


def _explained(error: ValidationError) -> tuple[Path, str]:
    """msgspec's `Expected … - at `$.spec.x`` as a path and a message."""
    message, _, place = str(error).partition(" - at `$")
    steps = place.rstrip("`").replace("[...]", "").removeprefix(".")
    return parse_field(steps) if steps else (), message[:1].lower() + message[1:]


def _sort(value: object) -> str:
    return {"str": "a string", "list": "a list", "int": "a number", "float": "a number", "bool": "a boolean"}.get(
        type(value).__name__, "nothing"
    )

