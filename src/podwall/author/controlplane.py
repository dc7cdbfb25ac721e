"""Where the API server is, and what it reaches pods through."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from podwall.author.addresses import blocks
from podwall.engine.questions import split_port
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.errors import CannotWrite
from podwall.needs.finding import workloads_named
from podwall.needs.need import Grant
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["api_servers", "tunnels"]

_NAME = "apiserver"
_DEFAULT = "6443"
_TUNNELS = ("konnectivity-agent", "konnectivity", "tunnelfront", "aks-link")


def api_servers(site: Site, given: Iterable[str]) -> list[Grant]:
    """The API server's addresses with its port: those given, else those found. Raises CannotWrite without any."""
    held: dict[PortSet, set[str]] = {}
    for text in given:
        address, port = split_port(text)
        held.setdefault(_port(port or _DEFAULT), set()).update(blocks([address]))
    if not held:
        for members in site.well_known.built_in("apiserver"):
            ports = NO_PORTS
            for text in members.ports or ():
                ports |= _port(text.partition("/")[0])
            found = {_single(a) for e in members.endpoints if not e.assumed for a in e.addresses}
            held.setdefault(ports, set()).update(found, members.cidrs)
    out = [Grant(Party(_NAME, cidrs=blocks(cidrs)), ports) for ports, cidrs in held.items() if cidrs]
    if not out:
        raise CannotWrite(
            "the input does not tell where the API server is: add `kubectl get svc,endpointslices -n default -o yaml`, "
            "or its address: --address for apiserver, --from for webhook"
        )
    return out


def tunnels(site: Site) -> list[Party]:
    """Pods through which a managed API server reaches the others."""
    return workloads_named(site, _TUNNELS)


def _port(text: str) -> PortSet:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise CannotWrite(f"{text}: a port is a number from 1 to 65535")
    return PortSet.of("TCP", int(text))


def _single(address: str) -> str:
    return str(ipaddress.ip_network(address))
