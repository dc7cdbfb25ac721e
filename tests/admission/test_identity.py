"""metadata of every kind."""

from __future__ import annotations

import pytest

from podwall.admission.identity import identity_problems
from podwall.api.meta import ObjectMeta

GOOD: list[tuple[str, ObjectMeta]] = [
    ("Pod", ObjectMeta(name="web-0", namespace="shop", labels={"app": "web"}, annotations={"a.b/c": "…"})),
    ("Pod", ObjectMeta(name="web.0")),
    ("Pod", ObjectMeta(generateName="web-")),
    ("Pod", ObjectMeta(name="", generateName="w" * 100)),
    ("Node", ObjectMeta(name="node-1.example.com", labels={"kubernetes.io/os": "linux"})),
    ("Node", ObjectMeta(name="n", namespace="Dropped Unread")),
    ("Namespace", ObjectMeta(name="shop")),
    ("Service", ObjectMeta(name="1-web")),
    ("Deployment", ObjectMeta(name="web", namespace="")),
]

BAD: list[tuple[str, ObjectMeta, list[tuple[tuple[str, ...], str]]]] = [
    ("Pod", ObjectMeta(), [(("name",), "Required value: name or generateName is required")]),
    ("Pod", ObjectMeta(name=""), [(("name",), "Required value: name or generateName is required")]),
    (
        "Pod",
        ObjectMeta(name="Web_0"),
        [(("name",), 'Invalid value: "Web_0": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric')],
    ),
    ("Pod", ObjectMeta(name="é"), [(("name",), 'Invalid value: "é": a lowercase RFC 1123 subdomain')]),
    ("Pod", ObjectMeta(generateName="Web-"), [(("generateName",), 'Invalid value: "Web-": a lowercase')]),
    ("Pod", ObjectMeta(generateName="web.-"), [(("generateName",), 'Invalid value: "web.-": a lowercase')]),
    ("Pod", ObjectMeta(generateName="-"), [(("generateName",), 'Invalid value: "-": a lowercase')]),
    (
        "Pod",
        ObjectMeta(name="A", generateName="B"),
        [(("name",), 'Invalid value: "A"'), (("generateName",), 'Invalid value: "B"')],
    ),
    ("Namespace", ObjectMeta(name="a.b"), [(("name",), 'Invalid value: "a.b": must not contain dots')]),
    ("Service", ObjectMeta(name="a.b"), [(("name",), 'Invalid value: "a.b": must not contain dots')]),
    ("Service", ObjectMeta(generateName="a.b-"), [(("generateName",), 'Invalid value: "a.b-": must not contain dots')]),
    (
        "Pod",
        ObjectMeta(name="a", namespace="Shop"),
        [(("namespace",), 'Invalid value: "Shop": a lowercase RFC 1123 label must')],
    ),
    (
        "Job",
        ObjectMeta(name="-", namespace="b.c", labels={"b": "!", "a": "ok", "": "ok"}, annotations={"x y": ""}),
        [
            (("name",), 'Invalid value: "-"'),
            (("namespace",), 'Invalid value: "b.c": must not contain dots'),
            (("labels", ""), 'Invalid value: "": name part must be non-empty'),
            (("labels", "b"), 'Invalid value: "!": a valid label must'),
            (("annotations", "x y"), 'Invalid value: "x y": name part must consist'),
        ],
    ),
]


@pytest.mark.parametrize(("kind", "meta"), GOOD)
def test_good_metadata(kind: str, meta: ObjectMeta) -> None:
    assert identity_problems(kind, meta) == []


@pytest.mark.parametrize(("kind", "meta", "expected"), BAD)
def test_bad_metadata(kind: str, meta: ObjectMeta, expected: list[tuple[tuple[str, ...], str]]) -> None:
    found = identity_problems(kind, meta)
    assert [f.path for f in found] == [("metadata", *path) for path, _ in expected]
    assert all(f.message.startswith(beginning) for f, (_, beginning) in zip(found, expected, strict=True))
    assert not any(f.warning for f in found)


def test_advice_where_only_the_spelling_is_wrong() -> None:
    [finding] = identity_problems("Pod", ObjectMeta(name="Web_0"))
    assert finding.message.endswith("; write web-0")
