"""Files that a workload mounts from ConfigMaps."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, MutableMapping

from podwall.api.notes import ConfigMap
from podwall.cluster.mistake import Named
from podwall.cluster.objects import Located
from podwall.cluster.topology import named
from podwall.needs.application import Application
from podwall.needs.commands import filled, is_script, references
from podwall.needs.finder import Finder
from podwall.needs.hosts import Hosts
from podwall.needs.keys import key_of
from podwall.needs.mounts import config_maps
from podwall.needs.need import Evidence, Need, Question, Unseen
from podwall.needs.running import Running
from podwall.needs.settings import Setting, Statement, statements
from podwall.needs.texts import parts
from podwall.needs.variables import Variables

__all__ = ["FINDER"]

_EXAMPLE = "_example"  # Knative's: what could be set, for people; nobody reads it


def _find(application: Application) -> Iterator[Need | Question | Unseen]:
    hosts, files = Hosts(application), _Files(application)
    for running in application.workloads:
        for name in config_maps(running.spec):
            located = application.topology.get(ConfigMap, running.namespace, name)
            if located is not None:
                for said in files.stated(running, located):
                    yield from hosts.needed(running, said)


class _Files:
    """What the files of ConfigMaps state; each is read once, as long as the variables that it uses are the same."""

    def __init__(self, application: Application) -> None:
        self._variables = Variables(application)
        self._used: dict[Named, tuple[str, ...]] = {}
        self._read: dict[tuple[Named, tuple[str | None, ...]], list[Statement]] = {}

    def stated(self, running: Running, located: Located[ConfigMap]) -> list[Statement]:
        about = named(located.object)
        if about not in self._used:
            texts = (text or "" for text in (located.object.data or {}).values())
            self._used[about] = tuple(sorted({name for text in texts for name in references(text)}))
        used = self._used[about]
        known: MutableMapping[str, str] = self._known(running) if used else {}
        key = about, tuple(known.get(name) for name in used)
        if key not in self._read:
            self._read[key] = list(_stated(located, about, known))
        return self._read[key]

    def _known(self, running: Running) -> MutableMapping[str, str]:
        """The variables of a pod's containers, since nothing here tells which of them has the file."""
        held = [self._variables.of(running, *one).values() for one in running.containers()]
        own = {variable.name: variable.text for variables in reversed(held) for variable in variables}
        return ChainMap(own, self._variables.links(running.namespace))


def _stated(located: Located[ConfigMap], about: Named, known: MutableMapping[str, str]) -> Iterator[Statement]:
    for file, text in sorted((located.object.data or {}).items()):
        if file == _EXAMPLE:
            continue
        evidence = Evidence(about, ("data", file), f"{file}: ", located.origin)
        whole = text or ""
        filled_in = filled(whole, known) if references(whole) and not is_script(file, whole) else whole
        found = parts(file, filled_in, known)
        yield from statements(Setting(key_of(key), one, evidence) for key, one in found)


FINDER = Finder(name="configuration", says="files of ConfigMaps", find=_find)
