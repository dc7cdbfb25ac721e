"""Manifests as text → what the finders find in them, in a form that tables of cases compare."""

from __future__ import annotations

from collections.abc import Iterable

from podwall.engine.sets import PortSet
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.need import Found, Need, Question
from podwall.needs.party import Party
from podwall.needs.site import Site
from podwall.ops.inputs import Inputs, open_texts
from podwall.sources.evidence import read_topology
from podwall.sources.files import Text

__all__ = ["application", "found", "needs", "questions"]


def application(text: str, namespace: str = "default") -> Application:
    """The application of one text."""
    texts = [Text("f.yaml", text.encode())]
    site = Site(open_texts(Inputs(home=namespace, ignore_kinds=True), texts).model, given=True)
    return Application(site, read_topology([Text("f.yaml", text.encode())], (), namespace))


def found(text: str, finder: Finder, namespace: str = "default") -> Found:
    """What one finder finds in a text."""
    return Found.of(finder.find(application(text, namespace)))


def needs(several: Iterable[Need]) -> set[str]:
    """Each need as `shop/web -> shop/api 8080/TCP`."""
    return {f"{_ends(one.sources)} -> {_ends(one.destinations)} {_ports(one.ports)}".rstrip() for one in several}


def questions(several: Iterable[Question]) -> set[str]:
    """Each question by what answers name it by."""
    return {one.key for one in several}


def _ends(party: Party) -> str:
    if party.anyone:
        return "*"
    if party.cidrs and not party.endpoints:
        return ",".join(party.cidrs)
    return f"{party.namespace}/{','.join(sorted({_name(party, n) for n in range(len(party.endpoints))}))}"


def _name(party: Party, number: int) -> str:
    endpoint = party.endpoints[number]
    return endpoint.controller.name if endpoint.controller else endpoint.name


def _ports(ports: PortSet) -> str:
    return ",".join(
        f"{first}/{protocol}" if first == last else f"{first}-{last}/{protocol}"
        for protocol, first, last in ports.ranges()
    )
