"""Manifests as text → what the finders of objects find in them, in a form that tables of cases compare.

Each case is looked at twice: as it is written, and out of a snapshot of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from podwall.engine.sets import PortSet
from podwall.needs.application import Application
from podwall.needs.need import Evidence, Found, Need, Question, Unseen
from podwall.needs.party import Party
from podwall.needs.registry import all_finders
from podwall.needs.site import Site
from podwall.ops.inputs import Inputs, gather, open_gathered, read_cluster
from podwall.ops.snapshotting import Wanted, snapshot
from podwall.sources.evidence import read_topology

__all__ = ["application", "check", "found", "needs", "questions", "service", "workload"]

_HOME = "default"


def application(inputs: Inputs) -> Application:
    """The application of an input."""
    gathered = gather(inputs)
    site = Site(open_gathered(inputs, gathered).model, given=True)
    kept = ((name, one.topology) for name, one in gathered.snapshots.items())
    return Application(site, read_topology(gathered.texts, kept, _HOME))


def found(text: str, finder: str, folder: Path) -> Found:
    """What one finder finds in a text; the same as in its snapshot."""
    file = folder / "f.yaml"
    file.write_text(text)
    inputs = Inputs(filenames=(str(file),), ignore_kinds=True)
    kept = folder / "f.podwall.gz"
    kept.write_bytes(snapshot(read_cluster(inputs), Wanted(topology=True, labels=())))
    chosen = next(one for one in all_finders() if one.name == finder)
    read, again = (
        Found.of(chosen.find(application(one))) for one in (inputs, Inputs(snapshots=(str(kept),), ignore_kinds=True))
    )
    assert _told(again) == _told(read)
    items: list[Need | Question] = [*read.needs, *read.questions]
    for item in items:
        assert item.evidence, "nothing without its evidence"
        assert all(0 < len(one.says) <= 100 and "\n" not in one.says for one in item.evidence)
    return read


def check(folder: Path, finder: str, text: str, wanted: Iterable[str], asked: Iterable[str] = ()) -> Found:
    """That one finder finds these needs and questions, and no others."""
    out = found(text, finder, folder)
    assert (needs(out.needs), questions(out.questions)) == (set(wanted), set(asked))
    assert len(questions(out.questions)) == len(out.questions), "each question once"
    return out


def needs(several: Iterable[Need]) -> set[str]:
    """Each need as `shop/web -> shop/api 8080/TCP`."""
    return {f"{_ends(one.sources)} -> {_ends(one.destinations)} {_ports(one.ports)}".rstrip() for one in several}


def questions(several: Iterable[Question]) -> set[str]:
    """Each question by what answers name it by, with its ports."""
    return {f"{one.key} {_ports(one.ports)}".rstrip() for one in several}


def _told(of: Found) -> list[str]:
    """All of it but the file."""
    items: list[Need | Question | Unseen] = [*of.needs, *of.questions, *of.unseen]
    return sorted(f"{_one(item)} {[(e.about, e.path, e.says) for e in _evidence(item)]}" for item in items)


def _evidence(item: Need | Question | Unseen) -> tuple[Evidence, ...]:
    return (item.evidence,) if isinstance(item, Unseen) else item.evidence


def _one(item: Need | Question | Unseen) -> str:
    if isinstance(item, Need):
        return f"{needs([item])} {item.sureness}"
    return f"{questions([item])} {item.asks} {item.drafted}" if isinstance(item, Question) else item.what


def _ends(party: Party) -> str:
    if party.anyone:
        return "*"
    if party.cidrs and not party.endpoints:
        return ",".join(party.cidrs)
    names = {endpoint.controller.name if endpoint.controller else endpoint.name for endpoint in party.endpoints}
    return f"{party.namespace}/{','.join(sorted(names))}"


def _ports(ports: PortSet) -> str:
    return ",".join(
        f"{first}/{protocol}" if first == last else f"{first}-{last}/{protocol}"
        for protocol, first, last in ports.ranges()
    )


# ----------------------------------------------------------------------------------------------------------- manifests


def workload(
    name: str,
    *,
    namespace: str = "shop",
    kind: str = "Deployment",
    image: str = "",
    labels: str = "",
    annotations: str = "",
    spec: str = "",
    container: str = "",
    top: str = "",
) -> str:
    """Pods that listen at 8080 (http) and 9100 (metrics), with more of each part in flow style."""
    return f"""
---
apiVersion: {"batch/v1" if kind == "Job" else "apps/v1"}
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  {top}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, {labels}}}, annotations: {{{annotations}}}}}
    spec:
      {spec}
      containers:
      - name: c
        image: {image or f"registry.example/{name}:1"}
        ports: [{{name: http, containerPort: 8080}}, {{name: metrics, containerPort: 9100}}]
        {container}
"""


def service(
    name: str,
    *,
    namespace: str = "shop",
    ports: str = "{name: http, port: 80, targetPort: http}",
    app: str = "",
    annotations: str = "",
    spec: str = "",
) -> str:
    """A Service of the pods of that name; its own label is `svc`."""
    return f"""
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}, labels: {{svc: {name}}}, annotations: {{{annotations}}}}}
spec:
  selector: {{app: {app or name}}}
  ports: [{ports}]
  {spec}
"""
