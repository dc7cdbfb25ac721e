"""What the Podwall that is imported gets wrong in a case: its verdicts, mistakes and warnings, and its map.

It is asked as the commands ask it: `open_cluster` reads the objects from a file, `answers` answers JSON Lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import structs

from podwall.api.kinds import READ
from podwall.errors import InvalidInput, PodwallError, Problem
from podwall.ops.inputs import Inputs, Opened, open_cluster, open_texts
from podwall.ops.verdicts import answers
from podwall.sources.files import Text
from tests.mutants.map_checks import map_faults
from tests.truth.cases import Case, Line, Said


def not_asked(case: Case) -> str:
    """Why this Podwall is not asked about a case; empty where it is."""
    unknown = set(case.needs) - {kind for _, kind in READ}
    return f"it needs {', '.join(sorted(unknown))}" if unknown else ""


def faults(case: Case, objects: Path) -> Iterator[str]:
    """Everything that differs from the case; `objects` is a file with all of it but the header."""
    try:
        opened = _opened(case, objects)
    except InvalidInput as error:
        yield from _problem_faults(error.problems, case.problems)
        return
    except PodwallError as error:
        yield f"the input is refused: {error}"
        return
    yield from (f"no mistake at {said.path or 'any field'}: {said.says!r}" for said in case.problems)
    yield from _warning_faults([text.removeprefix(str(objects)) for text in opened.warnings], case.warnings)
    yield from _verdict_faults(opened, case.expect)
    if case.expect:
        yield from map_faults(opened.model, case.expect)


def _opened(case: Case, objects: Path) -> Opened:
    inputs = Inputs(
        (str(objects),),
        namespace=case.namespace if case.namespace != "default" else None,  # no -n is the rule
        cni=case.cni,
        channel=case.channel,
        pod_cidrs=case.pod_cidrs,
    )
    if case.resolutions:
        supplied = objects.with_suffix(".resolutions")
        supplied.write_text(json.dumps(case.resolutions), "utf-8")
        inputs = structs.replace(inputs, resolutions=str(supplied))
    if case.admitted:
        return open_texts(inputs, [Text(str(objects), objects.read_bytes(), admitted=True)])
    return open_cluster(inputs)


def _problem_faults(found: Iterable[Problem], wanted: tuple[Said, ...]) -> Iterator[str]:
    """Exactly the mistakes of the case, in any order."""
    left = list(found)
    for said in sorted(wanted, key=lambda s: (s.path, s.says), reverse=True):  # those that accept anything last
        match = next((p for p in left if said.path in ("", p.path) and said.says in p.message), None)
        if match is None:
            yield f"no mistake at {said.path or 'any field'}: {said.says!r}"
        else:
            left.remove(match)
    yield from (f"mistake too many: {problem}" for problem in left)


def _warning_faults(found: list[str], wanted: tuple[Said, ...]) -> Iterator[str]:
    """At least the warnings of the case."""
    for said in wanted:
        if not any(said.path in text and said.says in text for text in found):
            yield f"no warning at {said.path or 'any field'}: {said.says!r}"


def _verdict_faults(opened: Opened, lines: tuple[Line, ...]) -> Iterator[str]:
    asked = [json.dumps(_query(line)).encode() for line in lines]
    for trace in (False, True):  # without a trace the engine stops at the first rule that matches
        for line, answer in zip(lines, answers(opened, asked, trace=trace), strict=True):
            got = "error" if "error" in answer else answer["verdict"]
            if got != line.want:
                yield f"{line.text}: verdict {got}{' with a trace' if trace else ''}"


def _query(line: Line) -> dict[str, str | int | None]:
    query = {"src": line.src, "dst": line.dst, "protocol": line.protocol.upper(), "port": line.port}
    return query if line.family is None else {**query, "family": line.family}
