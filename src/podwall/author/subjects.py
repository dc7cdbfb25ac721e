"""The selector of one workload: its controller's own where that selects just its pods, else the one that does."""

from __future__ import annotations

from msgspec import Struct

from podwall.api.meta import LabelSelector
from podwall.author.recipe import Object
from podwall.author.selectors import selectors
from podwall.cluster.ephemeral import EPHEMERAL
from podwall.engine.labels import selector
from podwall.engine.verdict import is_selectable
from podwall.errors import CannotWrite
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["Chosen", "choose"]


class Chosen(Struct, frozen=True):
    """A LabelSelector, and the names of other workloads that it selects as well, since no label tells them apart."""

    selector: Object
    others: tuple[str, ...] = ()


def choose(site: Site, party: Party, own: LabelSelector | None) -> Chosen:
    """The selector of a workload's pods. Raises CannotWrite where they have no label that lasts."""
    if own is not None and _lasts(own) and not _others(site, party, own):
        return Chosen(_plain(own))
    try:
        (found,) = selectors(site, party.namespace, party.endpoints)
    except CannotWrite:
        wide = own if own is not None and _lasts(own) else LabelSelector(_shared(party))
        if not (wide.matchLabels or wide.matchExpressions):
            raise
        return Chosen(_plain(wide), _others(site, party, wide))
    return Chosen(found)


def _lasts(own: LabelSelector) -> bool:
    """Whether it selects by something, and by nothing that the next rollout or run changes."""
    keys = {*(own.matchLabels or ()), *(term.key for term in own.matchExpressions or ())}
    return bool(keys) and not keys & EPHEMERAL.keys()


def _others(site: Site, party: Party, own: LabelSelector) -> tuple[str, ...]:
    meant = selector(own)
    found = (e for e in site.endpoints(party.namespace) if is_selectable(e) and meant.matches(e.labels))
    return tuple(sorted({site.of_workload(e).name for e in found if not party.has_pod(e)}))


def _shared(party: Party) -> dict[str, str]:
    first, *others = party.endpoints
    shared = set(first.labels.items()).intersection(*(e.labels.items() for e in others))
    return {key: value for key, value in sorted(shared) if key not in EPHEMERAL}


def _plain(own: LabelSelector) -> Object:
    out: Object = {}
    if own.matchLabels:
        out["matchLabels"] = dict(own.matchLabels)
    if own.matchExpressions:
        terms = ((term.key, term.operator, term.values) for term in own.matchExpressions)
        out["matchExpressions"] = [
            {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
            for key, operator, values in terms
        ]
    return out
