"""Maps as the formats take them, made by hand."""

from __future__ import annotations

import msgspec

from podwall.report.maps.answer import Answer, Scope
from podwall.report.public import Map


def answer_of(whole: Map, only: str | None = None, scope: Scope | None = None) -> Answer:
    """A map with all its connections as the answer that it would be written from; with `only`, that of -n."""
    namespaces = {endpoint.namespace for endpoint in whole.endpoints} if only is None else {only}
    head = msgspec.structs.replace(whole, connections=[])
    return Answer(head, iter(whole.connections), scope or Scope(only, whole=frozenset(namespaces)))
