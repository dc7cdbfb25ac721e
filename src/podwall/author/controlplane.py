"""Where the API server is: as people say it, else as it is found."""

from __future__ import annotations

from collections.abc import Iterable

from podwall.engine.questions import split_port
from podwall.engine.sets import PortSet
from podwall.errors import CannotWrite
from podwall.needs.addresses import blocks
from podwall.needs.controlplane import API_SERVER, found_api_servers
from podwall.needs.need import Grant
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["api_servers"]

_DEFAULT = "6443"


def api_servers(site: Site, given: Iterable[str]) -> list[Grant]:
    """The API server's addresses with its port: those given, else those found. Raises CannotWrite without any."""
    held: dict[PortSet, set[str]] = {}
    for text in given:
        address, port = split_port(text)
        held.setdefault(_port(port or _DEFAULT), set()).update(blocks([address]))
    out = [Grant(Party(API_SERVER, cidrs=blocks(cidrs)), ports) for ports, cidrs in held.items()]
    out = out or found_api_servers(site)
    if not out:
        raise CannotWrite(
            "the input does not tell where the API server is: add `kubectl get svc,endpointslices -n default -o yaml`, "
            "or its address: --address for apiserver, --from for webhook"
        )
    return out


def _port(text: str) -> PortSet:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise CannotWrite(f"{text}: a port is a number from 1 to 65535")
    return PortSet.of("TCP", int(text))
