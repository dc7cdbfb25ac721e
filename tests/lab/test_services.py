"""The rules for Services as text; `test_network` holds them against packets."""

from __future__ import annotations

import msgspec

from podwall.lab.plan import Plan, Translation
from podwall.lab.planning import LabOptions, plan_of
from podwall.lab.services import service_rules
from tests.lab.worlds import deployment, model, service

WEB = (("10.0.0.1", 8080), ("10.0.0.2", 8081))


def rules(plan: Plan, node: str = "node-1") -> list[str]:
    (text,) = service_rules(plan, node)
    return text.splitlines()


def test_backends_have_equal_chances() -> None:
    plan = Plan((), (), (Translation("x/web", "10.96.0.1", "TCP", 80, (*WEB, ("10.0.0.3", 8080))),))
    assert [line for line in rules(plan) if "service_0" in line] == [
        "add chain inet podwall_lab service_0",
        "add rule inet podwall_lab service_0 meta l4proto tcp numgen random mod 3 0 dnat ip to 10.0.0.1:8080",
        "add rule inet podwall_lab service_0 meta l4proto tcp numgen random mod 2 0 dnat ip to 10.0.0.2:8081",
        "add rule inet podwall_lab service_0 meta l4proto tcp dnat ip to 10.0.0.3:8080",
        "add element inet podwall_lab services_4 { 10.96.0.1 . tcp . 80 : goto service_0 }",
    ]


def test_both_families_and_all_protocols() -> None:
    plan = Plan((), (), (Translation("x/web", "fd00::a", "SCTP", 80, (("fd00::1", 8080),)),))
    assert [line for line in rules(plan) if line.startswith(("add rule", "add element"))] == [
        "add rule inet podwall_lab service_0 meta l4proto sctp dnat ip6 to [fd00::1]:8080",
        "add element inet podwall_lab services_6 { fd00::a . sctp . 80 : goto service_0 }",
    ]


def test_no_endpoints_means_refused() -> None:
    plan = Plan((), (), (Translation("x/web", "10.96.0.1", "UDP", 80, ()),))
    assert rules(plan)[-1] == "add element inet podwall_lab refused_4 { 10.96.0.1 . udp . 80 }"


def test_of_two_services_with_one_address_the_first_has_it() -> None:
    given = (
        Translation("x/a", "10.96.0.1", "TCP", 80, WEB[:1]),
        Translation("x/b", "10.96.0.1", "TCP", 80, WEB[1:]),
    )
    assert [line for line in rules(Plan((), (), given)) if "add element" in line] == [
        "add element inet podwall_lab services_4 { 10.96.0.1 . tcp . 80 : goto service_0 }"
    ]


def test_only_a_nodes_own_pods_come_back_to_themselves() -> None:
    built = model([deployment("a"), deployment("b"), service("a", 80, 80)])
    plan = plan_of(built, LabOptions(nodes=2))
    a, b = (seat.endpoint.addresses[0] for seat in plan.seats[:2])
    assert [seat.node for seat in plan.seats[:2]] == ["node-1", "node-2"]
    for node, own in (("node-1", a), ("node-2", b)):
        found = [line for line in rules(plan, node) if "add element" in line and "services" not in line]
        every = [f"add element inet podwall_lab pods_4 {{ {address} }}" for address in (a, b)]
        assert found == [*every, f"add element inet podwall_lab itself_4 {{ {own} . {own} }}"]


def test_the_cache_is_kept_out_of_conntrack() -> None:
    untracked = [line.strip() for line in rules(Plan((), (), dns_cache="169.254.20.10")) if "notrack" in line]
    back = [f"ip saddr 169.254.20.10 {protocol} sport 53 notrack" for protocol in ("udp", "tcp")]
    to = [f"ip daddr 169.254.20.10 {protocol} dport 53 notrack" for protocol in ("udp", "tcp")]
    assert untracked == [*to, *back, *to]
    assert not [line for line in rules(Plan((), ())) if "notrack" in line]


def test_small_transactions_are_the_same_lines() -> None:
    many = tuple(Translation("x/web", f"10.96.{n >> 8}.{n & 255}", "TCP", 80, WEB) for n in range(600))
    plan = Plan((), (), many)
    parts = service_rules(plan, "node-1", small=True)
    assert "".join(parts).splitlines() == rules(plan)
    assert max(map(len, parts)) < 100_000
    assert service_rules(msgspec.structs.replace(plan, translations=()), "node-1", small=True)[1:] == ()
