"""podwall map --exposure: what each endpoint is open to, beyond the pods that exist."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from podwall.engine.boxes import PodBox
from podwall.engine.exposure import MOST_PEERS, Exposed, Exposures
from podwall.engine.focus import Focus
from podwall.engine.references import group_end
from podwall.engine.rules import AnyPeer, Direction, Domains, Nodes
from podwall.engine.sets import AddrSet
from podwall.engine.verdict import End
from podwall.ops.evidence import TIERS
from podwall.ops.focusing import ALL, Wanted, focus_of
from podwall.ops.inputs import Opened
from podwall.ops.references import Refs
from podwall.report import public_exposure as public
from podwall.report.public import API_VERSION, Port
from podwall.report.selectors import selector_text

__all__ = ["make_exposure"]


def make_exposure(opened: Opened, wanted: Wanted = ALL) -> public.ExposureMap:
    """Both directions of every endpoint; egress of those that --from names, ingress of those that --to names."""
    model = opened.model
    focus = focus_of(opened, wanted)
    exposing = _Exposing(opened)
    made = [
        exposing.exposure(direction, group_end(group))
        for group in model.groups(model.reach)
        for direction in (Direction.INGRESS, Direction.EGRESS)
        if _is_shown(focus, direction, group.name)
    ]
    found = [one for one in made if one is not None]
    left = len(made) - len(found)
    return public.ExposureMap(
        apiVersion=API_VERSION,
        kind="Exposure",
        profile=model.profile.name,
        exposure=found,
        notComputed=f"{left:,} of {len(made):,} directions of endpoints, {_TOO_MANY}" if left else UNSET,
        incomplete=list(opened.incomplete),
    )


_TOO_MANY = f"since {MOST_PEERS:,} peers of rules were compared for the others: ask for one namespace (-n)"


def _is_shown(focus: Focus, direction: Direction, name: str) -> bool:
    own, other = focus.destinations, focus.sources
    if direction is Direction.EGRESS:
        own, other = other, own
    asked = other is None if own is None else name in own
    return asked and all(name in names for names in focus.touching)


class _Exposing:
    def __init__(self, opened: Opened) -> None:
        self._judge = opened.model.judge
        self._refs = Refs(opened)
        self._exposures = Exposures(self._judge)
        self._listed: dict[int, list[public.ExposedTo]] = {}

    def exposure(self, direction: Direction, end: End) -> public.Exposure | None:
        found = self._exposures.of(direction, end)
        if found is None:
            return None
        if id(found) not in self._listed:  # most replicas and many workloads share theirs
            self._listed[id(found)] = [_exposed(peer) for peer in found.peers]
        return public.Exposure(
            endpoint=end.name,
            direction=direction.value,
            isolated=self._judge.isolates(direction, end),
            peers=self._listed[id(found)],
            restrictedBy=[
                public.Restriction(self._refs[r.policy], TIERS[r.tier], r.action.value, r.path)
                for r in found.restricted_by
            ],
        )


def _exposed(exposed: Exposed) -> public.ExposedTo:
    ports = [Port(*span) for span in exposed.ports.ranges()]
    names: list[str] | UnsetType = [f"{n.protocol} {n.name}" for n in exposed.names] or UNSET
    match exposed.whom:
        case AnyPeer():
            return public.ExposedTo("any", ports, names)
        case PodBox(namespace, pod):
            selected = public.Selected(selector_text(namespace), selector_text(pod))
            return public.ExposedTo("pods" if pod.terms else "namespaces", ports, names, selected)
        case AddrSet() as addresses:
            return public.ExposedTo("external", ports, names, cidrs=addresses.cidrs())
        case Nodes(selector):
            return public.ExposedTo("nodes", ports, names, selector_text(selector))
        case Domains(domains):
            return public.ExposedTo("domains", ports, names, domains=list(domains))
