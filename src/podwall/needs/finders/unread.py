"""What workloads are given and nobody here can read: Secrets, and ConfigMaps that are not in the input."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.notes import ConfigMap
from podwall.api.running import KeyRef, NameRef, RunningContainer
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.mounts import mounted
from podwall.needs.need import Unseen
from podwall.needs.running import Running
from podwall.text.where import Path

__all__ = ["FINDER"]

_Use = tuple[str, KeyRef | NameRef, str, Path]  # the kind and the reference, what it is used for, where
_EVERYWHERE = frozenset(("kube-root-ca.crt", "openshift-service-ca.crt"))  # ConfigMaps that controllers make
_SHOWN = 4


def _find(application: Application) -> Iterator[Unseen]:
    for running in application.workloads:
        uses: dict[tuple[str, str], list[_Use]] = {}
        for use in _uses(running):
            kind, reference = use[:2]
            absent = application.topology.get(ConfigMap, running.namespace, reference.name) is None
            if kind == "Secret" or (absent and not reference.optional and reference.name not in _EVERYWHERE):
                uses.setdefault((kind, reference.name), []).append(use)
        for named, found in uses.items():
            yield _unseen(running, named, found)


def _unseen(running: Running, named: tuple[str, str], found: list[_Use]) -> Unseen:
    kind, name = named
    said = list(dict.fromkeys(use[2] for use in found))
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    why = "" if kind == "Secret" else ", which is not in the input"
    what = f"{kind} {name}{why}: {', '.join(said[:_SHOWN])}{more}"
    return Unseen(what, running.evidence(f"{said[0]} from {kind} {name}", *found[0][3]))


def _uses(running: Running) -> Iterator[_Use]:
    for path, container in running.containers():
        yield from _variables(path, container)
    for kind, path, reference in mounted(running.spec):
        yield kind, reference, "files", (*running.path, *path)


def _variables(path: Path, container: RunningContainer) -> Iterator[_Use]:
    for number, source in enumerate(container.envFrom or ()):
        for kind, name, reference in (
            ("ConfigMap", "configMapRef", source.configMapRef),
            ("Secret", "secretRef", source.secretRef),
        ):
            if reference is not None:
                said = f"env {source.prefix}*" if source.prefix else "all its keys as env"
                yield kind, reference, said, (*path, "envFrom", number, name)
    for number, variable in enumerate(container.env or ()):
        given = variable.valueFrom
        if given is not None:
            for kind, name, key in (
                ("ConfigMap", "configMapKeyRef", given.configMapKeyRef),
                ("Secret", "secretKeyRef", given.secretKeyRef),
            ):
                if key is not None:
                    yield kind, key, f"env {variable.name}", (*path, "env", number, "valueFrom", name)


FINDER = Finder(name="unread", says="Secrets and missing ConfigMaps", find=_find)
