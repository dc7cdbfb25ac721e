"""The file of --resolutions: what it may say, and every mistake at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwall.engine.sets import AddrSet
from podwall.errors import InputError, InvalidInput
from podwall.sources.files import Text
from podwall.sources.resolutions import read_resolutions, resolutions_of


def read(text: str) -> dict[str, list[str]]:
    return {name: known.cidrs() for name, known in resolutions_of(Text("r.yaml", text.encode())).items()}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("example.com: [203.0.113.7, 2001:db8::7]", {"example.com": ["203.0.113.7/32", "2001:db8::7/128"]}),
        ('{"example.com": ["203.0.113.0/24"]}', {"example.com": ["203.0.113.0/24"]}),
        ("WWW.Example.com.: 203.0.113.7", {"www.example.com": ["203.0.113.7/32"]}),
        ("a.b: [198.51.100.0/24, 198.51.100.9]\n---\nc.d: []", {"a.b": ["198.51.100.0/24"], "c.d": []}),
        ("a_b.example.com: [10.244.1.9/24]", {"a_b.example.com": ["10.244.1.0/24"]}),
        ("{}", {}),
    ],
)
def test_what_it_may_say(text: str, found: dict[str, list[str]]) -> None:
    assert read(text) == found


WANTED = "expected names and their addresses, as in"
WRONG = [
    ("", "r.yaml: expected names"),
    ("[a, b]", "r.yaml:1: expected names"),
    ("a.b: [203.0.113.7]\n---\n- a.b", "r.yaml:3: expected names"),
    ("items: [1]", "r.yaml:1: expected names"),
    ("a.b:\nc.d: [203.0.113.7]", "r.yaml:1: [a.b]: expected names"),
    ("a.b: {ip: 203.0.113.7}", "r.yaml:1: [a.b]: expected names"),
    ("a.b:\n- 203.0.113.7\n- 203.0.113.777", "r.yaml:3: [a.b][1]: '203.0.113.777' is neither"),
    ("a.b: [203.0.113.0/33]", "r.yaml:1: [a.b][0]: '203.0.113.0/33' is neither"),
    ("a.b: [010.0.0.1]", "r.yaml:1: [a.b][0]: '010.0.0.1' is neither"),
    ("a.b: [7]", "r.yaml:1: [a.b][0]: 7 is neither"),
    ("a.b: [www.example.com]", "r.yaml:1: [a.b][0]: 'www.example.com' is neither"),
    ("localhost: [127.0.0.1]", "r.yaml:1: localhost: 'localhost' is not a domain name of at least two labels"),
    ("a..b: []", "r.yaml:1: [a..b]: 'a..b' is not a domain name"),
    ('a.c: []\n"*.b.c": [203.0.113.7]', "r.yaml:2: [*.b.c]: a wildcard is for rules"),
    ("a.b: []\nA.B.: []", "r.yaml:2: [A.B.]: a.b is there already"),
    ("a.b: []\na.b: []", "r.yaml:2"),
    ('{"a.b": [],\n "a.b": []}', "r.yaml:"),
    ("a.b: [", "r.yaml:"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_mistakes_have_their_lines(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(text)
    assert str(raised.value).startswith(says)


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(InvalidInput) as raised:
        read("localhost: []\na.b: [x]\nc.d: [203.0.113.7]\n'*.e.f': []")
    assert [problem.where for problem in raised.value.problems] == ["r.yaml:1", "r.yaml:2", "r.yaml:4"]


def test_it_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "names.yaml"
    path.write_text("example.com: [203.0.113.7]")
    assert read_resolutions(str(path)) == {"example.com": AddrSet.of("203.0.113.7/32")}
    with pytest.raises(InputError, match="is a folder"):
        read_resolutions(str(tmp_path))
    with pytest.raises(InputError, match="cannot be read"):
        read_resolutions(str(tmp_path / "nothing.yaml"))
