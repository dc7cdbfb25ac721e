"""Addresses for endpoints that have none (D2): free, stable, else an error that names the flag."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Sequence

import pytest

from podwall.cluster.addresses import DEFAULT_POD_CIDRS, allot, pod_cidrs
from podwall.cluster.endpoints import Endpoint
from podwall.errors import InputError
from tests.truth.engine import model_of

CIDRS = ("10.244.0.0/16", "fd00:10:244::/64")


def without(name: str, kind: str = "Deployment", namespace: str = "x") -> Endpoint:
    return Endpoint(kind, namespace, name, {})


def having(name: str, *addresses: str) -> Endpoint:
    return Endpoint("Pod", "x", name, {}, addresses)


def allotted(endpoints: Sequence[Endpoint], cidrs: Sequence[str] = CIDRS, taken: Sequence[str] = ()) -> dict[str, str]:
    """Name → first address of those that were given one."""
    return {e.name: e.addresses[0] for e in allot(endpoints, cidrs, taken) if e.assumed}


def test_everyone_gets_an_address_of_each_cidr_and_is_marked() -> None:
    made = allot([without("web"), having("db", "10.244.0.1")], CIDRS, ())
    assert [e.name for e in made] == ["web", "db"]
    assert [e.assumed for e in made] == [True, False]
    for cidr, address in zip(CIDRS, made[0].addresses, strict=True):
        assert ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
    assert made[1] == having("db", "10.244.0.1")


def test_addresses_are_of_one_endpoint_each() -> None:
    given = [without(f"w{i}", kind, ns) for i in range(40) for kind in ("Job", "DaemonSet") for ns in ("x", "y")]
    made = [a for e in allot(given, CIDRS, ()) for a in e.addresses]
    assert len(set(made)) == len(made) == 2 * len(given)


def test_kind_namespace_and_name_decide() -> None:
    one, *others = (
        allot([e], CIDRS, ())[0].addresses
        for e in (without("a"), without("b"), without("a", "StatefulSet"), without("a", namespace="y"))
    )
    assert one not in others
    assert allot([without("a")], CIDRS, ())[0].addresses == one


@pytest.mark.parametrize("seed", range(20))
def test_order_of_endpoints_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    given = [without(f"w{i}") for i in range(10)]
    crowded = ["10.9.0.0/28"]  # 14 addresses: most of them are somebody's second choice
    assert allotted(rng.sample(given, len(given)), crowded) == allotted(given, crowded)


def test_a_workload_more_moves_no_other_address() -> None:
    given = [without(f"w{i}") for i in range(50)]
    before = allotted(given)
    for number in range(50, 80):
        given.append(without(f"w{number}"))
        after = allotted(given)
        assert {name: after[name] for name in before} == before
        before = after


def test_a_pod_with_an_address_moves_only_the_one_that_had_it() -> None:
    given = [without(f"w{i}") for i in range(30)]
    before = allotted(given)
    after = allotted([*given, having("pod", before["w7"])])
    assert {name for name in before if before[name] != after[name]} == {"w7"}


@pytest.mark.parametrize("used", ["10.9.0.1", "10.9.0.2"])
def test_never_one_that_is_used(used: str) -> None:
    (left,) = {"10.9.0.1", "10.9.0.2"} - {used}
    assert allotted([without("web"), having("pod", used)], ["10.9.0.0/30"]) == {"web": left}
    assert allotted([without("web")], ["10.9.0.0/30"], [used]) == {"web": left}


def test_used_addresses_count_in_any_spelling() -> None:
    others = [having("pod", "fd00:0:0:0:0:0:0:1")]
    assert allotted([without("web"), *others], ["fd00::/126"]) == {"web": "fd00::2"}
    with pytest.raises(InputError):
        allot([without("web"), *others], ["fd00::/126"], ["FD00::0002"])


def test_first_and_last_of_a_network_are_nobodys() -> None:
    made = allotted([without("a"), without("b")], ["10.9.0.0/30"])
    assert set(made.values()) == {"10.9.0.1", "10.9.0.2"}


@pytest.mark.parametrize("cidr", ["10.9.0.0/30", "10.9.0.0/31", "10.9.0.0/32", "fd00::/127"])
def test_a_cidr_that_is_used_up_is_an_error_that_names_the_flag(cidr: str) -> None:
    with pytest.raises(InputError) as error:
        allot([without(f"w{i}") for i in range(4)], [cidr], ())
    assert "--pod-cidr" in str(error.value)
    assert cidr in str(error.value)


def test_whoever_has_an_address_needs_no_cidr() -> None:
    assert allot([having("pod", "10.0.0.1")], ["10.9.0.0/32"], ()) == [having("pod", "10.0.0.1")]


@pytest.mark.parametrize(
    ("given", "addresses", "expected"),
    [
        ((), (), (DEFAULT_POD_CIDRS[4],)),
        ((), ("10.0.0.1",), (DEFAULT_POD_CIDRS[4],)),
        ((), ("fd00::1",), (DEFAULT_POD_CIDRS[6],)),
        ((), ("fd00::1", "10.0.0.1"), (DEFAULT_POD_CIDRS[4], DEFAULT_POD_CIDRS[6])),
        (("10.9.0.0/16",), ("fd00::1",), ("10.9.0.0/16",)),
    ],
)
def test_cidrs_are_those_given_else_one_for_each_family(
    given: tuple[str, ...], addresses: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert pod_cidrs(given, [having("pod", *addresses)]) == expected


def test_addresses_of_services_and_nodes_are_used_too() -> None:
    """Only 10.9.0.6 is left of 10.9.0.0/29."""
    service = {"clusterIP": "10.9.0.1", "clusterIPs": ["10.9.0.1"], "externalIPs": ["10.9.0.2"]}
    model = model_of(
        [
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "x", "name": "web"}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "x", "name": "s"}, "spec": service},
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": "n1"},
                "status": {"addresses": [{"type": "InternalIP", "address": "10.9.0.3"}]},
            },
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"namespace": "x", "name": "p"},
                "status": {"podIP": "10.9.0.4", "hostIP": "10.9.0.5"},
            },
        ],
        pod_cidrs=["10.9.0.0/29"],
    )
    assert [e.addresses for e in model.endpoints if e.kind == "Deployment"] == [("10.9.0.6",)]
