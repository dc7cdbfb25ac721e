"""The places in a workload's manifests where a text may stand: each writes what is said under a name of its own."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from benchmarks.applications.application import Object
from benchmarks.applications.files import Entry
from benchmarks.applications.forms import Said
from benchmarks.applications.sheet import Sheet

__all__ = ["FILED", "PLACES", "PLAIN", "Place", "joined"]

_HOST = re.compile(r"[a-z0-9.-]+")
_WITH_PORT = re.compile(r"([\w.-]+):(\d+)(?![\w.:])")


class Place(Struct, frozen=True):
    """One place: `write` puts what is said behind a stem of keys. It tells what only this text has."""

    name: str
    write: Callable[[Sheet, str, Said], str]


def joined(stem: str, key: str) -> str:
    """The name of a variable: words with underscores."""
    return f"{stem}_{key}" if key else stem


def _env(sheet: Sheet, stem: str, said: Said) -> str:
    container = sheet.a_container()
    for key, value in said:
        sheet.variable(container, joined(stem, key), value)
    return joined(stem, said[0][0])


def _composed(sheet: Sheet, stem: str, said: Said) -> str:
    """A variable that is put together from others, which stand before it as they must."""
    container = sheet.a_container()
    for key, value in said:
        sheet.variable(container, joined(stem, key), _put_together(sheet, container, stem, value))
    return joined(stem, said[0][0])


def _put_together(sheet: Sheet, container: Object, stem: str, value: str) -> str:
    """A value with references to variables, which are written: its host and port, or all that says where to go."""
    host, port = f"{stem}_AT_HOST", f"{stem}_AT_PORT"
    found = _WITH_PORT.search(value)
    if found is None:
        name = port if value.isdigit() else host if _HOST.fullmatch(value) else f"{stem}_WHOLE"
        sheet.variable(container, name, value)
        return f"$({name})"
    before, after = value[: found.start()], value[found.end() :]
    if sheet.rng.random() < 0.5:
        name = f"{stem}_{sheet.rng.choice(('NAME', 'PART'))}"
        sheet.variable(container, name, found[0])
        return f"{before}$({name}){after}"
    sheet.variable(container, host, found[1])
    sheet.variable(container, port, found[2])
    return f"{before}$({host}):$({port}){after}"


def _env_from(sheet: Sheet, stem: str, said: Said) -> str:
    for key, value in said:
        sheet.variables[joined(stem, key)] = value
    return joined(stem, said[0][0])


def _key_ref(sheet: Sheet, stem: str, said: Said) -> str:
    container = sheet.a_container()
    for key, value in said:
        name = joined(stem, key)
        setting = sheet.rng.choice((name, name.lower().replace("_", "."), name.lower().replace("_", "-")))
        sheet.settings[setting] = value
        source = {"configMapKeyRef": {"name": f"{sheet.workload.name}-settings", "key": setting}}
        sheet.variable(container, name, source)
    return joined(stem, said[0][0])


def _flag(stem: str, key: str) -> str:
    return "--" + joined(stem, key).lower().replace("_", "-")


def _argument(sheet: Sheet, stem: str, said: Said) -> str:
    words = [f"{_flag(stem, key)}={value}" for key, value in said]
    return _words(sheet, words, _flag(stem, said[0][0]))


def _two_words(sheet: Sheet, stem: str, said: Said) -> str:
    words = [word for key, value in said for word in (_flag(stem, key), value)]
    return _words(sheet, words, _flag(stem, said[0][0]))


def _from_variable(sheet: Sheet, stem: str, said: Said) -> str:
    """An argument that is put together from variables."""
    words = []
    container = _unscripted(sheet)
    for key, value in said:
        words.append(f"{_flag(stem, key)}={_put_together(sheet, container, stem, value)}")
    container.setdefault("args", []).extend(words)
    return _flag(stem, said[0][0])


def _words(sheet: Sheet, words: list[str], mark: str) -> str:
    container = _unscripted(sheet)
    field = "args" if "args" in container or sheet.rng.random() < 0.7 else "command"
    held = container.setdefault(field, ["/app/server"] if field == "command" else [])
    held.extend(words)
    return mark


def _unscripted(sheet: Sheet) -> Object:
    """A container that is not started by a shell."""
    container = sheet.a_container()
    while container.get("command", [""])[0] in ("sh", "/bin/sh"):
        container = sheet.another("sidecar")
    return container


def _file(sort: str) -> Callable[[Sheet, str, Said], str]:
    def write(sheet: Sheet, stem: str, said: Said) -> str:
        sheet.files.setdefault(sort, []).append(Entry(stem, said))
        return stem

    return write


FILED = tuple(
    Place(f"mounted {sort}", _file(sort)) for sort in ("properties", "yaml", "json", "ini", "toml", "env file")
)
PLAIN = (
    Place("env", _env),
    Place("envFrom a ConfigMap", _env_from),
    Place("configMapKeyRef", _key_ref),
    Place("argument --flag=value", _argument),
    Place("argument --flag value", _two_words),
)
PLACES = (*PLAIN, Place("env of $(VAR)", _composed), Place("argument of $(VAR)", _from_variable), *FILED)
