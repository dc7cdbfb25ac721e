"""A map as what dot and mermaid draw: boxes by namespace and arrows between them; of a large map, namespaces alone."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from podwall.report.maps.answer import Answer
from podwall.report.maps.external import labels
from podwall.report.maps.folding import ANYWHERE, Line, fold
from podwall.report.maps.overview import MOST_ENDPOINTS, OUTSIDE, is_large, overview
from podwall.report.maps.words import port_words, ports_line
from podwall.report.wording import counted

__all__ = ["Arrow", "Box", "Cluster", "Graph", "graph_of"]

_OPEN = "not isolated"
_OUTSIDE = "external addresses"
_ANYWHERE = "any external address"


class Box(Struct, frozen=True):
    """Something that is drawn: an endpoint, an external set, or all of a namespace. `isolated` says in words how."""

    name: str
    label: str
    isolated: str = ""
    all_of: bool = False

    @property
    def is_open(self) -> bool:
        """Whether no policy isolates it in any direction."""
        return self.isolated == _OPEN


class Cluster(Struct, frozen=True):
    """Boxes that stand together: a namespace, or "" for what is outside of the cluster."""

    name: str
    label: str
    boxes: tuple[Box, ...]


class Arrow(Struct, frozen=True):
    """From a box to a box, by their names."""

    src: str
    dst: str
    label: str


class Graph(Struct, frozen=True):
    """All that is drawn; clusters without a name are not drawn around their boxes."""

    title: str
    clusters: tuple[Cluster, ...]
    arrows: tuple[Arrow, ...]


def graph_of(answer: Answer, most: int | None = None) -> Graph:
    """Every endpoint, or the namespaces where these or the arrows (`most`) are too many."""
    if is_large(answer):
        return _namespaces(answer, f"more than {MOST_ENDPOINTS} endpoints")
    connections = list(answer.connections)
    lines = fold(Answer(answer.head, iter(connections), answer.scope))
    if most is not None and len(lines) > most:
        return _namespaces(Answer(answer.head, iter(connections), answer.scope), f"more than {most} arrows")
    head = answer.head
    title = f"{counted(len(head.endpoints), 'endpoint')}, {counted(len(connections), 'connection')}"
    arrows = tuple(Arrow(line.src, line.dst, ", ".join(port_words(line.ports))) for line in lines)
    clusters = tuple(_clusters(answer, lines))
    if any(box.is_open for cluster in clusters for box in cluster.boxes):
        title += "; orange: not isolated"
    return Graph(f"{title}; profile {head.profile}", clusters, arrows)


def _clusters(answer: Answer, lines: list[Line]) -> Iterator[Cluster]:
    used = {end for line in lines for end in (line.src, line.dst)}
    boxes: dict[str, list[Box]] = {}
    for endpoint in answer.head.endpoints:
        sides = {"ingress": endpoint.isolated.ingress, "egress": endpoint.isolated.egress}
        isolated = " + ".join(side for side, yes in sides.items() if yes)
        label = endpoint.name.partition("/")[2]
        boxes.setdefault(endpoint.namespace, []).append(
            Box(endpoint.name, label, f"isolated: {isolated}" if isolated else _OPEN)
        )
    for namespace, found in boxes.items():
        whole = f"{namespace}/*"
        every = [Box(whole, f"all of {namespace}", all_of=True)] if whole in used else []
        yield Cluster(namespace, namespace, (*found, *every))
    shown = labels(answer.head.external)
    outside = [Box(name, label.shown) for name, label in shown.items() if name in used]
    outside += [Box(ANYWHERE, _ANYWHERE, all_of=True)] if ANYWHERE in used else []
    if outside:
        yield Cluster(OUTSIDE, "outside of the cluster", tuple(outside))


def _namespaces(answer: Answer, why: str) -> Graph:
    found = overview(answer)
    boxes = [Box(n.name, f"{n.name}\n{counted(n.endpoints, 'endpoint')}") for n in found.namespaces]
    arrows = tuple(
        Arrow(b.src or ANYWHERE, b.dst or ANYWHERE, f"{'all ' if b.every else ''}{b.pairs}: {ports_line(b.ports)}")
        for b in found.between
    )
    if any(ANYWHERE in (arrow.src, arrow.dst) for arrow in arrows):
        boxes.append(Box(ANYWHERE, _OUTSIDE))
    title = f"{counted(len(answer.head.endpoints), 'endpoint')}, {counted(found.connections, 'connection')}"
    title += f", profile {answer.head.profile}; by namespace, as there are {why}; "
    title += "arrows: pairs of endpoints, and the ports of all of them together"
    return Graph(title, (Cluster("", "", tuple(boxes)),), arrows)
