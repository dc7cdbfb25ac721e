"""The cluster-wide policies from text to cluster: versions, unknown fields (D21), duplicates (D16), validity (D14)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from podwall.api.kinds import ONLY_VERSION, READ, UNANALYZED_POLICIES, is_read
from podwall.cluster.mistake import Mistake
from podwall.cluster.objects import kind_of, name_of
from podwall.engine.policies.clusterwide import rules_of
from podwall.sources.assemble import Assembled, assemble
from podwall.sources.decode import Decoder
from podwall.sources.files import Text
from podwall.text.where import field

Object = dict[str, Any]
Write = Callable[[list[Object]], bytes]

GROUP = "policy.networking.k8s.io"
SPECS: dict[str, tuple[str, Object]] = {
    "AdminNetworkPolicy": ("v1alpha1", {"priority": 1, "subject": {"namespaces": {}}}),
    "BaselineAdminNetworkPolicy": ("v1alpha1", {"subject": {"namespaces": {}}}),
    "ClusterNetworkPolicy": ("v1alpha2", {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}}),
}
KINDS = sorted(SPECS)


def policy(kind: str, name: str = "default", version: str | None = None, **spec: Any) -> Object:
    known, valid = SPECS[kind]
    api_version = f"{GROUP}/{version or known}"
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": valid | spec}


def as_list(objects: list[Object]) -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).encode()


def as_stream(objects: list[Object]) -> bytes:
    return b"\n".join(json.dumps(o).encode() for o in objects)


def as_yaml(objects: list[Object]) -> bytes:
    return b"".join(b"---\n# a comment, so that it is no JSON\n" + json.dumps(o).encode() + b"\n" for o in objects)


WRITERS: list[Write] = [as_list, as_stream, as_yaml]


def read(data: bytes) -> tuple[Decoder, Assembled]:
    decoder = Decoder()
    decoder.read(Text("input", data))
    assert decoder.problems == []
    return decoder, assemble(decoder.objects, "default")


def said(mistakes: list[Mistake] | tuple[Mistake, ...]) -> list[tuple[str, str]]:
    return [(field(m.path), m.message) for m in mistakes]


@pytest.mark.parametrize("write", WRITERS)
def test_all_kinds_are_read_in_order_of_kind_and_name(write: Write) -> None:
    objects = [policy(kind, name) for kind in reversed(KINDS) for name in ("default", "other") if kind[0] != "B"]
    objects.append(policy("BaselineAdminNetworkPolicy"))
    decoder, assembled = read(write(objects))
    assert (decoder.mistakes, decoder.warnings, decoder.unanalyzed, assembled.mistakes) == ([], [], {}, ())
    cluster = assembled.cluster
    assert [(kind_of(p.object), name_of(p.object.metadata)) for p in cluster.cluster_policies] == [
        ("AdminNetworkPolicy", "default"),
        ("AdminNetworkPolicy", "other"),
        ("BaselineAdminNetworkPolicy", "default"),
        ("ClusterNetworkPolicy", "default"),
        ("ClusterNetworkPolicy", "other"),
    ]
    assert cluster.namespaces == {}
    assert assembled.undeclared == ()
    assert cluster.replace([]) == cluster


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", ["v1alpha9", "v1beta1", "v1"])
def test_another_version_is_a_mistake_and_never_read_as_if_it_were_known(write: Write, kind: str, version: str) -> None:
    decoder, assembled = read(write([policy(kind, version=version), policy(kind)]))
    known = SPECS[kind][0]
    assert said(decoder.mistakes) == [
        (
            "apiVersion",
            f"Podwall reads {kind} of {GROUP}/{known} only, and cannot know what {GROUP}/{version} means by it",
        )
    ]
    assert len(assembled.cluster.cluster_policies) == 1


@pytest.mark.parametrize("write", WRITERS)
def test_kinds_of_the_same_name_in_other_groups_are_not_these(write: Write) -> None:
    other = policy("ClusterNetworkPolicy") | {"apiVersion": "crd.antrea.io/v1beta1"}
    decoder, assembled = read(write([other]))
    assert decoder.unanalyzed == {("crd.antrea.io", "ClusterNetworkPolicy"): 1}
    assert assembled.cluster.cluster_policies == ()


@pytest.mark.parametrize("write", WRITERS)
def test_unknown_fields_are_dropped_with_a_warning(write: Write) -> None:
    rule = {"action": "Deny", "from": [{"namespaces": {}}], "protocol": [{"tcp": {}}]}
    decoder, assembled = read(write([policy("ClusterNetworkPolicy", ingress=[rule], egres=[])]))
    assert sorted(said(decoder.warnings)) == [
        ("spec.egres", "unknown field, which the API server drops, did you mean `egress`?"),
        ("spec.ingress[0].protocol", "unknown field, which the API server drops, did you mean `protocols`?"),
    ]
    [located] = assembled.cluster.cluster_policies
    assert len(rules_of(located.object).rules) == 1


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("kind", KINDS)
def test_identical_duplicates_count_once_whatever_their_status_and_namespace(write: Write, kind: str) -> None:
    one, two = policy(kind), policy(kind)
    two["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    decoder, assembled = read(write([one, two]))
    assert (decoder.mistakes, assembled.mistakes) == ([], ())
    assert len(assembled.cluster.cluster_policies) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_different_duplicates_are_an_error_even_in_different_namespaces(kind: str) -> None:
    one, two = policy(kind), policy(kind, subject={"namespaces": {"matchLabels": {"a": "b"}}})
    two["metadata"] = {"name": "default", "namespace": "x"}
    _, assembled = read(as_list([one, two]))
    [mistake] = assembled.mistakes
    assert mistake.message == f"differs from another {kind} default; keep one of the two"
    assert (mistake.origin.item, mistake.other and mistake.other.item) == (1, 0)


def test_one_name_in_two_kinds_is_no_duplicate() -> None:
    _, assembled = read(as_list([policy(kind) for kind in KINDS]))
    assert len(assembled.cluster.cluster_policies) == 3
    assert assembled.mistakes == ()


@pytest.mark.parametrize("kind", KINDS)
def test_an_invalid_policy_is_left_out_and_named(kind: str) -> None:
    _, assembled = read(as_list([policy(kind, subject={})]))
    assert [path for path, _ in said(assembled.mistakes)] == ["spec.subject"]
    assert assembled.cluster.cluster_policies == ()


def test_a_key_twice_in_a_policy_is_a_mistake() -> None:
    text = json.dumps(policy("ClusterNetworkPolicy")).replace('"priority": 1', '"priority": 1, "priority": 2')
    decoder, _ = read(text.encode())
    assert said(decoder.mistakes) == [("spec.priority", "duplicate key; keep one of them, kubectl would take the last")]


def test_a_field_of_another_type_is_named() -> None:
    decoder, _ = read(as_yaml([policy("ClusterNetworkPolicy", priority="high")]))
    assert said(decoder.mistakes) == [("spec.priority", "expected a whole number, got a string")]


def test_versions_are_those_of_kinds_that_are_read() -> None:
    assert ONLY_VERSION.keys() <= READ.keys()
    assert not READ.keys() & UNANALYZED_POLICIES
    assert is_read("networking.k8s.io/v1", "NetworkPolicy")
    assert not is_read(f"{GROUP}/v1beta1", "ClusterNetworkPolicy")
