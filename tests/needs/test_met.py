"""Needs put to the engine: a port or an address in the middle that is denied is found as well as the first one."""

from __future__ import annotations

import pytest

from podwall.cluster.profile import KUBERNETES
from podwall.engine.model import Model
from podwall.engine.sets import PortSet
from podwall.needs.met import closed
from podwall.needs.need import Need
from podwall.needs.party import Party
from podwall.needs.site import Site
from tests.truth.engine import read_text

PODS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api}}
---
"""
PORT = """\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: closed}
spec:
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}], ports: [{portNumber: {protocol: TCP, port: 8005}}]}]
"""
BLOCK = """\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: closed}
spec:
  priority: 1
  subject: {namespaces: {}}
  egress: [{action: Deny, to: [{networks: [203.0.113.64/26]}]}]
"""
RANGE = PortSet.of("TCP", 8000, 8010)


def site(text: str) -> Site:
    return Site(Model(read_text(text.encode(), "x.yaml").assembled.cluster, KUBERNETES), given=True)


@pytest.mark.parametrize(
    ("policy", "to", "found"),
    [
        (PORT, "api", [("shop/api", 8005, ("closed",))]),
        (BLOCK, "api", []),
        (PORT, "203.0.113.0/24", []),
        (BLOCK, "203.0.113.0/24", [("203.0.113.64", 8000, ("closed",))]),
    ],
)
def test_what_lies_in_the_middle_is_asked(policy: str, to: str, found: list[tuple[str, int, tuple[str, ...]]]) -> None:
    here = site(PODS + policy)
    destination = Party(to, cidrs=(to,)) if "/" in to else here.party(f"shop/{to}")
    _, denied = closed(here, [Need(here.party("shop/web"), destination, RANGE)])
    assert [(one.dst, one.port, one.by) for one in denied] == found


def test_the_number_of_questions_is_that_of_the_verdicts() -> None:
    here = site(PODS)
    asked, denied = closed(here, [Need(here.party("shop/web"), here.party("shop/api"), RANGE)])
    assert (asked, denied) == (1, [])
