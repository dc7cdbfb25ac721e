"""`map --exposure` as text for 80 columns: each endpoint with whom it lets in, and whom it may call."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import sub

from podwall.cluster.objects import NAME_LABEL
from podwall.engine.sets import AddrSet
from podwall.report.public_exposure import ExposedTo, Exposure, ExposureMap, Selected
from podwall.report.wording import counted, listed, policy_name, ports_text, wrapped

__all__ = ["exposure_text"]

_MOST_CIDRS = 4
_FAMILIES = ("0.0.0.0/0", "::/0")
_ARROWS = {"ingress": "from", "egress": "to"}


def exposure_text(result: ExposureMap) -> Iterator[str]:
    """The whole answer; an endpoint's two directions stand together."""
    endpoints: dict[str, list[Exposure]] = {}
    for exposure in result.exposure:
        endpoints.setdefault(exposure.endpoint, []).append(exposure)
    yield f"{counted(len(endpoints), 'endpoint')}, profile {result.profile}\n"
    if isinstance(result.notComputed, str):
        yield from (f"{line}\n" for line in wrapped(f"not computed: {result.notComputed}", "  "))
    for name, exposures in endpoints.items():
        yield f"\n{name}\n"
        for exposure in exposures:
            yield from (f"{line}\n" for line in _direction(exposure))


def _direction(exposure: Exposure) -> Iterator[str]:
    said = "" if exposure.isolated else " (not isolated)"
    if not exposure.peers:
        yield f"  {exposure.direction}{said}: nobody"
    else:
        yield f"  {exposure.direction}{said}:"
    for peer in exposure.peers:
        ports = [*([ports_text(peer.ports, {})] if peer.ports else []), *(peer.names or ())]
        text = f"    {_ARROWS[exposure.direction]} {_whom(peer)}: {', '.join(ports)}"
        yield from wrapped(text, "      ")
    if exposure.restrictedBy:
        rules = [f"{policy_name(r.policy)} {r.rule}" for r in exposure.restrictedBy]
        yield from wrapped(f"    but {listed(rules)} may deny some of it", "      ")


def _whom(peer: ExposedTo) -> str:
    match peer.kind, peer.selector:
        case "any", _:
            return "anyone, also outside of the cluster"
        case "nodes", str() as selector:
            return f"nodes {selector}" if selector else "all nodes"
        case _, Selected(namespaces, pods):
            return f"{f'pods {pods}' if pods else 'all pods'} in {_namespaces(namespaces)}"
    if isinstance(peer.cidrs, list):
        return _addresses(peer.cidrs)
    return listed(peer.domains or [])


def _addresses(cidrs: list[str]) -> str:
    """The blocks, or all of a family but a few."""
    if cidrs == [*_FAMILIES]:
        return "any external address"
    parts = []
    for whole in _FAMILIES:
        own = [cidr for cidr in cidrs if (":" in cidr) == (":" in whole)]
        held = (AddrSet.of(cidr) for cidr in own)
        missing = reduce(sub, held, AddrSet.of(whole)).cidrs()
        few = len(missing) < len(own)
        parts += [f"{whole} but {listed(missing, _MOST_CIDRS)}"] if few and missing else own
    return listed(parts, _MOST_CIDRS)


def _namespaces(selector: str) -> str:
    name = selector.removeprefix(f"{NAME_LABEL}=")
    if name != selector and "," not in name and " " not in name:
        return f"namespace {name}"
    return f"namespaces {selector}" if selector else "any namespace"
