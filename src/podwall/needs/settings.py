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
            beside = _beside(setting.key.words, ports) if mention.port is None and mention.form is Form.NAME else ()
            for found in [structs.replace(mention, port=port, form=Form.PAIR) for port in beside] or [mention]:
                yield Statement(found, setting.key, _said(setting.evidence, found))


def _is_port(text: str) -> bool:
    number = text.strip().strip("\"'")
    return number.isascii() and number.isdigit() and len(number) < 6 and 1 <= int(number) <= 65535


def _beside(words: tuple[str, ...], ports: Mapping[tuple[str, ...], int]) -> tuple[int, ...]:
    """The port of DB_HOST is DB_PORT, that of PGHOST is PGPORT; those of OTEL_HOST may be OTEL_PORT_GRPC and _HTTP."""
    if not words or not ports:
        return ()
    last = words[-1]
    stem = next((last.removesuffix(e) for e in ("hostname", "host", "addr", "address") if last.endswith(e)), "")
    around = words[:-1]
    tried = ((*around, f"{stem}port"), (*around, "port", "number"), (*around, "port", "value"), (*words, "port"))
    one = next((ports[key] for key in tried if key in ports), None)
    if one is not None:
        return (one,)
    start = (*around, f"{stem}port")
    several = {port for key, port in ports.items() if around and key[:-1] == start}
    return tuple(sorted(several))


def _said(evidence: Evidence, mention: Mention) -> Evidence:
    whole = evidence.says + mention.written
    return structs.replace(evidence, says=whole if len(whole) <= _SHOWN else f"{whole[: _SHOWN - 1]}…")
