"""Environment variables, written out or from a ConfigMap."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.hosts import Hosts
from podwall.needs.keys import key_of
from podwall.needs.need import Need, Question, Unseen
from podwall.needs.settings import Setting, statements
from podwall.needs.texts import within
from podwall.needs.variables import Variables

__all__ = ["FINDER"]


def _find(application: Application) -> Iterator[Need | Question | Unseen]:
    variables, hosts = Variables(application), Hosts(application)
    for running in application.workloads:
        for path, container in running.containers():
            held = variables.of(running, path, container).values()
            settings = [Setting(key_of(k), t, one.evidence) for one in held for k, t in within(one.name, one.text)]
            for said in statements(settings):
                yield from hosts.needed(running, said)


FINDER = Finder(name="environment", says="environment variables", find=_find)
