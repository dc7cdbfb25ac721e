"""What a mistake says beside its words: its sort, the object that it is about, and what was probably meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podwall.cluster.mistake import Mistake, Sort
from podwall.sources.assemble import assemble
from podwall.sources.decode import Decoder
from podwall.sources.files import Text

HEAD: dict[str, Any] = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "web"}}
ABOUT = ("NetworkPolicy", "shop", "web")


def policy(spec: object, **more: object) -> dict[str, Any]:
    return {**HEAD, "spec": spec, **more}


def port(value: object) -> dict[str, Any]:
    return policy({"podSelector": {}, "ingress": [{"ports": [{"port": value}]}]})


def block(cidr: str) -> dict[str, Any]:
    return policy({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": cidr}}]}]})


CASES: list[tuple[object, Sort, bool, object, tuple[str, str, str]]] = [
    (port("80"), Sort.INVALID, False, 80, ABOUT),
    (port("8000-8100"), Sort.INVALID, False, None, ABOUT),
    (port([80]), Sort.INVALID, False, None, ABOUT),
    (block("10.0.0.7/8"), Sort.INVALID, True, "10.0.0.0/8", ABOUT),
    (block("10.0.0.0/33"), Sort.INVALID, False, None, ABOUT),
    (policy({"podSelector": {}, "ingres": []}), Sort.UNKNOWN_FIELD, True, "ingress", ABOUT),
    (policy({"podSelector": {}, "comment": ""}), Sort.UNKNOWN_FIELD, True, None, ABOUT),
    ({**HEAD, "apiVersion": 1}, Sort.INVALID, False, None, ABOUT),
    ({**HEAD, "metadata": {"name": 5, "namespace": "other"}}, Sort.INVALID, False, None, (ABOUT[0], "other", "")),
    (["web"], Sort.INVALID, False, None, ("", "shop", "")),
    (
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "Big"}},
        Sort.INVALID,
        False,
        None,
        ("Node", "", "Big"),
    ),
]


def mistakes(*objects: object) -> list[Mistake]:
    decoder = Decoder("shop")
    decoder.read(Text("f.json", "\n".join(map(json.dumps, objects)).encode()))
    assembled = assemble(decoder.objects, "shop")
    return [*decoder.mistakes, *assembled.mistakes, *decoder.warnings, *assembled.warnings]


@pytest.mark.parametrize(("value", "sort", "warning", "meant", "about"), CASES)
def test_a_mistake(value: object, sort: Sort, warning: bool, meant: object, about: tuple[str, str, str]) -> None:
    (found,) = mistakes(value)
    assert (found.sort, found.warning, found.meant, found.about) == (sort, warning, meant, about)


def test_two_of_one_name() -> None:
    (found,) = mistakes(policy({"podSelector": {}}), policy({"podSelector": {"matchLabels": {"a": "b"}}}))
    assert (found.sort, found.about) == (Sort.DUPLICATE, ABOUT)
    assert found.other is not None
