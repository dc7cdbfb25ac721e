"""The project file: where it is found, what it may say, and every mistake in it at its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwall.cluster.wellknown import Definition
from podwall.errors import InputError, PodwallError
from podwall.sources.project import FILE, Settings, find, read, schema
from podwall.text import yaml

WHOLE = """\
apiVersion: podwall.io/v1
kind: Project
inputs: [manifests, /etc/policies]
kustomize: overlays/prod
snapshot: cluster.podwall.gz
namespace: shop
profile: cilium
podCIDRs: [10.0.0.0/8, "fd00::/64"]
skipInvalid: true
strict: true
ignoreKinds: true
sets:
  dns: {namespace: kube-system, podLabels: {k8s-app: kube-dns}, ports: [53]}
check:
  select: [PW1]
  ignore: [PW130]
  severities: {PW150: error}
  failOn: warning
  baseline: known.json
  noSuppress: [PW110]
  paths:
    legacy/*: {ignore: [PW150]}
expectations: [tests/reach.yaml]
"""

MISTAKES: list[tuple[str, list[str]]] = [
    ("input: [a]\n", ["1: input: unknown key, did you mean `inputs`?"]),
    ("podCidrs: []\n", ["1: podCIDRs"]),
    ("inputs: manifests\n", ["1: inputs: expected a list, got a string"]),
    ("a: 1\nstrict: 'yes'\n", ["1: a: unknown key", "2: strict: expected true or false, got a string"]),
    ("inputs:\n- a\n- '-'\n", ["3: inputs[1]: standard input is given with -f -"]),
    ("profile: calico\n", ["1: profile: there is no profile calico; there are cilium, kubernetes"]),
    ("namespace: Shop\n", ["1: namespace: not the name of a namespace"]),
    ("podCIDRs:\n- 10.0.0.0/8\n- 11.0.0.0/8\n- x\n", ["3: podCIDRs[1]: there is 10.0.0.0/8 already", "4: podCIDRs[2]"]),
    ("check:\n  failon: error\n", ["2: check.failon: unknown key, did you mean `failOn`?"]),
    ("check:\n  failOn: always\n", ["2: check.failOn: always is not one of error, warning, info"]),
    ("check:\n  severities:\n    PW150: off\n", ["3: check.severities.PW150: expected a string, got false"]),
    ("check:\n  severities:\n    PW150: bad\n", ["3: check.severities.PW150: bad is not one of"]),
    ("sets: {dns: 5}\n", ["1: sets.dns: expected a mapping, got a whole number"]),
    ("kind: Projekt\n", ["1: kind: expected Project"]),
    ("apiVersion: v2\n", ["1: apiVersion: expected podwall.io/v1"]),
    ("- inputs\n", ["1: expected the keys of a project file"]),
    ("strict: true\n---\nstrict: false\n", ["3: a project file has one document"]),
    ("inputs: [\n", ["1: "]),
    ("strict: true\nstrict: false\n", ["2: "]),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_that_it_may_say(here: Path) -> None:
    (here / FILE).write_text(WHOLE)
    found = read(here / FILE)
    settings = found.settings
    assert (found.name, settings.profile, settings.pod_cidrs) == (FILE, "cilium", ["10.0.0.0/8", "fd00::/64"])
    want = Definition(namespace="kube-system", pod_labels={"k8s-app": "kube-dns"}, ports=[53])
    assert settings.sets["dns"] == want
    assert (settings.check.fail_on, settings.check.paths["legacy/*"].ignore) == ("warning", ["PW150"])
    assert [found.path(given) for given in settings.inputs] == [
        "manifests",
        "../" * (len(here.parts) - 1) + "etc/policies",
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "inputs:\n"])
def test_nothing_at_all(text: str, here: Path) -> None:
    (here / FILE).write_text(text)
    assert read(here / FILE).settings == Settings()


@pytest.mark.parametrize(("text", "said"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_mistakes(text: str, said: list[str], here: Path) -> None:
    (here / FILE).write_text(text)
    with pytest.raises(PodwallError) as raised:
        read(here / FILE)
    lines = str(raised.value).splitlines()
    assert len(lines) == len(said)
    for line, start in zip(lines, said, strict=True):
        assert line.startswith(f"{FILE}:{start}") or (start == "1: podCIDRs" and "did you mean `podCIDRs`?" in line)


def test_unreadable(here: Path) -> None:
    with pytest.raises(InputError, match=r"^nothing.yaml: cannot be read: No such file"):
        read(here / "nothing.yaml")


# --------------------------------------------------------------------------------------------------------- where it is
def test_found_upwards(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert find(deep, tmp_path) is None
    (tmp_path / FILE).write_text("")
    assert find(deep, None) == tmp_path / FILE
    assert find(deep, tmp_path) == tmp_path / FILE
    assert find(deep, tmp_path / "a") is None  # home: what is above it is nobody's here
    (tmp_path / "a" / "b" / ".git").mkdir()
    assert find(deep, None) is None  # another repository
    (tmp_path / "a" / "b" / FILE).write_text("")
    assert find(deep, None) == tmp_path / "a" / "b" / FILE


def test_paths_are_seen_from_the_working_directory(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / FILE).write_text("inputs: [manifests]\n")
    (here / "sub").mkdir()
    monkeypatch.chdir(here / "sub")
    found = read(here / FILE)
    assert (found.name, found.path("manifests")) == ("../.podwall.yaml", "../manifests")


# -------------------------------------------------------------------------------------------------------------- schema
def fits(value: Any, rule: Any, whole: Any) -> bool:
    """Whether a value is what the schema says, as far as the words go that this one uses."""
    if "$ref" in rule:
        return fits(value, whole["$defs"][rule["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in rule:
        return any(fits(value, one, whole) for one in rule["anyOf"])
    sorts = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}
    if not isinstance(value, sorts[rule["type"]]) or value not in rule.get("enum", [value]):
        return False
    if isinstance(value, list):
        return all(fits(item, rule["items"], whole) for item in value)
    if isinstance(value, dict):
        known, other = rule.get("properties", {}), rule.get("additionalProperties", {})
        return all(
            fits(item, known[key], whole)
            if key in known
            else other is not False and (not other or fits(item, other, whole))
            for key, item in value.items()
        )
    return bool(value == rule.get("const", value))


def test_schema() -> None:
    whole = json.loads(schema())

    def ok(text: str) -> bool:
        (document,) = yaml.documents(text.encode(), FILE)
        return fits(document.value, whole, whole)

    assert ok(WHOLE)
    refused = [text for text, _ in MISTAKES if "documents" not in text and _parses(text) and not ok(text)]
    assert len(refused) >= 11  # all but what only the program can know: addresses, names, standard input


def _parses(text: str) -> bool:
    try:
        return len(list(yaml.documents(text.encode(), FILE))) == 1
    except PodwallError:
        return False
