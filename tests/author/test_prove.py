"""The proof refuses what is wrong: each policy here opens or closes something that the claims do not say."""

from __future__ import annotations

from typing import Any

import pytest

from podwall.author.compose import metadata, network_policy
from podwall.author.prove import prove
from podwall.author.recipe import Claim, Draft, Policy
from podwall.author.selectors import selectors
from podwall.cluster.profile import KUBERNETES
from podwall.engine.model import Model
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet
from podwall.errors import CannotWrite
from podwall.needs.need import Grant, Need
from podwall.needs.party import Party
from podwall.needs.site import Site
from tests.truth.engine import read_text

POD = """\
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {space}, labels: {labels}}}
"""


def site_of(*pods: tuple[str, str, str]) -> Site:
    text = "".join(POD.format(space=space, name=name, labels=labels) for space, name, labels in pods)
    return Site(Model(read_text(text.encode(), "x.yaml").assembled.cluster, KUBERNETES), given=True)


def shop() -> Site:
    return site_of(
        ("shop", "web", "{app: web, tier: front}"),
        ("shop", "api", "{app: api, tier: back}"),
        ("shop", "job", "{app: job, tier: back}"),
        ("data", "api", "{app: api}"),
    )


WEB = {"matchLabels": {"app": "web"}}
API = {"matchLabels": {"app": "api"}}
RIGHT: dict[str, Any] = {"from": [{"podSelector": WEB}], "ports": [{"protocol": "TCP", "port": 80}]}

# What is wrong, and what the proof finds: the subject, the rule of a policy for shop/api that shop/web may reach at 80.
WRONG: list[tuple[str, Any, Any, str]] = [
    ("the subject is too wide", {"matchLabels": {"tier": "back"}}, RIGHT, "shop/job"),
    ("the subject is somebody else", WEB, RIGHT, "would"),
    ("any peer", API, {"ports": RIGHT["ports"]}, "would open"),
    ("all of the namespace", API, {**RIGHT, "from": [{"podSelector": {}}]}, "would open"),
    (
        "the same pods of any namespace",
        API,
        {**RIGHT, "from": [{"namespaceSelector": {}, "podSelector": WEB}]},
        "would open",
    ),
    ("or for and", API, {**RIGHT, "from": [{"namespaceSelector": {}}, {"podSelector": WEB}]}, "would open"),
    (
        "an address as well",
        API,
        {**RIGHT, "from": [*RIGHT["from"], {"ipBlock": {"cidr": "198.51.100.0/24"}}]},
        "198.51",
    ),
    ("any port", API, {"from": RIGHT["from"]}, "would open"),
    ("another port", API, {**RIGHT, "ports": [{"protocol": "TCP", "port": 81}]}, "would"),
    ("another protocol", API, {**RIGHT, "ports": [{"protocol": "UDP", "port": 80}]}, "would"),
    ("a range", API, {**RIGHT, "ports": [{"protocol": "TCP", "port": 80, "endPort": 81}]}, "would open"),
    ("nobody", API, {**RIGHT, "from": [{"podSelector": {"matchLabels": {"app": "wep"}}}]}, "would not open"),
    ("not valid", API, {**RIGHT, "from": [{"ipBlock": {"cidr": "203.0.113.7"}}]}, "spec.ingress"),
]


def draft(site: Site, subject: Any, rule: Any) -> Draft:
    web, api = site.party("shop/web"), site.party("shop/api")
    item = network_policy(metadata("x", "shop"), subject, [Direction.INGRESS], {Direction.INGRESS: [rule]})
    grants = (Grant(web, PortSet.of("TCP", 80)),)
    return Draft(
        (Policy(item, ()),), (Claim(Direction.INGRESS, api, grants),), (Need(web, api, PortSet.of("TCP", 80)),)
    )


@pytest.mark.parametrize(("what", "subject", "rule", "says"), WRONG, ids=[case[0] for case in WRONG])
def test_what_was_not_meant_is_refused(what: str, subject: Any, rule: Any, says: str) -> None:
    site = shop()
    with pytest.raises(CannotWrite, match=says):
        prove(site, draft(site, subject, rule))


def test_what_was_meant_is_proved() -> None:
    site = shop()
    proof = prove(site, draft(site, API, RIGHT))
    assert proof.questions > 50
    assert proof.isolates == {Direction.INGRESS: ("shop/api",)}


def test_a_default_deny_that_forgets_a_direction_is_refused() -> None:
    site = shop()
    item = network_policy(metadata("x", "shop"), {}, [Direction.INGRESS], {})
    party = Party("every pod", "shop", whole=True)
    claims = (Claim(Direction.INGRESS, party), Claim(Direction.EGRESS, party))
    with pytest.raises(CannotWrite, match="would open shop/"):
        prove(site, Draft((Policy(item, ()),), claims))


SELECTED = [
    ("one label", "{app: web}", ("{app: api}",), {"matchLabels": {"app": "web"}}),
    (
        "the recommended labels before others",
        "{app: web, app.kubernetes.io/name: web, app.kubernetes.io/instance: blue, helm.sh/chart: web-1}",
        ("{app: api}",),
        {"matchLabels": {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "blue"}},
    ),
    (
        "never one that does not last",
        "{app: web, pod-template-hash: abc}",
        ("{app: web, pod-template-hash: def, role: canary}", "{role: x}"),
        None,
    ),
    (
        "two labels where one is not enough",
        "{app: web, role: front}",
        ("{app: web, role: back}", "{app: api, role: front}"),
        {"matchLabels": {"app": "web", "role": "front"}},
    ),
    ("none", "{}", ("{app: api}",), None),
    ("none of its own", "{app: web}", ("{app: web, role: back}",), None),
]


@pytest.mark.parametrize(("what", "labels", "others", "selector"), SELECTED, ids=[case[0] for case in SELECTED])
def test_the_selector_of_a_workload(what: str, labels: str, others: tuple[str, ...], selector: Any) -> None:
    site = site_of(("shop", "it", labels), *(("shop", f"other{n}", text) for n, text in enumerate(others)))
    wanted = [e for e in site.endpoints("shop") if e.name == "it"]
    if selector is None:
        with pytest.raises(CannotWrite, match="label"):
            selectors(site, "shop", wanted)
    else:
        assert selectors(site, "shop", wanted) == [selector]


def test_several_workloads_are_selected_as_one_where_one_label_tells_them() -> None:
    site = shop()
    wanted = [e for e in site.endpoints("shop") if e.name != "web"]
    expected = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "job"]}]}
    assert selectors(site, "shop", wanted) == [expected]
