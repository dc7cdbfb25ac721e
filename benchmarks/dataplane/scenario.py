"""What is measured: pods of one node, the policies that select them, and who may reach them, from a few numbers.

Every rendering reads this: the one for us, and the one of the shape that is compared with.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import cached_property

import msgspec

__all__ = ["ALLOWED_CLIENT", "DENIED_CLIENT", "PROTOCOLS", "Pod", "Policy", "Rule", "Scenario"]

ALLOWED_CLIENT = "10.1.0.1"
DENIED_CLIENT = "10.1.0.2"
PROTOCOLS = ("TCP", "UDP")
_FIRST_POD = int(ipaddress.IPv4Address("10.2.1.0"))
_FIRST_PEER = int(ipaddress.IPv4Address("10.64.0.0"))
_RULES = 2


class Pod(msgspec.Struct, frozen=True):
    """A pod of the node."""

    name: str
    app: str
    address: str


class Rule(msgspec.Struct, frozen=True):
    """These peers may reach this port, TCP and UDP."""

    peers: tuple[str, ...]
    port: int


class Policy(msgspec.Struct, frozen=True):
    """An ingress policy that selects all pods of an app."""

    name: str
    app: str
    rules: tuple[Rule, ...]


class Scenario(msgspec.Struct, frozen=True, dict=True):
    """`pods` pods in `apps` apps, each app selected by `policies` policies of two rules with `peers` peers each.

    The pod that packets go to stands in the middle of them; what allows the client is the last rule of its last policy.
    """

    pods: int
    policies: int
    apps: int = 1
    peers: int = 4

    def __post_init__(self) -> None:
        if min(self.pods, self.policies, self.apps, self.peers) < 1 or self.apps > self.pods:
            raise ValueError("a scenario has pods, policies and peers, and not more apps than pods")

    @property
    def name(self) -> str:
        return f"{self.pods} × {self.policies:,}"

    @cached_property
    def local(self) -> tuple[Pod, ...]:
        """The node's pods, app by app."""
        return tuple(
            Pod(f"pod-{number:03}", self._app(number * self.apps // self.pods), str(_address(_FIRST_POD + number)))
            for number in range(self.pods)
        )

    @property
    def target(self) -> Pod:
        """The pod that is measured."""
        return self.local[self.pods // 2]

    @property
    def port(self) -> int:
        """The port that the client is allowed."""
        return self.policies_of(self.target.app)[-1].rules[-1].port

    @cached_property
    def every_policy(self) -> tuple[Policy, ...]:
        return tuple(self._all_policies())

    def policies_of(self, app: str) -> list[Policy]:
        """The policies that select an app, in order."""
        return [policy for policy in self.every_policy if policy.app == app]

    def _all_policies(self) -> Iterator[Policy]:
        serial = 0
        for app in range(self.apps):
            for number in range(self.policies):
                rules = []
                for _ in range(_RULES):
                    rules.append(Rule(self._peers(serial), 8000 + serial % 100))
                    serial += 1
                if number == self.policies - 1 and self._app(app) == self.target.app:
                    rules[-1] = Rule((*rules[-1].peers[:-1], ALLOWED_CLIENT), rules[-1].port)
                yield Policy(f"{self._app(app)}-{number:05}", self._app(app), tuple(rules))

    def _peers(self, serial: int) -> tuple[str, ...]:
        first = _FIRST_PEER + serial * self.peers
        return tuple(str(_address(first + number)) for number in range(self.peers))

    def _app(self, number: int) -> str:
        return f"app-{number:03}"


_address = ipaddress.IPv4Address
