"""Which Pods are shown as one: those of one controller that no rule tells apart (interface.md, "Endpoints")."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Controller, Endpoint
from podwall.engine.index import Index
from podwall.engine.layout import Layout

__all__ = ["Group", "groups_of", "weights_of"]


class Group(Struct, frozen=True, gc=False):
    """Endpoints shown as one; all of `members` are of one atom. `name` is unique: `ns/name`, or `ns/Kind/name`.

    `slot` is the first member's; no rule tells those of the others from it.
    """

    name: str
    kind: str
    namespace: str
    atom: int
    members: tuple[Endpoint, ...]
    slot: int
    many: bool

    @property
    def pods(self) -> int:
        """How many Pods it stands for."""
        first = self.members[0]
        return len(self.members) if first.kind == "Pod" else first.replicas

    @property
    def labels(self) -> dict[str, str]:
        """The labels that all members share."""
        shared = set(self.members[0].labels.items())
        for member in self.members[1:]:
            shared &= member.labels.items()
        return dict(sorted(shared))

    @property
    def node(self) -> str | None:
        """The node that all members are on."""
        nodes = {member.node for member in self.members}
        return nodes.pop() if len(nodes) == 1 else None


_Family = dict[int, list[Endpoint]]  # the endpoints of one controller, by atom


def groups_of(index: Index, layout: Layout) -> list[Group]:
    """Every endpoint of the index as part of a group, in order of name."""
    alone, families = _sorted_out(index, layout)
    slot = index.slot
    out = [_alone(endpoint, atom, slot(endpoint)) for endpoint, atom in alone]
    for (_, controller), family in families.items():
        out += _family(controller, family, slot)
    return sorted(_unique(out), key=lambda g: (g.namespace, g.name))


def weights_of(index: Index, layout: Layout) -> list[int]:
    """How many groups there are of each atom, without making them."""
    out = [0] * layout.size
    alone, families = _sorted_out(index, layout)
    for _, atom in alone:
        out[atom] += 1
    for family in families.values():
        if len(family) == 1:
            out[next(iter(family))] += 1
        else:
            (largest, _), *others = _ranked(family)
            out[largest] += 1
            for atom, members in others:
                out[atom] += len(members)
    return out


def _sorted_out(
    index: Index, layout: Layout
) -> tuple[list[tuple[Endpoint, int]], dict[tuple[str, Controller], _Family]]:
    """The endpoints without a controller, each with its atom, and those of every controller."""
    atoms = {name: layout.atom_of(name) for name in layout.spans if name in index.namespaces}
    alone: list[tuple[Endpoint, int]] = []
    families: dict[tuple[str, Controller], _Family] = {}
    for endpoint, slot in index.endpoints():
        atom = atoms[endpoint.namespace][slot]
        if endpoint.controller is None:
            alone.append((endpoint, atom))
            continue
        key = (endpoint.namespace, endpoint.controller)
        family = families.get(key)
        if family is None:
            families[key] = {atom: [endpoint]}
        else:
            family.setdefault(atom, []).append(endpoint)
    return alone, families


def _ranked(family: _Family) -> list[tuple[int, list[Endpoint]]]:
    """The largest class comes first; a tie goes to the first Pod name."""
    return sorted(family.items(), key=lambda item: (-len(item[1]), min(e.name for e in item[1])))


def _alone(endpoint: Endpoint, atom: int, slot: int) -> Group:
    name = f"{endpoint.namespace}/{endpoint.name}"
    return Group(name, endpoint.kind, endpoint.namespace, atom, (endpoint,), slot, many=False)


def _family(controller: Controller, family: _Family, slot: Callable[[Endpoint], int]) -> Iterable[Group]:
    """The largest class goes by the controller's name, the others by their Pods'."""
    (atom, members), *others = _ranked(family)
    members.sort(key=lambda e: e.name)
    namespace = members[0].namespace
    many = len(members) > 1 or any(e.many for e in members)
    yield Group(
        f"{namespace}/{controller.name}", controller.kind, namespace, atom, tuple(members), slot(members[0]), many
    )
    for other, endpoints in others:
        for endpoint in endpoints:
            yield _alone(endpoint, other, slot(endpoint))


def _unique(groups: list[Group]) -> Iterable[Group]:
    """Where names collide, a Pod keeps `ns/name` and workloads go by `ns/Kind/name`."""
    holders: dict[str, int] = {}
    for group in groups:
        holders[group.name] = holders.get(group.name, 0) + 1
    for group in groups:
        if holders[group.name] > 1 and group.kind != "Pod":
            namespace, _, name = group.name.partition("/")
            yield msgspec.structs.replace(group, name=f"{namespace}/{group.kind}/{name}")
        else:
            yield group
