"""A node with few pods and policies, written by hand: what single tests of the compiler are about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from podwall.api.meta import LabelSelector
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.profile import KUBERNETES, Profile
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.packet import Connection, Ends, Packet
from podwall.dataplane.ruleset import PROTOCOL_NUMBERS
from podwall.engine.labels import EVERYTHING, selector
from podwall.engine.rules import (
    Action,
    AnyPort,
    Direction,
    InNamespace,
    Isolation,
    NamespacesMatching,
    Peer,
    Pods,
    PolicyRef,
    PolicyRules,
    PortTerm,
    Rule,
    Tier,
)
from tests.dataplane.world import packed

HERE = "n1"
EVERY_POD = Pods(NamespacesMatching(EVERYTHING), EVERYTHING)
EGRESS, INGRESS = Direction.EGRESS, Direction.INGRESS


def app(name: str) -> Pods:
    """The pods of the one namespace that there is with this label."""
    return Pods(InNamespace("shop"), selector(LabelSelector({"app": name})))


def pod(name: str, *addresses: str, node: str = HERE, **fields: Any) -> Endpoint:
    """A pod whose label is its name."""
    return Endpoint("Pod", "shop", name, {"app": name}, addresses, node=node, **fields)


def only(direction: Direction, subject: str, *peers: Peer, port: PortTerm = AnyPort(), name: str = "") -> PolicyRules:  # noqa: B008
    """A NetworkPolicy: an app is isolated in a direction, but for these peers at one port."""
    ref = PolicyRef("NetworkPolicy", "shop", name or f"{direction.value}-{subject}")
    rule = Rule(ref, "", Tier.NETWORK_POLICY, (0, "", 0), direction, app(subject), peers, (port,))
    return PolicyRules(ref, (Isolation(ref, direction, app(subject)),), (rule,) if peers else ())


def ordered(direction: Direction, subject: str, *lines: tuple[Action, Peer, PortTerm], tier: Tier) -> PolicyRules:
    """A policy of the cluster about an app, its rules in order."""
    ref = PolicyRef("ClusterNetworkPolicy", "", f"{tier.name.lower()}-{direction.value}-{subject}")
    rules = (
        Rule(ref, "", tier, (1, ref.name, number), direction, app(subject), (peer,), (port,), action)
        for number, (action, peer, port) in enumerate(lines)
    )
    return PolicyRules(ref, (), tuple(rules))


def compiled(
    *told: Endpoint | PolicyRules,
    profile: Profile = KUBERNETES,
    options: Options = Options(),  # noqa: B008 - frozen
) -> Compiler:
    """A node's table that is in force, with no epoch due."""
    compiler = Compiler(HERE, profile, options)
    tell(compiler, told)
    compiler.flush()
    compiler.bump()
    return compiler


def tell(compiler: Compiler, told: Iterable[Endpoint | PolicyRules]) -> None:
    """Endpoints and policies that are there from now on."""
    for one in told:
        if isinstance(one, Endpoint):
            compiler.put_endpoint(one)
        else:
            compiler.put_policy(one)


def packet(source: str, destination: str, protocol: str = "TCP", port: int = 80, **fields: Any) -> Packet:
    """A packet between two addresses; of a connection that began with it, unless `fields` say something else."""
    ends = Ends(packed(source), packed(destination), 40000, port)
    made = Packet(ends.source, ends.destination, PROTOCOL_NUMBERS[protocol], 40000, port, syn=protocol == "TCP")
    mark = fields.pop("mark", 0)
    made = msgspec.structs.replace(made, **fields)
    tracked = made.state not in ("untracked", "invalid")
    return msgspec.structs.replace(made, connection=Connection(ends, ends.turned(), mark) if tracked else None)


def answer(source: str, destination: str, protocol: str = "TCP", port: int = 80, **fields: Any) -> Packet:
    """What comes back, from the destination to the source, of a connection between the two."""
    there = packet(source, destination, protocol, port, **{"state": "established", "ack": True, **fields})
    return msgspec.structs.replace(
        there, source=there.destination, destination=there.source, source_port=port, port=40000, syn=False
    )
