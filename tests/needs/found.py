"""What the finders see in a YAML text, or in files, and a short spelling of it for tables."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from podwall.needs.application import Application
from podwall.needs.need import Found, Need, Question
from podwall.needs.registry import all_finders, find
from podwall.needs.site import Site
from podwall.ops.inputs import Inputs, open_cluster, open_texts
from podwall.sources.evidence import read_topology
from podwall.sources.files import Text, read

NAME = "test.yaml"


def found(text: str, namespace: str = "default", *, only: Collection[str] = ()) -> Found:
    """What is found in a YAML text, by some finders only where they are named."""
    return _found(application(text, namespace), only)


def application(text: str, namespace: str = "default") -> Application:
    """The application of a YAML text."""
    texts = [Text(NAME, text.encode())]
    model = open_texts(Inputs(namespace=namespace), texts).model
    return Application(Site(model, given=True), read_topology(texts, (), namespace))


def found_in(*paths: Path, only: Collection[str] = ()) -> Found:
    """The same of files and folders."""
    names = [str(path) for path in paths]
    model = open_cluster(Inputs(filenames=tuple(names))).model
    texts = [one.text for name in names for one in read(name) if one.text is not None]
    return _found(Application(Site(model, given=True), read_topology(texts, (), "default")), only)


def _found(application: Application, only: Collection[str]) -> Found:
    if not only:
        return find(application)
    return Found.of(item for one in all_finders() if one.name in only for item in one.find(application))


def needs(found: Found) -> list[str]:
    """`web -> cart:7070`: each need once, ports as numbers, those of other protocols than TCP with these."""
    return sorted({f"{n.sources.name} -> {n.destinations.name}:{_ports(n)}" for n in found.needs})


def calls(found: Found) -> set[tuple[str, str]]:
    """Who needs whom."""
    return {(n.sources.name, n.destinations.name) for n in found.needs}


def questions(found: Found) -> list[str]:
    """`web -> api.stripe.com:443`, without a port where none is known."""
    return sorted({f"{q.subject.name} -> {q.peer}" + (f":{_ports(q)}" if q.ports else "") for q in found.questions})


def _ports(of: Need | Question) -> str:
    spelled = [
        (str(a) if a == b else f"{a}-{b}") + ("" if protocol == "TCP" else f"/{protocol}")
        for protocol, a, b in of.ports.ranges()
    ]
    return ",".join(spelled)
