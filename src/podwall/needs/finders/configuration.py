"""Files that a workload mounts from ConfigMaps."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.topology import ConfigMap
from podwall.cluster.objects import Located
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.hosts import Hosts
from podwall.needs.keys import key_of
from podwall.needs.mounts import config_maps
from podwall.needs.need import Evidence, Need, Question, Unseen
from podwall.needs.settings import Setting, Statement, statements
from podwall.needs.texts import parts

__all__ = ["FINDER"]


def _find(application: Application) -> Iterator[Need | Question | Unseen]:
    hosts = Hosts(application)
    read: dict[tuple[str, str], list[Statement]] = {}  # one ConfigMap may be mounted by everyone
    for running in application.workloads:
        for name in config_maps(running.spec):
            place = running.namespace, name
            located = application.topology.get(ConfigMap, *place)
            if located is not None and place not in read:
                read[place] = list(_stated(located, place))
            for said in read.get(place, ()):
                yield from hosts.needed(running, said)


def _stated(located: Located[ConfigMap], place: tuple[str, str]) -> Iterator[Statement]:
    for file, text in sorted((located.object.data or {}).items()):
        evidence = Evidence(("ConfigMap", *place), ("data", file), f"{file}: ", located.origin)
        yield from statements(Setting(key_of(key), one, evidence) for key, one in parts(file, text or ""))


FINDER = Finder(name="configuration", says="files of ConfigMaps", find=_find)
