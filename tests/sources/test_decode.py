"""Texts → objects: every form of input gives the same, other kinds are passed over, and every mistake is collected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from podwall.sources.decode import Decoder
from podwall.sources.files import Text
from podwall.text.yaml import documents
from tests.sources.reading import read

Object = dict[str, Any]

POD: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"app": "x"}}}
DEPLOYMENT: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "b"}, "spec": {"replicas": 2}}
POLICY: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "c", "namespace": "ns"},
    "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80, "endPort": 90}, {"port": "http"}]}]},
}
ALL = [POD, DEPLOYMENT, POLICY]
CONFIG: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}, "items": [1]}


def dumped(objects: Sequence[object], separator: str = "\n") -> str:
    return separator.join(json.dumps(o) for o in objects)


def without_header(*objects: Object) -> list[Object]:
    return [{k: v for k, v in o.items() if k not in ("kind", "apiVersion")} for o in objects]


YAML_DOCUMENTS = """\
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app: x}}
---
# nothing here
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b}
spec: {replicas: 2}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: c
  namespace: ns
spec:
  podSelector: {}
  ingress:
  - ports:
    - {port: 80, endPort: 90}
    - port: http
"""

FORMS = {
    "documents": YAML_DOCUMENTS,
    "crlf": YAML_DOCUMENTS.replace("\n", "\r\n"),
    "yaml list": "apiVersion: v1\nkind: List\nitems:\n" + "\n".join(f"- {json.dumps(o)}" for o in ALL),
    "yaml items": "items:\n" + "\n".join(f"- {json.dumps(o)}" for o in ALL),
    "lists in documents": "\n---\n".join(f"kind: List\nitems: [{json.dumps(o)}]" for o in ALL),
    "list": json.dumps({"apiVersion": "v1", "kind": "List", "items": ALL}),
    "indented list": json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": ALL}, indent=4),
    "items": json.dumps({"items": ALL}),
    "with a mark": "\ufeff" + json.dumps({"kind": "List", "items": ALL}),
    "stream": dumped(ALL),
    "joined": dumped(ALL, ""),
    "json documents": dumped(ALL, "\n---\n"),
    "flow": dumped(ALL, "\n---\n").replace('"apiVersion"', "apiVersion"),
    "list with others": json.dumps({"kind": "List", "items": [CONFIG, *ALL, CONFIG]}),
    "yaml with others": "\n---\n".join(json.dumps(o, indent=1) for o in [CONFIG, *ALL, CONFIG]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_objects(form: str) -> None:
    found = read(FORMS[form], "f")
    assert found.mistakes() == found.warnings() == []
    assert found.objects() == ["Pod a", "Deployment b", "NetworkPolicy c"]
    assert [o.object for o in found.decoder.objects] == [o.object for o in read(dumped(ALL)).decoder.objects]


@pytest.mark.parametrize("form", ["list", "stream", "yaml"])
def test_items_take_the_kind_of_their_list(form: str) -> None:
    of_pods = {"apiVersion": "v1", "kind": "PodList", "items": without_header(POD)}
    of_policies = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": without_header(POLICY)}
    separator = "\n---\n" if form == "yaml" else "\n"
    for lists in ([of_pods, of_policies], [of_policies, of_pods]):
        found = read(dumped(lists, separator))
        assert found.mistakes() == []
        assert sorted(found.objects()) == ["NetworkPolicy c", "Pod a"]


def test_a_plain_list_implies_no_kind() -> None:
    found = read(json.dumps({"apiVersion": "v1", "kind": "List", "items": [{"kind": "Pod"}, {"metadata": {}}]}))
    assert [(path, message) for _, path, message in found.mistakes()] == [
        ("apiVersion", "Required value: every object needs an apiVersion (Pod)"),
        ("kind", "Required value: every object needs a kind"),
    ]


EMPTY = ['{"kind": "List", "apiVersion": "v1", "items": []}', "kind: PodList\napiVersion: v1\n"]


@pytest.mark.parametrize("data", EMPTY)
def test_an_empty_list_is_an_object(data: str) -> None:
    found = read(data)
    assert (found.objects(), found.mistakes(), found.decoder.found > 0) == ([], [], True)


@pytest.mark.parametrize("data", ["", "\n# nothing\n", "---\n---\n", "null\n"])
def test_an_empty_text_has_none(data: str) -> None:
    found = read(data)
    assert (found.objects(), found.mistakes(), found.decoder.found) == ([], [], 0)


@pytest.mark.parametrize(
    ("kind", "version", "counted"),
    [
        ("CiliumNetworkPolicy", "cilium.io/v2", True),
        ("NetworkPolicy", "crd.projectcalico.org/v1", True),
        ("GlobalNetworkPolicy", "projectcalico.org/v3", True),
        ("AdminNetworkPolicy", "crd.example.com/v1", False),
        ("NetworkPolicy", "extensions/v1beta1", True),
        ("NetworkPolicy", "networking.k8s.io/v1", False),
        ("Service", "serving.knative.dev/v1", False),
        ("Deployment", "example.com/v1", False),
        ("ConfigMap", "v1", False),
    ],
)
@pytest.mark.parametrize("form", ["{}", '{{"kind": "List", "items": [{}, {}]}}', "- {}"])
def test_kinds_that_are_not_analyzed(kind: str, version: str, counted: bool, form: str) -> None:
    text = json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": {}})
    if form.startswith("-"):
        form = "kind: List\napiVersion: v1\nitems:\n- {}\n"
    found = read(form.format(*[text] * form.count("{}")) if "{{" in form else form.replace("{}", text))
    assert found.mistakes() == []
    group = version.rpartition("/")[0]
    assert found.decoder.unanalyzed == ({(group, kind): max(1, form.count("{}"))} if counted else {})
    assert bool(found.objects()) == (version == "networking.k8s.io/v1")


# ------------------------------------------------------------------------------------------------------- mistakes
BAD = """\
apiVersion: v1
kind: Pod
metadata:
  name: Web
  labels: {app: 1, on: true, ok: "yes"}
spec: x
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec:
  podSelector: {matchLabels: {a.b/c: [1]}}
  ingress:
  - from: {}
    ports: {a: 1}
  - ports:
    - port: 80
      endPort: "90"
    - {port: [1], endPort: 1.5}
  ingres: []
---
apiVersion: v1
kind: Pod
metadata: {name: w, labels: [a]}
status: {podIPs: [null, {ip: 10.0.0.1}], podIP: 7}
---
kind: Pod
metadata: {name: x}
---
metadata: {name: x}
---
- a
---
hello
---
kind: [Pod]
apiVersion: v1
---
kind: PodList
apiVersion: v1
items: {a: 1}
"""

SAID = [
    (5, "metadata.labels.app", "expected a string, got a whole number; put it in quotes"),
    (5, "metadata.labels.true", "expected a string, got true; put it in quotes"),
    (6, "spec", "expected a mapping, got a string"),
    (12, "spec.podSelector.matchLabels[a.b/c]", "expected a string, got a list"),
    (14, "spec.ingress[0].from", "expected a list, got a mapping; begin each entry with `- `"),
    (15, "spec.ingress[0].ports", "expected a list, got a mapping; begin each entry with `- `"),
    (18, "spec.ingress[1].ports[0].endPort", "expected a whole number, got a string; take the quotes away"),
    (19, "spec.ingress[1].ports[1].endPort", "expected a whole number, got a number"),
    (19, "spec.ingress[1].ports[1].port", "expected a whole number or a string, got a list"),
    (24, "metadata.labels", "expected a mapping, got a list"),
    (25, "status.podIP", "expected a string, got a whole number; put it in quotes"),
    (25, "status.podIPs[0]", "expected a mapping, got null"),
    (27, "apiVersion", "Required value: every object needs an apiVersion (Pod)"),
    (30, "kind", "Required value: every object needs a kind"),
    (32, "", "expected a Kubernetes object, got a list"),
    (34, "", "expected a Kubernetes object, got a string"),
    (36, "kind", "Required value: every object needs a kind"),
    (41, "items", "expected a list, got a mapping"),
]


def test_every_mistake_of_a_text_is_said_with_its_line() -> None:
    found = read(BAD)
    assert found.mistakes() == [(f"f.yaml:{line}", path, message) for line, path, message in SAID]
    assert found.warnings() == [
        ("f.yaml:20", "spec.ingres", "unknown field, which the API server drops, did you mean `ingress`?")
    ]


@pytest.mark.parametrize("form", ["list", "stream", "yaml list"])
def test_the_same_mistakes_in_other_forms(form: str) -> None:
    """Each object on lines of its own, so that a mistake's line says whose it is."""
    values = [document.value for document in documents(BAD.encode(), "f")][:7]
    if form == "list":
        data = '{"apiVersion": "v1", "kind": "List", "items": [\n' + dumped(values, ",\n") + "\n]}"
    elif form == "stream":
        data = "\n" + dumped(values)
    else:
        data = "kind: List\nitems:\n" + "\n".join(f"- {json.dumps(v)}" for v in values)
    first = 2 + (form == "yaml list")
    starts = [1, 8, 22, 27, 30, 32, 34]
    expected = [
        (f"f:{first + sum(line >= start for start in starts) - 1}", path, message)
        for line, path, message in SAID
        if line < 36
    ]
    assert sorted(read(data, "f").mistakes()) == sorted(expected)


def test_a_document_that_cannot_be_read_hides_no_other() -> None:
    data = "a: [\n---\nkind: Pod\nkind: Pod\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\nx: y: z\n"
    found = read(data)
    assert [said[0] for said in found.mistakes()] == ["f.yaml:1", "f.yaml:4", "f.yaml:10"]
    assert found.objects() == ["Pod a"]


def test_a_separator_that_is_none() -> None:
    found = read("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n--- # fine\n--- x\nkind: Pod\n")
    assert [said[0] for said in found.mistakes()] == ["f.yaml:5"]


@pytest.mark.parametrize("form", ["{}", '{{"kind": "List", "items": [\n{}]}}', '{{"a": 1}}\n{}'])
def test_a_key_twice_in_a_policy(form: str) -> None:
    policy = '{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"},\n'
    policy += ' "spec": {"ingress": [{},\n  {"ports": [], "from": [], "ports": []}]}}'
    found = read(form.format(policy), "f.json")
    said = [s for s in found.mistakes() if s[1] == "spec.ingress[1].ports"]
    assert [message for _, _, message in said] == ["duplicate key; keep one of them, kubectl would take the last"]
    assert said[0][0] == f"f.json:{3 + form.format('').count(chr(10))}"


# ------------------------------------------------------------------------------------------- null, unknown, foreign
@pytest.mark.parametrize("value", ["null", "", "~"])
def test_null_is_absent(value: str) -> None:
    lines = f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a, labels: {value or 'null'}}}\n"
    found = read(lines + f"spec:\n  template:\n    metadata: {value}\n    spec:\n      containers: {value}\n")
    assert (found.objects(), found.mistakes()) == (["Deployment a"], [])


def test_the_status_that_some_versions_print_is_no_unknown_field() -> None:
    text = json.dumps({**POLICY, "status": {"conditions": [{}]}})
    for form in (text, f"--- # yaml\n{text}"):
        found = read(form)
        assert found.objects() == ["NetworkPolicy c"]
        assert (found.mistakes(), found.warnings()) == ([], [])


UNKNOWN = [
    ("ingres", "ingress"),
    ("Ingress", "ingress"),
    ("podSelecter", "podSelector"),
    ("policyType", "policyTypes"),
    ("zebra", None),
]


@pytest.mark.parametrize(("name", "meant"), UNKNOWN)
@pytest.mark.parametrize("as_yaml", [True, False], ids=["yaml", "json"])
def test_unknown_fields_are_dropped_and_named(name: str, meant: str | None, as_yaml: bool) -> None:
    value = {**POLICY, "spec": {**POLICY["spec"], name: [{"from": []}]}, "specs": {}}
    found = read(("--- # yaml\n" if as_yaml else "") + json.dumps(value), "f")
    advice = f", did you mean `{meant}`?" if meant else ""
    assert [(path, message) for _, path, message in found.warnings()] == [
        (f"spec.{name}", f"unknown field, which the API server drops{advice}"),
        ("specs", "unknown field, which the API server drops, did you mean `spec`?"),
    ]
    assert found.decoder.objects[0].object == read(json.dumps(POLICY)).decoder.objects[0].object


FOREIGN = ['{"name": "x", "version": "1"}', "[1, 2]", "replicas: 3\nimage: x\n", "just text\n"]


@pytest.mark.parametrize("data", FOREIGN)
def test_files_of_a_folder_that_are_no_objects_are_passed_over(data: str) -> None:
    decoder = Decoder()
    decoder.read(Text("sub/x", data.encode(), walked=True))
    assert (decoder.foreign, decoder.mistakes, decoder.problems) == ({"sub/x"}, [], [])
    assert read(data).mistakes()  # but not where somebody named the file


def test_an_object_that_forgot_its_kind_is_not_passed_over() -> None:
    decoder = Decoder()
    decoder.read(Text("x", b"apiVersion: v1\nmetadata: {name: a}\n", walked=True))
    assert (decoder.foreign, len(decoder.mistakes)) == (set(), 1)


# ------------------------------------------------------------------------------------------------------ templates
TEMPLATES = [
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n",
    "{{- if .Values.on }}\napiVersion: v1\nkind: Pod\n{{- end }}\n",
    'apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    {{- include "l" . | nindent 4 }}\n',
    "kind: Pod\n---\nkind: Pod\nmetadata: {name: ok}\n---\nmetadata:\n  {{- toYaml . }}\n",
    "kind: Pod\nmetadata:\n  name: {% name %}\n",
]


@pytest.mark.parametrize("data", TEMPLATES)
def test_templates_are_named_and_skipped_as_a_whole(data: str) -> None:
    found = read(data, "t.yaml")
    assert (found.objects(), found.mistakes()) == ([], [])
    assert found.decoder.skipped == [
        "t.yaml is a template, skipped; render it and pipe it in: helm template … | podwall … -f -"
    ]


def test_braces_elsewhere_make_no_template() -> None:
    dashboard = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {legend: '{{pod}}'}\n---\n"
    found = read(f"{dashboard}a: [\n---\n{dashboard}")
    assert [said[0] for said in found.mistakes()] == ["f.yaml:6"]
    assert found.decoder.skipped == []


@pytest.mark.parametrize("version", ["kustomize.config.k8s.io/v1beta1", "kustomize.config.k8s.io/v1"])
def test_a_kustomization_under_another_name(version: str) -> None:
    found = read(f"apiVersion: {version}\nkind: Kustomization\nresources: [a]\n", "k.yaml")
    assert found.decoder.skipped == [
        "k.yaml is a kustomization, skipped; build it: kubectl kustomize … | podwall … -f -"
    ]
