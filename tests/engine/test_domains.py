"""Domain names (C12): what a name covers, the addresses supplied for it, and destinations that have none."""

from __future__ import annotations

import random

import msgspec
import pytest

from podwall.api.policy import ClusterNetworkPolicy
from podwall.engine.connections import edges, externals_of
from podwall.engine.domains import canonical, covers, meets_name, named, resolved, symbolic
from podwall.engine.labels import EVERYTHING
from podwall.engine.model import Model
from podwall.engine.policies.clusterwide import rules_of
from podwall.engine.questions import Question
from podwall.engine.rules import AnyPeer, Block, Domains, Nobody, Nodes, Peer, PolicyRules
from podwall.engine.sets import NO_ADDRESSES, AddrSet
from podwall.errors import UnknownReference
from tests.truth.engine import model_of
from tests.truth.ladders import pod
from tests.truth.vocabulary import Object


@pytest.mark.parametrize(
    ("pattern", "name", "yes"),
    [
        ("example.com", "example.com", True),
        ("example.com", "www.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", "www.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "wwwexample.com", False),
        ("*.example.com", "otherexample.com", False),
        ("*.example.com", "*.example.com", True),
        ("*.example.com", "*.b.example.com", True),
        ("*.b.example.com", "*.example.com", False),
        ("www.example.com", "*.example.com", False),
    ],
)
def test_what_a_name_covers(pattern: str, name: str, yes: bool) -> None:
    assert covers(pattern, name) is yes


def test_names_are_compared_as_dns_does() -> None:
    assert canonical("WWW.Example.com.") == canonical("www.example.com")


WHOLE = AddrSet.of("0.0.0.0/0")
PEERS: list[tuple[Peer, bool, bool]] = [  # in IPv4, in IPv6
    (AnyPeer(), True, True),
    (Domains(("*.example.com",)), True, True),
    (Domains(("example.com", "example.net")), False, False),
    (Block(WHOLE), True, False),
    (Block(AddrSet.of("0.0.0.0/1") | AddrSet.of("128.0.0.0/1") | AddrSet.of("::/0")), True, True),
    (Block(AddrSet.of("0.0.0.0/0", ["10.0.0.0/8"]) | AddrSet.of("::/1")), False, False),
    (Block(NO_ADDRESSES), False, False),
    (Nodes(EVERYTHING), False, False),
    (Nobody(), False, False),
]


@pytest.mark.parametrize(("peer", "in4", "in6"), PEERS)
def test_who_matches_a_name_without_addresses(peer: Peer, in4: bool, in6: bool) -> None:
    assert [meets_name(peer, "www.example.com", family) for family in (4, 6)] == [in4, in6]


def policy(*names: str, action: str = "Accept", number: int = 443) -> Object:
    rule = {
        "action": action,
        "to": [{"namespaces": {}}, {"domainNames": list(names)}],
        "protocols": [{"tcp": {"destinationPort": {"number": number}}}],
    }
    closed = {"action": "Deny", "to": [{"networks": ["0.0.0.0/0"]}]}
    spec = {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "egress": [rule, closed]}
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "names"},
        "spec": spec,
    }


def rules(*names: str) -> PolicyRules:
    return rules_of(msgspec.convert(policy(*names), ClusterNetworkPolicy))


def test_supplied_addresses_stand_beside_the_names() -> None:
    given = {"a.example.com": AddrSet.of("203.0.113.7/32"), "b.a.example.com": AddrSet.of("198.51.100.0/24")}
    read = resolved(rules("*.Example.com", "example.com", "*.a.example.com"), given)
    _, names = read.rules[0].peers
    assert names == Domains(
        ("*.a.example.com", "*.example.com", "example.com"),
        AddrSet.of("203.0.113.7/32") | AddrSet.of("198.51.100.0/24"),
        ("*.a.example.com", "*.example.com"),
    )
    assert symbolic([read]) == ("example.com",)
    assert named([read]) == ("*.a.example.com", "*.example.com", "example.com")


def test_a_name_with_no_address_at_all_is_known_too() -> None:
    assert symbolic([resolved(rules("example.com"), {"example.com": NO_ADDRESSES})]) == ()


def model(*names: str, dual: bool = False, **resolutions: list[str]) -> Model:
    chance = random.Random(0)
    objects = [pod(chance, i, dual=dual) for i in range(2)]
    for each in objects:
        each["metadata"]["namespace"] = "x"
    spelled = {name.replace("_", "."): known for name, known in resolutions.items()}
    return model_of([*objects, policy(*names)], resolutions=spelled)


def test_a_name_is_an_end_of_the_map_and_no_source() -> None:
    found = model("*.example.com", "example.net")
    reach = found.reach
    assert [(x.name, x.domains, bool(x.addresses)) for x in externals_of(reach)][-2:] == [
        ("*.example.com", ("*.example.com",), False),
        ("example.net", ("example.net",), False),
    ]
    open_ = {(e.src, e.dst): e.ports for e in edges(reach, found.groups(reach))}
    assert [dst for src, dst in open_ if src == "x/pod-0" and "example" in dst] == ["*.example.com", "example.net"]
    assert [list(p.ranges()) for p in open_["x/pod-0", "example.net"].values()] == [[("TCP", 443, 443)]]
    assert not [src for src, _ in open_ if "example" in src]


def test_ports_of_a_name_may_differ_by_family() -> None:
    found = model("example.net", dual=True)
    open_ = {(e.src, e.dst): e.ports for e in edges(found.reach, found.groups(found.reach))}
    ports = open_["x/pod-0", "example.net"]
    assert {family: ("TCP", 80) in known for family, known in ports.items()} == {4: False, 6: True}


def test_with_addresses_a_name_is_no_end_but_they_are() -> None:
    found = model("example.net", example_net=["203.0.113.7"])
    names = [x.name for x in externals_of(found.reach)]
    assert "203.0.113.7/32" in names
    assert "example.net" not in names


def ends(found: Model, reference: str) -> list[str]:
    asked = Question("x/pod-0", reference, 443)
    return [c.destination.name for c in found.questions.connections(asked).connections]


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("www.example.com", ["www.example.com"]),
        ("WWW.Example.com.", ["www.example.com"]),
        ("*.example.com", ["*.example.com"]),
        ("example.net", ["x/pod-1", "203.0.113.7"]),
    ],
)
def test_references_by_name(reference: str, names: list[str]) -> None:
    found = model("*.example.com", "example.net", example_net=["203.0.113.7", "10.244.1.1"])
    assert ends(found, reference) == names


def test_of_a_block_each_part_that_rules_tell_apart_is_asked_about() -> None:
    found = model("example.com", "*.example.com", www_example_com=["203.0.113.0/24"], example_com=["203.0.113.64/26"])
    assert ends(found, "www.example.com") == ["203.0.113.0"]  # one rule names both, so nothing tells them apart
    assert ends(found, "example.com") == ["203.0.113.64"]


@pytest.mark.parametrize(
    ("src", "dst", "says"),
    [
        ("x/pod-0", "example.com", "nor does a policy mean it as a domain name"),
        ("x/pod-0", "nothing", "there is no namespace 'default'"),
        ("www.example.com", "x/pod-0", "destinations only"),
        ("x/pod-0", "none.example.net", "has no address"),
    ],
)
def test_names_that_are_no_answer(src: str, dst: str, says: str) -> None:
    found = model("*.example.com", "*.example.net", none_example_net=[])
    with pytest.raises(UnknownReference, match=says):
        found.questions.connections(Question(src, dst, 443))
