"""The map as a Mermaid flowchart, which GitHub and GitLab draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.report.maps.answer import Answer
from podwall.report.maps.graph import Cluster, Graph, graph_of

__all__ = ["write"]

_MOST_ARROWS = 280  # Mermaid gives up on more than 500 of them, and on more than 50,000 characters
_TOO_MANY = "%% Mermaid as it is set by default does not draw so much: -n, --from, --to or --about make it less\n"
_CLASSES = """\
  classDef open stroke:#d55e00,stroke-width:2px
  classDef all stroke-dasharray:4 3
"""


def write(answer: Answer) -> Iterator[str]:
    """A flowchart with a subgraph for each namespace. Names stand in labels alone, so that none of them is syntax."""
    graph = graph_of(answer, _MOST_ARROWS)
    yield f"%% {graph.title}\n"
    if len(graph.arrows) > _MOST_ARROWS:
        yield _TOO_MANY
    yield "flowchart LR\n"
    ids = _ids(graph)
    for number, cluster in enumerate(graph.clusters):
        yield from _cluster(number, cluster, ids)
    for arrow in graph.arrows:
        yield f"  {ids[arrow.src]} -->|{_text(arrow.label)}| {ids[arrow.dst]}\n"
    yield _CLASSES
    for name, chosen in (
        ("open", _open(graph)),
        ("all", [b.name for c in graph.clusters for b in c.boxes if b.all_of]),
    ):
        if chosen:
            yield f"  class {','.join(ids[each] for each in chosen)} {name}\n"


def _ids(graph: Graph) -> dict[str, str]:
    names = [box.name for cluster in graph.clusters for box in cluster.boxes]
    return {name: f"n{number}" for number, name in enumerate(names)}


def _open(graph: Graph) -> list[str]:
    return [box.name for cluster in graph.clusters for box in cluster.boxes if box.is_open]


def _cluster(number: int, cluster: Cluster, ids: dict[str, str]) -> Iterator[str]:
    indent = "    " if cluster.label else "  "
    if cluster.label:
        yield f"  subgraph s{number}[{_text(cluster.label)}]\n"
    yield from (f"{indent}{ids[box.name]}[{_text(box.label)}]\n" for box in cluster.boxes)
    if cluster.label:
        yield "  end\n"


def _text(text: str) -> str:
    """A quoted label; the entities are Mermaid's own."""
    return '"' + text.replace("#", "#35;").replace('"', "#quot;").replace("\n", "<br/>") + '"'
