"""The map as a graph for Graphviz: `podwall map -o dot | dot -Tsvg`."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.report.maps.answer import Answer
from podwall.report.maps.graph import Box, Cluster, graph_of

__all__ = ["write"]

_STYLE = """\
  graph [rankdir=LR, fontname="Helvetica", fontsize=12, labelloc=t, nodesep=0.25, ranksep=1.2, newrank=true]
  node [shape=box, style="rounded,filled", fillcolor=white, fontname="Helvetica", fontsize=11, margin="0.12,0.05"]
  edge [fontname="Helvetica", fontsize=9, color="#33475b", fontcolor="#33475b", arrowsize=0.7]
"""
_OPEN = ', color="#d55e00", penwidth=2'  # not isolated in any direction
_ALL = ', style="rounded,dashed"'


def write(answer: Answer) -> Iterator[str]:
    """A digraph whose nodes are called as the ends of the map are; isolation stands in their tooltips."""
    graph = graph_of(answer)
    yield f"digraph podwall {{\n  label={_text(graph.title)}\n{_STYLE}"
    for number, cluster in enumerate(graph.clusters):
        yield from _cluster(number, cluster)
    for arrow in graph.arrows:
        yield f"  {_text(arrow.src)} -> {_text(arrow.dst)} [label={_text(arrow.label)}]\n"
    yield "}\n"


def _cluster(number: int, cluster: Cluster) -> Iterator[str]:
    if not cluster.label:
        yield from (f"  {_box(box)}\n" for box in cluster.boxes)
        return
    yield f'  subgraph "cluster_{number}" {{\n'
    color = "#eef3f8" if cluster.name else "#f6f1e7"
    yield f'    label={_text(cluster.label)}\n    style="rounded,filled"\n'
    yield f'    color="#c3cfdb"\n    fillcolor="{color}"\n'
    yield from (f"    {_box(box)}\n" for box in cluster.boxes)
    yield "  }\n"


def _box(box: Box) -> str:
    style = _ALL if box.all_of else _OPEN if box.is_open else ""
    tooltip = f", tooltip={_text(f'{box.name}: {box.isolated}')}" if box.isolated else ""
    return f"{_text(box.name)} [label={_text(box.label)}{style}{tooltip}]"


def _text(text: str) -> str:
    r"""A quoted string; a line break is the one escape that is meant: \n."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
