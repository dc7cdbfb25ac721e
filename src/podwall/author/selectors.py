"""The selector that selects exactly some pods: by labels that last, and of these by the ones that say who it is.

What is tried first: the recommended labels that name an application, the selector of a Service that leads to just
these pods, the usual single labels, then any. Labels that do not last are never used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from podwall.author.recipe import Object
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.ephemeral import EPHEMERAL
from podwall.cluster.objects import NAME_LABEL
from podwall.errors import CannotWrite
from podwall.needs.site import Site

__all__ = ["namespace_selector", "selectors"]

_Labels = dict[str, str]

_APPLICATION = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component")
_USUAL = ("app.kubernetes.io/name", "app", "k8s-app", "component", "name", "app.kubernetes.io/component")
# They last for a while, and then a release changes them on the same pods.
_CHANGING = (
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
    "version",
    "release",
    "chart",
)


def namespace_selector(name: str) -> Object:
    """The one namespace of this name (N21)."""
    return {"matchLabels": {NAME_LABEL: name}}


def selectors(site: Site, namespace: str, wanted: Sequence[Endpoint]) -> list[Object]:
    """LabelSelectors that together select these pods of a namespace and none of its other pods.

    Workloads that differ in one label are selected as one. Raises CannotWrite where no labels tell them from others.
    """
    held: dict[object, list[Endpoint]] = {}
    for endpoint in wanted:
        held.setdefault(endpoint.controller or endpoint.name, []).append(endpoint)
    chosen = {id(endpoint) for endpoint in wanted}
    others = [endpoint for endpoint in site.endpoints(namespace) if id(endpoint) not in chosen]
    services = list(_service_selectors(site, namespace))
    found = [_labels(members, others, services) for members in held.values()]
    return _merged(found)


def _labels(members: Sequence[Endpoint], others: Sequence[Endpoint], services: Sequence[_Labels]) -> _Labels:
    shared = _shared(members)
    for labels in _candidates(shared, services):
        if not any(labels.items() <= other.labels.items() for other in others):
            return labels
    first = members[0]
    name = f"{first.namespace}/{first.controller.name if first.controller else first.name}"
    alike = [other for other in others if shared.items() <= other.labels.items()]
    if not shared:
        raise CannotWrite(f"{name} has no lasting label that all its pods share: give its template one, as app: …")
    also = sorted({e.controller.name if e.controller else e.name for e in alike})
    raise CannotWrite(f"no lasting label tells {name} from {', '.join(also[:3])}: give its template one of its own")


def _shared(members: Sequence[Endpoint]) -> _Labels:
    shared = set(members[0].labels.items()).intersection(*(m.labels.items() for m in members[1:]))
    return {key: value for key, value in sorted(shared) if key not in EPHEMERAL}


def _candidates(shared: _Labels, services: Sequence[_Labels]) -> Iterator[_Labels]:
    """What may select pods that share some labels, the best first."""
    if "app.kubernetes.io/name" in shared:
        yield _part(shared, (key for key in _APPLICATION if key in shared))
    yield from (labels for labels in services if labels.items() <= shared.items())
    yield from ({key: shared[key]} for key in _USUAL if key in shared)
    lasting = [key for key in shared if key not in _CHANGING]
    for size in range(1, min(len(lasting), 3) + 1):
        yield from (_part(shared, keys) for keys in combinations(lasting, size))
    for keys in (lasting, list(shared)):
        if keys:
            yield _part(shared, keys)


def _part(labels: Mapping[str, str], keys: Iterable[str]) -> _Labels:
    return {key: labels[key] for key in keys}


def _service_selectors(site: Site, namespace: str) -> Iterator[_Labels]:
    bucket = site.bucket(namespace)
    for located in bucket.services if bucket else ():
        spec = located.object.spec
        if spec is not None and spec.selector and not spec.selector.keys() & EPHEMERAL.keys():
            yield dict(sorted(spec.selector.items()))


def _merged(found: Sequence[_Labels]) -> list[Object]:
    """Selectors by one and the same single label as one, with all its values."""
    singles: dict[str, set[str]] = {}
    several: list[_Labels] = []
    for labels in found:
        if len(labels) == 1:
            ((key, value),) = labels.items()
            singles.setdefault(key, set()).add(value)
        elif labels not in several:
            several.append(labels)
    out = [_one_of(key, sorted(values)) for key, values in sorted(singles.items())]
    return out + [{"matchLabels": labels} for labels in sorted(several, key=lambda labels: sorted(labels.items()))]


def _one_of(key: str, values: list[str]) -> Object:
    if len(values) == 1:
        return {"matchLabels": {key: values[0]}}
    return {"matchExpressions": [{"key": key, "operator": "In", "values": values}]}
