"""Settings, whichever way a workload gets them, and what they state of hosts: a port may stand under a key beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, structs

from podwall.needs.keys import Key
from podwall.needs.mentions import Form, Mention, mentions
from podwall.needs.need import Evidence

__all__ = ["Setting", "Statement", "statements"]

_SHOWN = 100


class Setting(Struct, frozen=True):
    """A text under a key; what `evidence` says is how its place is called, and ends where a value can follow."""

    key: Key
    text: str
    evidence: Evidence


class Statement(Struct, frozen=True):
    """A host that a setting mentions."""

    mention: Mention
    key: Key
    evidence: Evidence


def statements(settings: Iterable[Setting]) -> Iterator[Statement]:
    """What settings that belong together state: the variables of a container, its arguments, a file."""
    held = list(settings)
    ports = {s.key.words: int(s.text) for s in held if "port" in "".join(s.key.words[-2:]) and _is_port(s.text)}
    for setting in held:
        for mention in mentions(setting.text, setting.key):
            found = mention
            if mention.port is None and mention.form is Form.NAME and ports:
                port = _beside(setting.key.words, ports)
                found = structs.replace(mention, port=port, form=Form.PAIR if port else Form.NAME)
            yield Statement(found, setting.key, _said(setting.evidence, found))


def _is_port(text: str) -> bool:
    number = text.strip().strip("\"'")
    return number.isascii() and number.isdigit() and len(number) < 6 and 1 <= int(number) <= 65535


def _beside(words: tuple[str, ...], ports: Mapping[tuple[str, ...], int]) -> int | None:
    """The port of DB_HOST is DB_PORT, that of PGHOST is PGPORT."""
    if not words:
        return None
    last = words[-1]
    stem = next((last.removesuffix(e) for e in ("hostname", "host", "addr", "address") if last.endswith(e)), "")
    around = words[:-1]
    tried = ((*around, f"{stem}port"), (*around, "port", "number"), (*around, "port", "value"), (*words, "port"))
    return next((ports[key] for key in tried if key in ports), None)


def _said(evidence: Evidence, mention: Mention) -> Evidence:
    whole = evidence.says + mention.written
    return structs.replace(evidence, says=whole if len(whole) <= _SHOWN else f"{whole[: _SHOWN - 1]}…")
