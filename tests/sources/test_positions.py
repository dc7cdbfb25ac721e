"""Lines of objects and of their fields, in every form of input, without reading a text once for each."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from podwall.cluster.objects import Origin
from podwall.sources.files import Text
from podwall.sources.files import read as read_files
from podwall.sources.positions import Positions
from podwall.text.where import parse_field
from tests.sources.reading import Reading

PODS = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{n}", "labels": {"a": 1}}} for n in range(4)]

YAML_DOCUMENTS = "---\n".join(
    f"# {n}\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p{n}\n  labels: {{a: 1}}\n" for n in range(4)
)
YAML_LIST = "kind: List\nitems:\n" + "".join(
    f"-\n  apiVersion: v1\n  kind: Pod\n  metadata:\n    name: p{n}\n    labels: {{a: 1}}\n" for n in range(4)
)

# Form → the lines of the four objects, and of their label.
FORMS = {
    "yaml documents": (YAML_DOCUMENTS, [2, 9, 16, 23], [6, 13, 20, 27]),
    "yaml list": (YAML_LIST, [4, 10, 16, 22], [8, 14, 20, 26]),
    "json list": (json.dumps({"kind": "List", "items": PODS}, indent=1), [4, 14, 24, 34], [10, 20, 30, 40]),
    "json on one line": (json.dumps({"kind": "List", "items": PODS}), [1] * 4, [1] * 4),
    "json stream": ("\n\n".join(json.dumps(p, indent=1) for p in PODS), [1, 12, 23, 34], [7, 18, 29, 40]),
    "alike items": (json.dumps({"kind": "List", "items": [PODS[0]] * 4}, indent=1), [4, 14, 24, 34], [10, 20, 30, 40]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("prepared", [True, False], ids=["together", "one by one"])
def test_lines(form: str, prepared: bool) -> None:
    data, _, labels = FORMS[form]
    found = Reading(Text("f", data.encode()))
    mistakes = found.decoder.mistakes
    assert [m.path for m in mistakes] == [("metadata", "labels", "a")] * 4
    if prepared:
        found.positions.prepare((m.origin, m.path) for m in mistakes)
    assert [found.positions.line(m.origin, m.path) for m in mistakes] == labels
    assert [found.positions.where(m.origin, m.path) for m in mistakes] == [f"f:{line}" for line in labels]


@pytest.mark.parametrize("form", FORMS)
def test_lines_of_objects(form: str) -> None:
    data, lines, _ = FORMS[form]
    found = Reading(Text("f", data.encode()))
    assert [found.positions.line(m.origin) for m in found.decoder.mistakes] == lines


def test_items_that_look_like_an_earlier_part() -> None:
    data = '{"kind": "List", "metadata": {},\n "items": [{"a": {},\n "b": {}},\n {},\n {}\n]}'
    positions = Positions([Text("f", data.encode())])
    assert [positions.line(Origin("f", 0, n)) for n in range(3)] == [2, 4, 5]


@pytest.mark.parametrize("form", FORMS)
def test_a_mistake_further_down_takes_no_lines_away(form: str) -> None:
    data, _, labels = FORMS[form]
    found = Reading(Text("f", f"{data}\n---\n]: [".encode() if form.startswith("yaml") else f"{data}\n]".encode()))
    assert len(found.decoder.problems) == 1
    assert [found.positions.line(m.origin, m.path) for m in found.decoder.mistakes] == labels


def test_files_are_read_again(tmp_path: Path) -> None:
    for form, (data, _, labels) in FORMS.items():
        path = tmp_path / f"{form.replace(' ', '-')}.json.gz"
        path.write_bytes(gzip.compress(data.encode()))
        found = Reading(*(f.text for f in read_files(str(path)) if f.text))
        assert [found.positions.line(m.origin, m.path) for m in found.decoder.mistakes] == labels


@pytest.mark.parametrize("form", ["yaml list", "json list", "json stream"])
@pytest.mark.parametrize("change", ["gone", "empty", "broken", "shorter"])
def test_a_file_that_changed_since_gives_no_line_but_no_error(tmp_path: Path, form: str, change: str) -> None:
    path = tmp_path / "f.json"
    path.write_text(FORMS[form][0])
    found = Reading(*(f.text for f in read_files(str(path)) if f.text))
    places = [(m.origin, m.path) for m in found.decoder.mistakes]
    if change == "gone":
        path.unlink()
    else:
        path.write_text({"empty": "", "broken": "{]", "shorter": '{"kind": "List", "items": [\n{}]}'}[change])
    found.positions.prepare(places)
    for origin, field in places:
        assert found.positions.line(origin, field) in (origin.line, 1, 2)
        assert found.positions.where(origin, field).startswith(origin.source)


def test_a_source_that_nobody_read() -> None:
    positions = Positions([])
    positions.prepare([(Origin("x", 0, 1), parse_field("a.b"))])
    assert positions.line(Origin("x", 0, 1), parse_field("a.b")) == 0
    assert positions.where(Origin("x", 0, 1)) == "x"
    assert positions.where(Origin("x", 0, -1, 7), parse_field("a")) == "x:7"


class _Counted(Text, frozen=True, kw_only=True):
    """A text that says how often it was looked at."""

    looks: list[str]

    def reread(self) -> bytes:
        self.looks.append(self.name)
        return self.data


@pytest.mark.parametrize("form", FORMS)
def test_a_text_is_fetched_once_for_all_its_objects(form: str) -> None:
    text = _Counted("f", FORMS[form][0].encode(), looks=[])
    found = Reading(text)
    found.positions.prepare((m.origin, m.path) for m in found.decoder.mistakes)
    for mistake in found.decoder.mistakes:
        found.positions.line(mistake.origin)
        found.positions.line(mistake.origin, mistake.path)
    assert text.looks in (["f"], [])
