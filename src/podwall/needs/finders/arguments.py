"""Commands and arguments of containers, shell scripts among them."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, MutableMapping, Sequence

from podwall.api.running import RunningContainer
from podwall.needs.application import Application
from podwall.needs.commands import arguments, script_of, scripted
from podwall.needs.finder import Finder
from podwall.needs.hosts import Hosts
from podwall.needs.keys import key_of
from podwall.needs.need import Need, Question, Unseen
from podwall.needs.running import Running
from podwall.needs.settings import Setting, statements
from podwall.needs.texts import within
from podwall.needs.variables import Variables, expanded
from podwall.text.where import Path

__all__ = ["FINDER"]


def _find(application: Application) -> Iterator[Need | Question | Unseen]:
    variables, hosts = Variables(application), Hosts(application)
    for running in application.workloads:
        for path, container in running.containers():
            if container.command or container.args:
                held = variables.of(running, path, container)
                own = {name: one.text for name, one in held.items()}
                known = ChainMap(own, variables.links(running.namespace))
                for said in statements(_settings(running, path, container, known)):
                    yield from hosts.needed(running, said)


def _settings(
    running: Running, path: Path, container: RunningContainer, known: MutableMapping[str, str]
) -> Iterator[Setting]:
    command, args = container.command or [], container.args or []
    words = [expanded(word, known) for word in (*command, *args)]
    places = [("command", n) for n in range(len(command))] + [("args", n) for n in range(len(args))]
    script = script_of(words)
    if script is not None:
        evidence = running.evidence("sh: ", *path, *places[script])
        yield from (Setting(key_of(key), text, evidence) for key, text in scripted(words[script], known))
        return
    for number, key, text in arguments(words, named=bool(command)):
        evidence = running.evidence(_said(words, number), *path, *places[number])
        yield from (Setting(key_of(k), t, evidence) for k, t in within(key, text, known))


def _said(words: Sequence[str], number: int) -> str:
    """What a word is called, up to where its value begins: `arg --cart=`, `arg -h `."""
    word, before = words[number], words[number - 1] if number else ""
    if word.startswith("-") and "=" in word:
        return f"arg {word.partition('=')[0]}="
    return f"arg {before} " if before.startswith("-") and "=" not in before else "arg "


FINDER = Finder(name="arguments", says="commands and arguments", find=_find)
