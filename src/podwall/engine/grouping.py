"""Which Pods are shown as one: those of one controller, while no rule can tell them apart (interface.md, "Endpoints")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from podwall.cluster.endpoints import Controller, Endpoint
from podwall.engine.index import Index
from podwall.engine.layout import Layout

__all__ = ["Group", "groups_of"]


class Group(Struct, frozen=True, gc=False):
    """Endpoints shown as one; all of `members` are of one atom. `name` is unique: `ns/name`, or `ns/Kind/name`."""

    name: str
    kind: str
    namespace: str
    atom: int
    members: tuple[Endpoint, ...]
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


def groups_of(index: Index, layout: Layout) -> list[Group]:
    """Every endpoint of the index as part of a group, in order of name."""
    atoms = {name: layout.atom_of(name) for name in index.namespaces if name in layout.spans}
    families: dict[tuple[str, Controller], dict[int, list[Endpoint]]] = {}
    out: list[Group] = []
    for endpoint, slot in index.endpoints():
        atom = atoms[endpoint.namespace][slot]
        if endpoint.controller is None:
            out.append(_alone(endpoint, atom))
        else:
            family = families.setdefault((endpoint.namespace, endpoint.controller), {})
            family.setdefault(atom, []).append(endpoint)
    for (_, controller), family in families.items():
        out += _family(controller, family)
    return sorted(_unique(out), key=lambda g: (g.namespace, g.name))


def _alone(endpoint: Endpoint, atom: int) -> Group:
    name = f"{endpoint.namespace}/{endpoint.name}"
    return Group(name, endpoint.kind, endpoint.namespace, atom, (endpoint,), many=False)


def _family(controller: Controller, family: Mapping[int, list[Endpoint]]) -> Iterable[Group]:
    """The largest class goes by the controller's name, the others by their Pods'; a tie goes to the first Pod name."""
    ranked = sorted(family.items(), key=lambda item: (-len(item[1]), min(e.name for e in item[1])))
    (atom, members), *others = ranked
    members.sort(key=lambda e: e.name)
    namespace = members[0].namespace
    many = len(members) > 1 or any(e.many for e in members)
    yield Group(f"{namespace}/{controller.name}", controller.kind, namespace, atom, tuple(members), many)
    for other, endpoints in others:
        for endpoint in endpoints:
            yield _alone(endpoint, other)


def _unique(groups: list[Group]) -> Iterable[Group]:
    """Where names collide, a Pod keeps `ns/name` and workloads go by `ns/Kind/name`."""
    holders: dict[str, int] = {}
    for group in groups:
        holders[group.name] = holders.get(group.name, 0) + 1
    for group in groups:
        if holders[group.name] > 1 and group.kind != "Pod":
            namespace, _, name = group.name.partition("/")
            yield Group(f"{namespace}/{group.kind}/{name}", *_rest(group))
        else:
            yield group


def _rest(group: Group) -> tuple[str, str, int, tuple[Endpoint, ...], bool]:
    return group.kind, group.namespace, group.atom, group.members, group.many
