"""What `check` keeps of a reading beside the cluster: mistakes to make findings of, and who suppresses findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from podwall.check.suppress import IGNORE
from podwall.cluster.mistake import Mistake, Named
from podwall.cluster.topology import Topology
from podwall.sources.assemble import Assembled
from podwall.sources.decode import Decoder

__all__ = ["ignoring", "ignoring_in", "kept_mistakes"]


def kept_mistakes(decoder: Decoder, assembled: Assembled) -> Iterator[Mistake]:
    """All mistakes and doubts but templates, which are passed over."""
    for mistake in (*decoder.mistakes, *assembled.mistakes, *decoder.warnings, *assembled.warnings):
        if "{{" not in mistake.message:
            yield mistake


def ignoring(assembled: Assembled) -> Iterator[tuple[Named, Mapping[str, str]]]:
    """The annotations of the objects that suppress findings about them."""
    for key, located in assembled.objects.items():
        annotations = getattr(located.object.metadata, "annotations", None)
        if annotations and IGNORE in annotations:
            yield key, annotations


def ignoring_in(topology: Topology) -> Iterator[tuple[Named, Mapping[str, str]]]:
    """The same of objects that are decoded with annotations only for their needs: Pods, Ingresses and their like."""
    for key, located in topology.objects.items():
        annotations = located.object.metadata.annotations
        if annotations and IGNORE in annotations:
            yield key, annotations
