"""podwall project, and what every command takes from the project file: flags win over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import structs

from podwall.ops.inputs import Inputs
from podwall.sources import project as source
from podwall.sources.project import Project
from podwall.text.write import yaml_text

__all__ = ["Project", "find_project", "project_json", "project_text", "schema", "settled"]

schema = source.schema


def find_project(given: str | None) -> Project | None:
    """The file that was given, else the nearest one upwards. Raises InputError and InvalidInput."""
    if given is not None:
        return source.read(Path(given))
    found = source.find(Path.cwd(), _home())
    return None if found is None else source.read(found)


def settled(inputs: Inputs, project: Project | None) -> Inputs:
    """The flags, and what the project file says where they say nothing."""
    if project is None:
        return inputs
    said = project.settings
    if not inputs.sources:
        inputs = structs.replace(
            inputs,
            filenames=tuple(map(project.path, said.inputs)),
            kustomize=None if said.kustomize is None else project.path(said.kustomize),
            snapshots=() if said.snapshot is None else (project.path(said.snapshot),),
        )
    return structs.replace(
        inputs,
        project=project.name,
        home=said.namespace,
        cni=inputs.cni or said.profile,
        pod_cidrs=inputs.pod_cidrs or tuple(said.pod_cidrs),
        skip_invalid=inputs.skip_invalid or said.skip_invalid,
        strict=inputs.strict or said.strict,
        ignore_kinds=inputs.ignore_kinds or said.ignore_kinds,
    )


def project_text(project: Project | None) -> Iterator[str]:
    """The file and what it says."""
    if project is None:
        yield f"no {source.FILE} in this folder or above it\n"
        return
    yield f"# {project.name}\n"
    said = _said(project)
    yield yaml_text(said) if said else "# says nothing\n"


def project_json(project: Project | None) -> str:
    """The same for machines: `file` is null where there is none."""
    whole = {
        "apiVersion": source.API_VERSION,
        "kind": "ProjectSettings",
        "file": None if project is None else project.name,
        "settings": {} if project is None else _said(project),
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _said(project: Project) -> dict[str, object]:
    settings = project.settings
    whole: dict[str, object] = msgspec.to_builtins(settings)
    default = msgspec.to_builtins(source.Settings())
    return {key: value for key, value in whole.items() if value != default[key]}


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # nobody's
        return None
