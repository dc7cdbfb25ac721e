"""Services as kube-proxy makes them: an nftables table for a node, as text. Pure; `network` loads it.

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
_SMALL = 250  # lines, of which the longest take some 600 bytes of a message that may have 200 kB


def service_rules(plan: Plan, node: str, *, small: bool = False) -> tuple[str, ...]:
    """What `nft -f -` is to load on a node, one transaction after the other; from the beginning, it replaces all.

    `small` transactions are for those without root's rights: theirs have no more room than a socket has by default.
    """
    served = [t for t in plan.translations if t.targets]
    lines = [*_service_lines(served), *_elements(plan, node, served)]
    body = "".join([*_sets(), *_base_chains(), *(_untracked(plan.dns_cache) if plan.dns_cache else ())])
    frame = f"add table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n{body}}}\n"
    if not small:
        return ("".join([frame, *lines]),)
    return (frame, *("".join(lines[at : at + _SMALL]) for at in range(0, len(lines), _SMALL)))


def _service_lines(served: Sequence[Translation]) -> Iterator[str]:
    """Every Service's chain, and what it holds."""
    for number, translation in enumerate(served):
        yield f"add chain inet {TABLE} service_{number}\n"
        for rule in _choices(translation):
            yield f"add rule inet {TABLE} service_{number} {rule}\n"


def _sets() -> Iterator[str]:
    for family, kind in _TYPE.items():
        yield f"\tset pods_{family} {{\n\t\ttype {kind}\n\t}}\n"
        yield f"\tset itself_{family} {{\n\t\ttype {kind} . {kind}\n\t}}\n"
        yield f"\tset refused_{family} {{\n\t\ttype {kind} . inet_proto . inet_service\n\t}}\n"
        yield f"\tmap services_{family} {{\n\t\ttype {kind} . inet_proto . inet_service : verdict\n\t}}\n"


def _elements(plan: Plan, node: str, served: Sequence[Translation]) -> Iterator[str]:
    """A line for each element; those of a set follow one another."""
    pods = [(seat.node, a) for seat in plan.seats if seat.kind is SeatKind.POD for a in seat.endpoint.addresses]
    yield from dict.fromkeys(_element("pods", address, address) for _, address in pods)
    yield from (_element("itself", a, f"{a} . {a}") for held, a in pods if held == node)
    yield from dict.fromkeys(_element("refused", t.address, _key(t)) for t in plan.translations if not t.targets)
    numbers = {_key(t): n for n, t in reversed(list(enumerate(served)))}  # of several with one key the first has it
    for number, translation in enumerate(served):
        if numbers[_key(translation)] == number:
            yield _element("services", translation.address, f"{_key(translation)} : goto service_{number}")


def _element(name: str, address: str, text: str) -> str:
    return f"add element inet {TABLE} {name}_{family_of(address)} {{ {text} }}\n"


def _key(translation: Translation) -> str:
    return f"{translation.address} . {translation.protocol.lower()} . {translation.port}"


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
