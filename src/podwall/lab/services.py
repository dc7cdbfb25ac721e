"""Services as kube-proxy makes them: one nftables table for a node, as text. Pure; `network` loads it.

Addresses and ports of Services are rewritten to one of the backends by chance. What comes back to where it came from,
and what no pod sent, gets the node's address, so that the replies come by here too. A Service without endpoints is
refused. A table of its own: the rules of policies know nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from podwall.lab.hosting import family_of
from podwall.lab.plan import Plan, SeatKind, Translation

__all__ = ["TABLE", "service_rules"]

TABLE = "podwall_lab"
_IP = {4: "ip", 6: "ip6"}
_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}


def service_rules(plan: Plan, node: str) -> str:
    """What `nft -f -` is to load on a node; loading it again replaces it, in one transaction."""
    served = [t for t in plan.translations if t.targets]
    refused = [t for t in plan.translations if not t.targets]
    parts = [
        *(part for family in (4, 6) for part in _sets(plan, node, family, refused)),
        *(_vmap(family, served) for family in (4, 6)),
        *(_chain(f"service_{number}", _choices(translation)) for number, translation in enumerate(served)),
        *_base_chains(),
        *(_untracked(plan.dns_cache) if plan.dns_cache else ()),
    ]
    body = "\n".join(parts)
    return f"add table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n{body}}}\n"


def _sets(plan: Plan, node: str, family: int, refused: Iterable[Translation]) -> Iterator[str]:
    pods = [(seat, a) for seat in plan.seats if seat.kind is SeatKind.POD for a in seat.endpoint.addresses]
    everyone = [a for _, a in pods if family_of(a) == family]
    local = [a for seat, a in pods if family_of(a) == family and seat.node == node]
    kind = _TYPE[family]
    yield _set("set", f"pods_{family}", kind, everyone)
    yield _set("set", f"itself_{family}", f"{kind} . {kind}", [f"{a} . {a}" for a in local])
    closed = [_key(t) for t in refused if family_of(t.address) == family]
    yield _set("set", f"refused_{family}", f"{kind} . inet_proto . inet_service", closed)


def _vmap(family: int, served: Sequence[Translation]) -> str:
    numbered = [(n, t) for n, t in enumerate(served) if family_of(t.address) == family]
    elements = [f"{_key(t)} : goto service_{n}" for n, t in numbered]
    return _set("map", f"services_{family}", f"{_TYPE[family]} . inet_proto . inet_service : verdict", elements)


def _key(translation: Translation) -> str:
    return f"{translation.address} . {translation.protocol.lower()} . {translation.port}"


def _set(sort: str, name: str, kind: str, elements: Iterable[str]) -> str:
    listed = ", ".join(dict.fromkeys(elements))
    return f"\t{sort} {name} {{\n\t\ttype {kind}\n" + (f"\t\telements = {{ {listed} }}\n" if listed else "") + "\t}\n"


def _chain(name: str, rules: Iterable[str]) -> str:
    return f"\tchain {name} {{\n" + "".join(f"\t\t{rule}\n" for rule in rules) + "\t}\n"


def _choices(translation: Translation) -> Iterator[str]:
    """Each backend with the same chance: of those that are left, the first is taken by one in their number."""
    family, protocol = family_of(translation.address), translation.protocol.lower()
    for number, (address, port) in enumerate(translation.targets):
        left = len(translation.targets) - number
        chance = f"numgen random mod {left} 0 " if left > 1 else ""
        target = f"[{address}]:{port}" if family == 6 else f"{address}:{port}"
        yield f"meta l4proto {protocol} {chance}dnat {_IP[family]} to {target}"


def _base_chains() -> Iterator[str]:
    look_up = [f"{_IP[f]} daddr . meta l4proto . th dport vmap @services_{f}" for f in (4, 6)]
    refuse = [f"{_IP[f]} daddr . meta l4proto . th dport @refused_{f} jump refuse" for f in (4, 6)]
    yield _chain("refuse", ["meta l4proto tcp reject with tcp reset", "reject with icmpx type port-unreachable"])
    yield _chain("from_others", ["type nat hook prerouting priority dstnat; policy accept;", *look_up])
    yield _chain("from_here", ["type nat hook output priority -100; policy accept;", *look_up])
    for hook in ("forward", "output"):
        yield _chain(f"refused_in_{hook}", [f"type filter hook {hook} priority filter - 10; policy accept;", *refuse])
    yield _chain(
        "on_the_way",
        [
            "type nat hook postrouting priority srcnat; policy accept;",
            *(f"ct status dnat {_IP[f]} saddr . {_IP[f]} daddr @itself_{f} masquerade" for f in (4, 6)),
            *(f"ct status dnat {_IP[f]} saddr != @pods_{f} masquerade" for f in (4, 6)),
        ],
    )


def _untracked(address: str) -> Iterator[str]:
    """NodeLocal DNSCache's own rules: what goes to the cache, and what comes from it, has no connection."""
    to = [f"{_IP[family_of(address)]} daddr {address} {protocol} dport 53 notrack" for protocol in ("udp", "tcp")]
    back = [rule.replace("daddr", "saddr").replace("dport", "sport") for rule in to]
    yield _chain("to_cache", ["type filter hook prerouting priority raw; policy accept;", *to])
    yield _chain("from_cache", ["type filter hook output priority raw; policy accept;", *back, *to])
