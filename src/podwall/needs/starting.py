"""What a workload is started with, word by word, and the ConfigMaps that it reads: for marks that are looked for."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from podwall.api.notes import ConfigMap
from podwall.api.running import EnvFrom, EnvVar
from podwall.cluster.objects import Located
from podwall.needs import mounts
from podwall.needs.application import Application
from podwall.needs.running import Running
from podwall.needs.telling import short
from podwall.text.where import Path

__all__ = ["Word", "config_maps", "words"]


class Word(Struct, frozen=True):
    """A value of a variable with its name, a part of the command or an argument without one, and where it stands."""

    path: Path
    name: str
    text: str
    says: str


def words(workload: Running) -> Iterator[Word]:
    """All of a workload's containers, in order."""
    for path, container in workload.containers():
        for number, variable in enumerate(container.env or ()):
            value = variable.value or ""
            says = short(f"env {variable.name}={value}".rstrip("="))
            yield Word((*path, "env", number), variable.name, value, says)
        for field, listed in (("command", container.command), ("args", container.args)):
            for number, text in enumerate(listed or ()):
                yield Word((*path, field, number), "", text, short(f"{field} {text}"))


def config_maps(application: Application, workload: Running) -> Iterator[Located[ConfigMap]]:
    """The ConfigMaps of a workload's variables and volumes that are in the input, by name."""
    for name in sorted(set(_referred(workload))):
        found = application.topology.get(ConfigMap, workload.namespace, name)
        if found is not None:
            yield found


def _referred(workload: Running) -> Iterator[str]:
    for _, container in workload.containers():
        yield from filter(None, map(_of_variable, container.env or ()))
        yield from filter(None, map(_of_all, container.envFrom or ()))
    yield from mounts.config_maps(workload.spec)


def _of_variable(variable: EnvVar) -> str:
    key = variable.valueFrom.configMapKeyRef if variable.valueFrom else None
    return key.name if key else ""


def _of_all(variables: EnvFrom) -> str:
    return variables.configMapRef.name if variables.configMapRef else ""
