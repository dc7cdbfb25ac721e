"""The JSON Schema says of a file what the parser says: good or bad, on written cases and on damaged ones."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from podwall.expect.parse import Given, parse
from podwall.expect.schema import schema
from tests.cli.program import SHOP
from tests.expect.test_grammar import ENDS, NO_ENDS, NO_PORTS, PORTS

jsonschema = pytest.importorskip("jsonschema")

DENY = {"from": "a", "to": "b", "verdict": "deny"}
SET = {"cidrs": ["203.0.113.0/24"]}

GOOD: list[object] = [
    *({**DENY, "to": text} for text, _ in ENDS),
    *({**DENY, "port": port} for port, _ in PORTS),
    *(f"a -> {text} allow" for text, _ in ENDS),
    "a -> b:80,53/udp,http deny",
    "a -> [2001:db8::/32]:443 deny",
    {**DENY, "because": "so"},
    {**DENY, "some": False},
    {**DENY, "verdict": "allow", "some": True},
    {**DENY, "ports": [80, "http"]},
    {**DENY, "from": {"namespace": "a"}},
    {**DENY, "from": {"namespaceLabels": {"a": "b"}, "podLabels": {}}},
    {**DENY, "from": {"labels": {"app": "x"}}},
]
BAD: list[object] = [
    *({**DENY, "to": text} for text in NO_ENDS if ":" not in text or text == "web:80"),
    *({**DENY, "port": port} for port in NO_PORTS if port != "90-80"),
    None,
    1,
    [],
    {},
    "",
    "a -> b",
    "a -> b:80 alow",
    "a -> b:0 allow",
    "a -> b: allow",
    "a->b allow",
    {**DENY, "verdict": "maybe"},
    {**DENY, "verdict": True},
    {**DENY, "some": True},
    {**DENY, "some": "yes"},
    {**DENY, "because": ""},
    {**DENY, "ports": []},
    {**DENY, "ports": 80},
    {**DENY, "port": True},
    {**DENY, "port": 80, "ports": [80]},
    {**DENY, "extra": 1},
    {**DENY, "from": {}},
    {**DENY, "from": {"labels": {"a": 1}}},
    {**DENY, "from": {"labels": {}, "podLabels": {}}},
    {**DENY, "from": {"app": "x"}},
    {**DENY, "from": {"namespace": "A"}},
    {**DENY, "from": None},
    {"from": "a", "to": "b"},
    {"to": "b", "verdict": "deny"},
]
GOOD_SETS: list[object] = [
    SET,
    {"namespace": "a"},
    {"podLabels": {}, "ports": ["53/udp", 53]},
    {**SET, "except": ["203.0.113.0/25"]},
    {"namespace": "a", "namespaceLabels": {"b": "c"}},
]
BAD_SETS: list[object] = [
    {},
    [],
    "a",
    {"ports": [53]},
    {"except": ["10.0.0.0/8"], "namespace": "a"},
    {**SET, "cidrs": []},
    {**SET, "cidrs": ["10.0.0.1"]},
    {**SET, "ports": []},
    {**SET, "ports": ["x_y"]},
    {**SET, "endpoints": []},
    {"namespace": 1},
]
WHOLE: dict[str, Any] = {
    "apiVersion": "podwall.io/v1",
    "kind": "Expectations",
    "metadata": {"name": "x", "namespace": "shop", "labels": {"a": "b"}},
    "sets": {"partner": {"namespace": "a", "cidrs": ["10.0.0.0/8"], "except": ["10.1.0.0/16"], "ports": [443]}},
    "expect": [
        "web -> api:8080 allow",
        {"from": "web", "to": {"namespaceLabels": {"env": "dev"}}, "ports": [80, "53/udp"], "verdict": "deny"},
        {
            "from": {"podLabels": {"a": "b"}},
            "to": "api",
            "port": "http",
            "verdict": "allow",
            "some": True,
            "because": "x",
        },
    ],
}
ODD: tuple[object, ...] = (None, True, 0, 70000, "", "x y", "any", [], {}, ["a"], {"a": "b"}, "10.0.0.0/8", "a:80")


def of(*items: object, **further: object) -> dict[str, object]:
    return {"apiVersion": "podwall.io/v1", "kind": "Expectations", "expect": list(items), **further}


def parser_says(document: object) -> bool:
    found = parse(json.dumps(document).encode(), "e.json", Given())
    return not found.problems and not found.others


def schema_says(document: object) -> bool:
    return bool(jsonschema.Draft202012Validator(schema()).is_valid(document))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("item", GOOD, ids=json.dumps)
def test_good_assertions(item: object) -> None:
    assert (parser_says(of(item)), schema_says(of(item))) == (True, True)


@pytest.mark.parametrize("item", BAD, ids=json.dumps)
def test_bad_assertions(item: object) -> None:
    assert (parser_says(of(item)), schema_says(of(item))) == (False, False)


@pytest.mark.parametrize(("item", "good"), [*((s, True) for s in GOOD_SETS), *((s, False) for s in BAD_SETS)], ids=str)
def test_sets(item: object, good: bool) -> None:
    document = of("a -> b deny", sets={"partner": item})
    assert (parser_says(document), schema_says(document)) == (good, good)


def test_the_bundled_example_is_good() -> None:
    from podwall.text import yaml

    (document,) = yaml.documents((SHOP / "expectations.yaml").read_bytes(), "expectations.yaml")
    assert schema_says(document.value)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, part in inner for found in places(part, (*path, key)))]


def damaged(rng: random.Random) -> dict[str, Any]:
    """A good file with a field dropped, renamed or given an odd value."""
    out = copy.deepcopy(WHOLE)
    *way, last = rng.choice([path for path in places(WHOLE) if path])
    parent: Any = out
    for step in way:
        parent = parent[step]
    match rng.choice(("drop", "rename", "odd", "odd")):
        case "drop":
            del parent[last]
        case "rename" if isinstance(parent, dict):
            parent[f"{last}s"] = parent.pop(last)
        case _:
            parent[last] = copy.deepcopy(rng.choice(ODD))
    return out


def test_damaged_files() -> None:
    rng = random.Random(7)
    verdicts = set()
    for _ in range(3000):
        document = damaged(rng)
        said = parser_says(document)
        assert schema_says(document) is said, document
        verdicts.add(said)
    assert verdicts == {True, False}
