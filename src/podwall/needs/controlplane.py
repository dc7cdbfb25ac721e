"""Where the API server is, and what it reaches pods through, as far as the input tells."""

from __future__ import annotations

import ipaddress

from podwall.cluster.hosts import single
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.needs.finding import workloads_named
from podwall.needs.need import Grant
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["API_SERVER", "found_api_servers", "tunnels"]

API_SERVER = "apiserver"
_TUNNELS = ("konnectivity-agent", "konnectivity", "tunnelfront", "aks-link")


def found_api_servers(site: Site) -> list[Grant]:
    """The API server's addresses with its port; empty where the input does not tell."""
    held: dict[PortSet, set[str]] = {}
    for members in site.well_known.built_in("apiserver"):
        ports = NO_PORTS
        for text in members.ports or ():
            ports |= PortSet.of("TCP", int(text.partition("/")[0]))
        found = {single(a) for e in members.endpoints if not e.assumed for a in e.addresses}
        held.setdefault(ports, set()).update(found, members.cidrs)
    return [Grant(Party(API_SERVER, cidrs=_sorted(cidrs)), ports) for ports, cidrs in held.items() if cidrs]


def tunnels(site: Site) -> list[Party]:
    """Pods through which a managed API server reaches the others."""
    return workloads_named(site, _TUNNELS)


def _sorted(cidrs: set[str]) -> tuple[str, ...]:
    networks = {ipaddress.ip_network(cidr) for cidr in cidrs}
    return tuple(str(n) for n in sorted(networks, key=lambda n: (n.version, n)))
