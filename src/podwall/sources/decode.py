"""Texts → Kubernetes objects, each with its place: JSON decoded straight into Structs, YAML by way of plain values.

Other kinds are passed over, and every mistake is collected; what the objects say is not judged here.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct, ValidationError

from podwall.admission.identity import CLUSTER_SCOPED
from podwall.api.kinds import ONLY_VERSION, READ, UNANALYZED_POLICIES, KubernetesObject, group_of, is_read
from podwall.api.networking import NetworkPolicy
from podwall.api.policy import AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy
from podwall.cluster.mistake import Mistake, Named, Sort
from podwall.cluster.objects import Located, Origin, kind_of, name_of
from podwall.errors import InvalidText, Problem
from podwall.sources.entries import Entry, entries, header, in_template
from podwall.sources.files import Text, is_json
from podwall.sources.shapes import fitted
from podwall.text import json
from podwall.text.where import Path, parse_field

__all__ = ["TEMPLATE", "Decoder"]

_POLICIES = (NetworkPolicy, ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy)
_KUSTOMIZE = "kustomize.config.k8s.io"

TEMPLATE = "is a template, skipped; render it and pipe it in: helm template … | podwall … -f -"


class _TypedList(Struct):
    """A List whose items all are of kinds that are read."""

    items: list[KubernetesObject]
    kind: str = ""


class Decoder:
    """Collects what texts hold.

    `problems` and `mistakes` are errors, `warnings` are not; `unanalyzed` counts policies left out, `skipped` says what
    was passed over though it may hold objects, `foreign` names files that hold none. `admitted` are the texts whose
    objects an API server holds, `unread` the fields of their policies that Podwall does not know. `counts` has the
    number of objects by text. `namespace` is that of objects without one (D12).
    """

    def __init__(self, namespace: str = "default") -> None:
        self._namespace = namespace
        self.objects: list[Located[KubernetesObject]] = []
        self.problems: list[Problem] = []
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []
        self.unanalyzed: dict[tuple[str, str], int] = {}
        self.skipped: list[str] = []
        self.foreign: set[str] = set()
        self.admitted: set[str] = set()
        self.unread: list[Mistake] = []
        self.counts: dict[str, int] = {}
        self.found = 0
        self._typed = msgspec.json.Decoder(KubernetesObject)

    def read(self, text: Text) -> None:
        """Adds all objects of a text."""
        collected: tuple[list[Any], ...] = (self.objects, self.mistakes, self.warnings, self.unread)
        before = [len(part) for part in collected]
        refused: list[InvalidText] = []
        if text.admitted:
            self.admitted.add(text.name)
        if not (is_json(text.data) and self._take_whole(text)):
            for entry in entries(text, refused):
                self.found += 1
                self._take(entry, walked=text.walked)
        if refused and in_template(text.data, (error.line for error in refused)):
            for part, length in zip(collected, before, strict=True):
                del part[length:]
            self.skipped.append(f"{text.name} {TEMPLATE}")
        else:
            self.problems += [error.problem for error in refused]
        self.counts[text.name] = len(self.objects) - before[0]

    def _take_whole(self, text: Text) -> bool:
        """The common case at once: one JSON List of nothing but kinds that are read. Whether it was that."""
        try:
            whole = msgspec.json.decode(text.data, type=_TypedList)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False
        found = whole.items
        kinds = {(kind_of(o), o.apiVersion) for o in found}
        if not whole.kind.endswith("List") or not all(is_read(version, kind) for kind, version in kinds):
            return False
        if any(isinstance(o, _POLICIES) for o in found):
            self._check_policies(text, found)
        self.objects += [Located(o, Origin(text.name, 0, n)) for n, o in enumerate(found)]
        self.found += 1 + len(found)
        return True

    def _check_policies(self, text: Text, found: list[KubernetesObject]) -> None:
        for number, (item, raw) in enumerate(zip(found, json.items(text.data) or (), strict=True)):
            if isinstance(item, _POLICIES):
                self._check_duplicates(raw, Origin(text.name, 0, number), item)

    def _check_duplicates(self, raw: Raw, origin: Origin, item: KubernetesObject) -> None:
        """A policy with a key twice is refused; other kinds are too many to look at so closely."""
        path = json.duplicate_key(raw)
        if path is not None:
            message = "duplicate key; keep one of them, kubectl would take the last"
            about = self._named(kind_of(item), item.metadata.namespace, name_of(item.metadata))
            self.mistakes.append(Mistake(origin, path, message, about=about))

    def _take(self, entry: Entry, *, walked: bool) -> None:
        if entry.raw is not None:
            try:
                found = self._typed.decode(entry.raw)
            except (ValidationError, RecursionError):
                found = None  # another kind, or a mistake: looked at below
            if found is not None and is_read(found.apiVersion, kind_of(found)):
                self._add(found, entry)
                return
            said = header(entry.raw)
            if said.kind and said.apiVersion and not is_read(said.apiVersion, said.kind):
                self._pass_over(said.apiVersion, said.kind, entry)
                return
        self._look_closer(entry, walked=walked)

    def _look_closer(self, entry: Entry, *, walked: bool) -> None:
        value = entry.plain()
        if walked and entry.origin.item < 0 and not (isinstance(value, dict) and value.keys() & {"kind", "apiVersion"}):
            self.foreign.add(entry.origin.source)
            return
        if not isinstance(value, dict):
            self._wrong(entry, (), f"expected a Kubernetes object, got {_sort(value)}")
            return
        kind, version = value.get("kind", entry.default.kind), value.get("apiVersion", entry.default.apiVersion)
        if not isinstance(kind, str) or not kind:
            self._wrong(entry, ("kind",), "Required value: every object needs a kind")
        elif not isinstance(version, str) or not version:
            self._wrong(entry, ("apiVersion",), f"Required value: every object needs an apiVersion ({kind})")
        elif is_read(version, kind):
            self._of_kind({**value, "kind": kind, "apiVersion": version}, READ[group_of(version), kind], entry)
        else:
            self._pass_over(version, kind, entry)

    def _pass_over(self, version: str, name: str, entry: Entry) -> None:
        """What is not read: a policy is missed, and so is a version whose fields may mean something else."""
        kind = (group_of(version), name)
        if kind in ONLY_VERSION:
            message = f"Podwall reads {name} of {ONLY_VERSION[kind]} only, and cannot know what {version} means by it"
            self._wrong(entry, ("apiVersion",), message)
        elif kind in UNANALYZED_POLICIES:
            self.unanalyzed[kind] = self.unanalyzed.get(kind, 0) + 1
        elif kind == (_KUSTOMIZE, "Kustomization"):
            self.skipped.append(
                f"{entry.origin.source} is a kustomization, skipped; build it: kubectl kustomize … | podwall … -f -"
            )
        elif kind[1].endswith("List"):
            self._check_list(entry)

    def _check_list(self, entry: Entry) -> None:
        """What ends in List and was not taken apart has no list of items."""
        value = entry.plain()
        items = value.get("items") if isinstance(value, dict) else None
        if items is not None and not isinstance(items, list):
            self._wrong(entry, ("items",), f"expected a list, got {_sort(items)}")

    def _of_kind(self, value: dict[str, object], known: type[KubernetesObject], entry: Entry) -> None:
        try:
            self._add(msgspec.convert(value, known), entry)
        except ValidationError:
            clean, slips = fitted(value, known)
            about = self._about(value)
            for slip in slips:
                sort = Sort.UNKNOWN_FIELD if slip.warning else Sort.INVALID
                said = Mistake(
                    entry.origin, slip.path, slip.message, None, sort, about, warning=slip.warning, meant=slip.meant
                )
                (self._unknown if slip.warning else self.mistakes.append)(said)
            wrong = any(not slip.warning for slip in slips)
            if not wrong:
                self._add_cleaned(clean, known, entry)

    def _unknown(self, field: Mistake) -> None:
        """An unknown field: a slip in a file (D21), and of a newer schema where the API server holds it (C13)."""
        (self.unread if field.origin.source in self.admitted else self.warnings).append(field)

    def _add_cleaned(self, clean: object, known: type[KubernetesObject], entry: Entry) -> None:
        try:
            self._add(msgspec.convert(clean, known), entry)
        except ValidationError as error:
            self._wrong(entry, *_explained(error))

    def _add(self, found: KubernetesObject, entry: Entry) -> None:
        if entry.raw is not None and isinstance(found, _POLICIES):
            self._check_duplicates(entry.raw, entry.origin, found)
        self.objects.append(Located(found, entry.origin))

    def _wrong(self, entry: Entry, path: Path, message: str) -> None:
        self.mistakes.append(Mistake(entry.origin, path, message, about=self._about(entry.plain())))

    def _about(self, value: object) -> Named:
        """Which object a value is, as far as it says so."""
        said = value if isinstance(value, dict) else {}
        meta = said.get("metadata")
        meta = meta if isinstance(meta, dict) else {}
        words = (said.get("kind"), meta.get("namespace"), meta.get("name") or meta.get("generateName"))
        kind, namespace, name = (word if isinstance(word, str) else "" for word in words)
        return self._named(kind, namespace, name)

    def _named(self, kind: str, namespace: str | None, name: str) -> Named:
        return kind, "" if kind in CLUSTER_SCOPED else namespace or self._namespace, name


def _explained(error: ValidationError) -> tuple[Path, str]:
    """The decoder's `Expected … - at `$.spec.x`` as a path and a message."""
    message, _, place = str(error).partition(" - at `$")
    steps = place.rstrip("`").replace("[...]", "").removeprefix(".")
    return parse_field(steps) if steps else (), message[:1].lower() + message[1:]


def _sort(value: object) -> str:
    words = {"str": "a string", "list": "a list", "dict": "a mapping", "bool": "true or false", "NoneType": "nothing"}
    return words.get(type(value).__name__, "a number")
