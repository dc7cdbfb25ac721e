"""The groups of a node: pods to which the same rules apply in one direction share the chains that are written here."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from podwall.dataplane.chains import Place, Settings, written
from podwall.dataplane.contents import Definition, Everyone, Peers, Services, name_of
from podwall.dataplane.frame import ENFORCED, STAGED, STAGED_DENIED, dispatches, next_step
from podwall.dataplane.log import Logging, prefix, refusal, telling
from podwall.dataplane.members import Members
from podwall.dataplane.ruleset import (
    DENIED,
    WOULD_ALLOW,
    WOULD_DENY,
    Chain,
    Goto,
    Group,
    Return,
    Rule,
    State,
    View,
)
from podwall.dataplane.script import Script
from podwall.engine.rules import Action, Direction, Nodes, Pods

__all__ = ["Groups", "Kind", "chain_name"]


class Kind(enum.Enum):
    """What a group is for; the value is the first letter of the maps that lead to it."""

    ENFORCED = ENFORCED
    STAGED = STAGED
    """Tells of what would be denied; enters after the enforced rules have allowed."""
    STAGED_DENIED = STAGED_DENIED
    """Tells of what would be allowed; enters where they have denied."""

    @property
    def views(self) -> tuple[View, ...]:
        """The views in which its script is written."""
        return tuple(View) if self is Kind.ENFORCED else (View.TRACKED, View.HEADER)


_SIDES = {Direction.EGRESS: "e", Direction.INGRESS: "i"}
_VIEWS = {View.TRACKED: "t", View.REVERSED: "r", View.HEADER: "h"}


def chain_name(kind: Kind, view: View, group: Group) -> str:
    """The chain that a local pod of the group is led to."""
    return f"g_{_SIDES[group.direction]}{kind.value}{_VIEWS[view]}_{group.name}"


class _Held(Struct):
    script: Script
    kind: Kind
    users: int = 0
    chains: tuple[Chain, ...] = ()
    definitions: tuple[Definition, ...] = ()


class Groups:
    """Mutable: groups in use, their chains and the sets that these look at."""

    def __init__(self, members: Members, families: tuple[int, ...], logging: Logging, *, blocks: bool) -> None:
        self._members = members
        self._families = families
        self._logging = logging
        self._blocks_match_cluster = blocks
        self._held: dict[tuple[Kind, str], _Held] = {}
        self._stale: dict[tuple[Kind, str], None] = {}
        self._staging = False
        self._users: Counter[Definition] = Counter()
        self._touchy: Counter[str] = Counter()
        self.definitions: dict[str, Definition] = {}

    def enter(self, kind: Kind, script: Script) -> None:
        """One more pod has this script."""
        key = kind, script.group.name
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held(script, kind)
            self._members.watch(_peers(script))
            self._stale[key] = None
        elif held.script is not script and held.script != script:
            raise ValueError(f"two groups are called {script.group.name}")
        held.users += 1

    def leave(self, kind: Kind, script: Script) -> None:
        """One pod less; groups without any go at the next `settle`."""
        key = kind, script.group.name
        self._held[key].users -= 1
        self._stale[key] = None

    def settle(self, *, staging: bool) -> None:
        """Writes what is new, or has peers that became wide or narrow, and forgets groups without pods."""
        if staging is not self._staging:
            self._staging = staging
            self._stale |= dict.fromkeys(self._held)
        if self._members.crossed:
            crossed, self._members.crossed = self._members.crossed, set()
            self._stale |= {key: None for key, h in self._held.items() if crossed & set(_peers(h.script))}
        released: list[Definition] = []
        for key in self._stale:
            held = self._held[key]
            released += held.definitions
            if held.users:
                self._write(held)
            else:
                self._members.unwatch(_peers(held.script))
                del self._held[key]
        for definition in released:  # after all uses: what stays in use keeps its keys
            self._release(definition)
        self._stale = {}

    def chains(self) -> Iterator[Chain]:
        """The chains of all groups."""
        for held in self._held.values():
            yield from held.chains

    def groups(self) -> dict[str, Group]:
        """What log lines may name."""
        return {name: held.script.group for (_, name), held in sorted(self._held.items(), key=lambda one: one[0][1])}

    def has(self, *kinds: Kind) -> bool:
        """Whether a pod has a script of one of these kinds."""
        return any(held.users and held.kind in kinds for held in self._held.values())

    def is_touchy(self, name: str) -> bool:
        """Whether more keys in a set may mean fewer permissions: rules that deny or pass look at it, or look whether
        an address is not in it.
        """
        return self._touchy[name] > 0

    def _write(self, held: _Held) -> None:
        script, kind = held.script, held.kind
        wide = frozenset(peer for peer in _peers(script) if self._members.is_wide(peer))
        settings = Settings(self._families, wide, self._blocks_match_cluster)
        chains: list[Chain] = []
        definitions: dict[Definition, None] = {}
        for view in kind.views:
            made = written(script, self._place(kind, view, script.group), settings)
            chains += made.chains
            definitions |= dict.fromkeys(made.definitions)
        held.chains = (*chains, self._end(kind, script.group))
        held.definitions = tuple(definitions)
        denies = any(run.action is not Action.ALLOW for run in script.runs())
        for definition in definitions:
            self._use(definition, touchy=denies or isinstance(definition, Everyone))  # D1: blocks mean who is not there

    def _place(self, kind: Kind, view: View, group: Group) -> Place:
        end, back = Goto(_end_name(kind, group)), Return()
        name = chain_name(kind, view, group)
        if kind is Kind.STAGED_DENIED:
            return Place(name, view, allow=end, deny=back)
        if kind is Kind.STAGED:
            return Place(name, view, allow=back, deny=end)
        onward = next_step(group.direction, view)
        return Place(name, view, allow=onward, deny=back if view is View.REVERSED else end)

    def _end(self, kind: Kind, group: Group) -> Chain:
        """What becomes of a packet that a group has something to say about."""
        rules: Iterable[Rule]
        match kind:
            case Kind.ENFORCED:
                line = prefix(DENIED, group.direction, group.name)
                rules = (*self._asides(group.direction), *refusal(line, self._families, self._logging))
            case Kind.STAGED:
                rules = telling(prefix(WOULD_DENY, group.direction, group.name), self._families, self._logging)
            case _:
                rules = telling(prefix(WOULD_ALLOW, group.direction, group.name), self._families, self._logging)
        return Chain(_end_name(kind, group), tuple(rules))

    def _asides(self, direction: Direction) -> Iterator[Rule]:
        """Before a denied packet is dropped: whether what is staged would allow it."""
        if self._staging:
            for rule in dispatches(direction, View.TRACKED, self._families, STAGED_DENIED):
                yield Rule((State("new"), *rule.matches), rule.statements)
            for rule in dispatches(direction, View.HEADER, self._families, STAGED_DENIED):
                yield Rule((State("untracked"), *rule.matches), rule.statements)

    def _use(self, definition: Definition, *, touchy: bool) -> None:
        self._users[definition] += 1
        if isinstance(definition, Peers | Services | Everyone):
            self._members.use(definition)
        name = name_of(definition)
        known = self.definitions.setdefault(name, definition)
        if known != definition:
            raise ValueError(f"two sets are called {name}")
        self._touchy[name] += touchy

    def _release(self, definition: Definition) -> None:
        self._users[definition] -= 1
        if isinstance(definition, Peers | Services | Everyone):
            self._members.release(definition)
        if not self._users[definition]:
            del self._users[definition]
            name = name_of(definition)
            del self.definitions[name]
            self._touchy.pop(name, None)


def _end_name(kind: Kind, group: Group) -> str:
    return f"g_{_SIDES[group.direction]}{kind.value}d_{group.name}"


def _peers(script: Script) -> list[Pods | Nodes]:
    peers = (peer for run in script.runs() for some, _ in run.terms for peer in some)
    return list(dict.fromkeys(peer for peer in peers if isinstance(peer, Pods | Nodes)))
