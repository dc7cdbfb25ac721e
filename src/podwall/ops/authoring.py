"""podwall new: a recipe over the input, proved, as texts to print or files to write."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from podwall.api.core import Pod, PodSpec
from podwall.api.meta import PlainMeta
from podwall.author.prove import Proof, prove
from podwall.author.recipe import Argument, Asked, Draft, Flag, Object, Recipe
from podwall.author.registry import all_recipes, documentation, recipe
from podwall.author.taken import renamed
from podwall.cluster.objects import Bucket, Cluster, Located, Origin, namespace_labels
from podwall.engine.model import Model
from podwall.errors import InputError
from podwall.needs.site import Site
from podwall.ops.inputs import Inputs, open_cluster, profile_of
from podwall.ops.writing import write_whole
from podwall.report.manifest import manifest

__all__ = [
    "Argument",
    "Flag",
    "Recipe",
    "Values",
    "Written",
    "all_recipes",
    "documentation",
    "put",
    "recipe",
    "update",
    "write",
]

Values = Mapping[str, str | tuple[str, ...] | bool]
_LISTED = 5


class Written(Struct, frozen=True):
    """What a recipe gave: texts by the names of files, the remarks to make, and whether the input was incomplete."""

    texts: dict[str, str]
    remarks: tuple[str, ...]
    questions: int
    partial: bool


def write(name: str, values: Values, inputs: Inputs, command: str) -> Written:
    """Runs a recipe. Raises CannotWrite where it cannot be written or proved, and what `open_cluster` raises."""
    chosen = recipe(name)
    given = bool(inputs.sources)
    if chosen.needs_input and not given:
        raise InputError(f"podwall new {name} looks things up: give it the cluster with -f, -k or --snapshot")
    opened = open_cluster(inputs) if given else None
    site = Site(opened.model if opened else _made_up(inputs), given=given)
    draft = chosen.draft(site, Asked(values, _files(chosen, values), _today(), command))
    draft, moved = renamed(site, draft)
    proof = prove(site, draft)
    objects = [*draft.policies, *draft.others]
    texts = {_file(policy.object): manifest(policy.object, policy.about, command) for policy in objects}
    sudden = _sudden(draft, proof) if given else ()
    remarks = (*(opened.warnings if opened else ()), *draft.notes, *moved, *sudden)
    return Written(texts, remarks, proof.questions, bool(opened and opened.partial))


def update(name: str, values: Values) -> str | None:
    """Brings the file of --update up to date, in place, and returns what changed; None without that flag."""
    chosen, path = recipe(name), values.get("update")
    if chosen.update is None or not isinstance(path, str):
        return None
    files = _files(chosen, values)
    text, said = chosen.update(files["update"], path, Asked(values, files, _today(), ""))
    if text != files["update"]:
        write_whole(Path(path), text)
    return f"{path}: {said}"


def put(written: Written, folder: str, *, force: bool) -> list[str]:
    """Writes one file for each policy and returns what was done. Raises InputError before anything is overwritten."""
    root = Path(folder)
    try:
        known = {name: (root / name).read_text("utf-8") for name in written.texts if (root / name).exists()}
        other = sorted(name for name, text in known.items() if text != written.texts[name])
        if other and not force:
            raise InputError(f"{root / other[0]} is there already, with other content: --force overwrites it")
        root.mkdir(parents=True, exist_ok=True)
        for name, text in written.texts.items():
            if known.get(name) != text:
                (root / name).write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"-d {folder}: {error.filename or folder} cannot be written: {error.strerror}") from None
    return [f"{root / name}{' (unchanged)' if known.get(name) == text else ''}" for name, text in written.texts.items()]


def _today() -> dt.date:
    return dt.datetime.now(tz=dt.UTC).date()  # noqa: TID251 - an edge


def _made_up(inputs: Inputs) -> Model:
    """A cluster with one pod, for policies that need to know nothing of any."""
    namespace = inputs.namespace or "default"
    profile = profile_of(inputs.cni, inputs.channel)
    pod = Pod("v1", PlainMeta(name="podwall-example", labels={"app": "podwall-example"}), PodSpec())
    bucket = Bucket(namespace, namespace_labels(namespace, None), None, pods=(Located(pod, Origin("")),))
    return Model(Cluster({namespace: bucket}), profile, (), namespace)


def _files(chosen: Recipe, values: Values) -> dict[str, bytes]:
    """The texts of the files that flags name."""
    out = {}
    for flag in chosen.flags:
        path = values.get(flag.key)
        if flag.kind == "file" and isinstance(path, str):
            try:
                out[flag.key] = Path(path).read_bytes()
            except OSError as error:
                raise InputError(f"{flag.name} {path}: cannot be read: {error.strerror}") from None
    return out


def _sudden(draft: Draft, proof: Proof) -> list[str]:
    """Who was open and is isolated by this, where that was not what was asked for."""
    out = []
    for direction, names in proof.isolates.items() if draft.sudden else ():
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        shown = ", ".join(names[:_LISTED])
        out.append(f"this isolates {shown}{more} for {direction.value}, which was open: all else of it is denied now")
    return out


def _file(item: Object) -> str:
    """A file's name that no other object has: a namespace has neither a dot nor an underscore in its name."""
    meta = item["metadata"]
    return (
        f"{meta['namespace']}.{meta['name']}.yaml"
        if "namespace" in meta
        else f"{item['kind'].lower()}_{meta['name']}.yaml"
    )
