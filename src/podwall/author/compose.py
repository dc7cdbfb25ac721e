"""Parties and ports → NetworkPolicies as plain data, with names, labels and comments, in one manner for all recipes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from msgspec import Struct

from podwall.admission.names import dns_subdomain
from podwall.author.recipe import Claim, Draft, Object, Policy
from podwall.author.selectors import namespace_selector, selectors
from podwall.cluster.endpoints import Endpoint
from podwall.engine.rules import Direction
from podwall.engine.sets import ALL_PORTS, PortSet
from podwall.errors import CannotWrite
from podwall.needs.need import Grant, Need
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = [
    "IGNORE",
    "MANAGED",
    "Said",
    "connect",
    "fitting",
    "metadata",
    "named",
    "network_policy",
    "open_side",
    "peers",
    "permit",
    "ports_of",
    "ports_word",
]

IGNORE = "podwall.io/ignore"
"""The annotation that gives the reason for what a check would find."""
MANAGED = {"app.kubernetes.io/managed-by": "podwall"}
_LONGEST = 63  # a name may be longer, but tools put names into labels
_LIMIT = 253  # of a name (V5)
_DIGEST = 8


class Said(Struct, frozen=True):
    """What a policy says beside its spec: its name, the sentences of its comment, its annotations."""

    name: str
    about: tuple[str, ...] = ()
    annotations: Object | None = None


def metadata(name: str, namespace: str = "", annotations: Object | None = None) -> Object:
    """The metadata of what Podwall writes. Raises CannotWrite for what is no name."""
    wrong = dns_subdomain(name)
    if wrong:
        raise CannotWrite(f"{name}: not a name for a policy: {wrong[0]}")
    out: Object = {"name": name}
    if namespace:
        out["namespace"] = namespace
    out["labels"] = dict(MANAGED)
    return {**out, "annotations": annotations} if annotations else out


def network_policy(
    meta: Object, subject: Object, directions: Iterable[Direction], rules: dict[Direction, list[Object]]
) -> Object:
    """A NetworkPolicy; a direction without rules denies all of it (N4)."""
    listed = [d for d in (Direction.INGRESS, Direction.EGRESS) if d in set(directions)]
    spec: Object = {"podSelector": subject, "policyTypes": [d.value.capitalize() for d in listed]}
    spec |= {d.value: rules[d] for d in listed if rules.get(d)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def peers(site: Site, party: Party, namespace: str) -> list[Object]:
    """The entries of `from` or `to` that mean a party, in a policy of a namespace. Empty for everyone (N6)."""
    if party.anyone:
        return []
    out: list[Object] = []
    elsewhere = {} if party.namespace == namespace else {"namespaceSelector": namespace_selector(party.namespace)}
    if party.everywhere:
        out.append({"namespaceSelector": {}})
    elif party.whole:
        out.append(elsewhere or {"podSelector": {}})
    elif party.endpoints:
        out += ({**elsewhere, "podSelector": s} for s in selectors(site, party.namespace, party.endpoints))
    for cidr in party.cidrs:
        excepts = party.excepted(cidr)
        out.append({"ipBlock": {"cidr": cidr, "except": excepts} if excepts else {"cidr": cidr}})
    return out


def ports_of(ports: PortSet) -> list[Object]:
    """The entries of `ports`; empty for all (N6)."""
    if ports == ALL_PORTS:
        return []
    return [_port(*span) for span in ports.ranges()]


def _port(protocol: str, first: int, last: int) -> Object:
    if (first, last) == (1, 65535):
        return {"protocol": protocol}
    out: Object = {"protocol": protocol, "port": first}
    return out if first == last else {**out, "endPort": last}


def ports_word(ports: PortSet) -> str:
    """Ports for a comment: `TCP 80`, `UDP 53, TCP 53`."""
    if ports == ALL_PORTS:
        return "all ports"
    return ", ".join(f"{p} {first}" + (f"-{last}" if last != first else "") for p, first, last in ports.ranges())


def named(*parts: str) -> str:
    """A policy's name from the names of parties; what cannot stand in a name becomes a hyphen."""
    words = ("".join(c if c.isascii() and c.isalnum() else "-" for c in part.lower()).strip("-") for part in parts)
    return "-".join(word for word in words if word)[:_LONGEST].strip("-")


def fitting(name: str) -> str:
    """A name that is as long as it may be; what is cut off leaves a digest, so that no two names become one."""
    whole = name.strip("-.")
    if len(whole) <= _LIMIT:
        return whole
    return f"{whole[: _LIMIT - _DIGEST - 1].rstrip('-.')}-{sha256(whole.encode()).hexdigest()[:_DIGEST]}"


def permit(site: Site, direction: Direction, subjects: Party, grants: Sequence[Grant], said: Said) -> Draft:
    """Policies that isolate some pods in one direction but for the grants, and the claim that they do just that."""
    namespace, key = subjects.namespace, "from" if direction is Direction.INGRESS else "to"
    rules = [_rule(peers(site, grant.peers, namespace), key, grant.ports) for grant in grants]
    chosen = [{}] if subjects.whole else selectors(site, namespace, subjects.endpoints)
    policies = []
    for number, subject in enumerate(chosen):
        name = said.name if len(chosen) == 1 else f"{said.name}-{number + 1}"
        item = network_policy(metadata(name, namespace, said.annotations), subject, [direction], {direction: rules})
        policies.append(Policy(item, said.about))
    return Draft(tuple(policies), (Claim(direction, subjects, tuple(grants)),))


def _rule(who: list[Object], key: str, ports: PortSet) -> Object:
    parts = {key: who, "ports": ports_of(ports)}
    return {field: value for field, value in parts.items() if value}


def connect(site: Site, sources: Party, destinations: Party, ports: PortSet, *, both: bool = False) -> Draft:
    """What opens connections at each end that is isolated and does not let them through yet; with `both`, at each end.

    An end that nobody isolates is open already: a policy for it would close all the rest.
    """
    out = Draft(needs=(Need(sources, destinations, ports),))
    for direction in (Direction.INGRESS, Direction.EGRESS):
        out += open_side(site, direction, sources, destinations, ports, both=both)
    return out


def open_side(  # noqa: PLR0913 - a connection, and one of its ends
    site: Site, direction: Direction, sources: Party, destinations: Party, ports: PortSet, *, both: bool = False
) -> Draft:
    """The same for one end: egress at the sources, ingress at the destinations."""
    ingress = direction is Direction.INGRESS
    subjects, others = (destinations, sources) if ingress else (sources, destinations)
    chosen = subjects if both else _closed(site, direction, subjects, others, ports)
    if not (chosen.endpoints or (both and chosen.whole)):
        return Draft(sudden=False)
    return _side(site, direction, chosen, others, ports)


def _side(site: Site, direction: Direction, subjects: Party, others: Party, ports: PortSet) -> Draft:
    word = "from" if direction is Direction.INGRESS else "to"
    own, other = _short(subjects), _short(others)
    numbers = "-".join(str(first) for _, first, _ in ports.ranges()) if ports != ALL_PORTS else ""
    at = "" if others.namespace in ("", subjects.namespace) else others.namespace
    sources, destinations = (others, subjects) if direction is Direction.INGRESS else (subjects, others)
    end = "at its destination" if direction is Direction.INGRESS else "at its source"
    about = f"Lets {_shown(sources)} reach {_shown(destinations)} at {ports_word(ports)}: the rule {end}."
    name = named(own, word, at, "" if at and other == "all" else other, numbers)
    return permit(site, direction, subjects, (Grant(others, ports),), Said(name, (about,)))


def _short(party: Party) -> str:
    return "all" if party.whole or party.everywhere else "any" if party.anyone else party.name


def _shown(party: Party) -> str:
    if party.whole:
        return f"every pod of {party.namespace}"
    return f"{party.namespace}/{party.name}" if party.namespace else party.name


def _closed(site: Site, direction: Direction, subjects: Party, others: Party, ports: PortSet) -> Party:
    """The subjects that are isolated, but for those that let everything of it through already."""
    isolated = [e for e in subjects.endpoints if site.isolated(e, direction)]
    found = [e for e in isolated if not _is_open(site, direction, e, others, ports)]
    whole = subjects.whole and len(isolated) == len(subjects.endpoints)
    if whole and found:
        return subjects
    return Party(subjects.name, subjects.namespace, tuple(found))


def _is_open(site: Site, direction: Direction, subject: Endpoint, others: Party, ports: PortSet) -> bool:
    if others.whole or others.cidrs or not others.endpoints:
        return False
    pairs = ((o, subject) if direction is Direction.INGRESS else (subject, o) for o in others.endpoints)
    return all(site.lets(direction, source, destination, ports) for source, destination in pairs)
