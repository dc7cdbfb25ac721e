"""The compiler of one node: events in, the least change of its table out. A batch is many events on an empty one.

An event marks what it concerns; `flush` settles that and no more. What comes out depends on the state alone, not on the
way to it: the same objects in any order end in the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import NAME_LABEL
from podwall.cluster.profile import Profile
from podwall.dataplane.change import Change
from podwall.dataplane.claims import Claims, Entry
from podwall.dataplane.contents import Intervals, Living, Ports, addresses_of, intervals_of, key_type, static_keys
from podwall.dataplane.endpoints import as_packets_have_it, refusal_of_families
from podwall.dataplane.epochs import next_epoch
from podwall.dataplane.frame import Which, frame, local_set, map_name, unmarked_set
from podwall.dataplane.groups import Groups, Kind, chain_name
from podwall.dataplane.members import Members
from podwall.dataplane.options import Marks, Options
from podwall.dataplane.ruleset import Chain, Key, Ruleset, Set, VerdictMap
from podwall.dataplane.script import Script, script_of
from podwall.engine.governing import Governing, governing
from podwall.engine.index import EndpointKey, Index, key_of
from podwall.engine.rules import Direction, Mode, PolicyRef, PolicyRules
from podwall.engine.verdict import is_selectable

__all__ = ["Compiler", "Marks", "Options"]


class _Standing(Struct, frozen=True):
    """What a local pod is subject to, by direction; None where nothing speaks."""

    enforced: tuple[Script | None, Script | None] = (None, None)
    staged: tuple[Script | None, Script | None] = (None, None)  # None where it says the same as `enforced`
    denied: tuple[Script | None, Script | None] = (None, None)

    def scripts(self) -> Iterable[tuple[Kind, Script]]:
        for kind, scripts in zip(Kind, (self.enforced, self.staged, self.denied), strict=True):
            yield from ((kind, script) for script in scripts if script is not None)


class Compiler:
    """Mutable. `node` is the name of the node whose pods are judged."""

    def __init__(self, node: str, profile: Profile, options: Options = Options()) -> None:  # noqa: B008 - frozen
        self._node = node
        self._options = options
        self._index = Index(profile)
        self._members = Members(self._index, options.wide)
        blocks = profile.blocks_match_cluster
        self._groups = Groups(self._members, options.families, options.logging, blocks=blocks)
        self._claims = Claims()
        self._endpoints: dict[EndpointKey, Endpoint] = {}
        self._local: dict[str, dict[EndpointKey, Endpoint]] = {}
        self._enforced: dict[str, dict[PolicyRef, PolicyRules]] = {}
        self._staged: dict[str, dict[PolicyRef, PolicyRules | None]] = {}
        self._modes: dict[str, Mode] = {}
        self._standing: dict[EndpointKey, _Standing] = {}
        self._stale: dict[EndpointKey, None] = {}
        self._loaded = Ruleset({}, {}, {}, {}, options.marks.first, options.marks.mask, options.marks.picked_up)
        self._picking_up = True
        self.bump_due = False

    # Events

    def put_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """A namespace with its labels (name label included) comes or changes."""
        if dict(self._index.labels_of(name)) == dict(labels):
            return
        inside = [e for e in self._endpoints.values() if e.namespace == name and e.kind != "Node"]
        for endpoint in inside:
            self._members.drop(endpoint)
        self._index.put_namespace(name, labels)
        for endpoint in inside:
            self._members.put(endpoint)
        self._stale |= dict.fromkeys(self._local.get(name, ()))

    def drop_namespace(self, name: str) -> None:
        """A namespace goes: until it is there again, whoever is in it has no labels of it but its name (D11)."""
        self.put_namespace(name, {NAME_LABEL: name})

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """A pod, a workload in its place, or a node comes or changes.

        Raises InvalidInput where packets cannot be judged by it; then what was known of it stays.
        """
        endpoint = as_packets_have_it(endpoint)
        local = endpoint.node == self._node and is_selectable(endpoint)
        if local and (refusal := refusal_of_families(endpoint, self._options.families)):
            raise refusal
        key = key_of(endpoint)
        if self._endpoints.get(key) == endpoint:
            return
        self.drop_endpoint(key)
        if endpoint.kind != "Node":
            if not self._index.labels_of(endpoint.namespace):  # an undeclared one exists (D11)
                self.put_namespace(endpoint.namespace, {NAME_LABEL: endpoint.namespace})
            self._index.put_endpoint(endpoint)
        self._endpoints[key] = endpoint
        self._members.put(endpoint)
        if local:
            self._local.setdefault(endpoint.namespace, {})[key] = endpoint
            self._stale[key] = None

    def drop_endpoint(self, key: EndpointKey) -> None:
        """An endpoint goes; one that is not there does nothing."""
        endpoint = self._endpoints.pop(key, None)
        if endpoint is None:
            return
        self._members.drop(endpoint)
        if endpoint.kind != "Node":
            self._index.drop_endpoint(key)
        if self._local.get(endpoint.namespace, {}).pop(key, None):
            self._stale[key] = None

    def put_policy(self, policy: PolicyRules) -> None:
        """A policy that is enforced comes or changes."""
        self._enforced.setdefault(policy.policy.namespace, {})[policy.policy] = policy
        self._concern(policy.policy.namespace)

    def drop_policy(self, ref: PolicyRef) -> None:
        """A policy that was enforced goes."""
        if self._enforced.get(ref.namespace, {}).pop(ref, None) is not None:
            self._concern(ref.namespace)

    def stage(self, ref: PolicyRef, policy: PolicyRules | None) -> None:
        """What is to be tried: the policy in place of the one of its name, or (None) that one's deletion."""
        self._staged.setdefault(ref.namespace, {})[ref] = policy
        self._concern(ref.namespace)

    def unstage(self, ref: PolicyRef) -> None:
        """Nothing is tried for this policy any more."""
        if ref in self._staged.get(ref.namespace, {}):
            del self._staged[ref.namespace][ref]
            self._concern(ref.namespace)

    def set_mode(self, namespace: str, mode: Mode) -> None:
        """Whether what is enforced is enforced for the pods of this namespace, or only told of (dataplane.md 4.7)."""
        if self._modes.get(namespace, Mode.ENFORCE) is not mode:
            self._modes[namespace] = mode
            self._stale |= dict.fromkeys(self._local.get(namespace, ()))

    def pick_up(self, *, on: bool) -> None:
        """Whether connections that conntrack knows nothing of go on, as at the start (dataplane.md 4.5).

        To be ended when those that were open then are known: a client whose connection was cut can make conntrack
        forget it (RST, then wait), and whatever the other end is free to do would open it again.
        """
        self._picking_up = on

    def _concern(self, namespace: str) -> None:
        """Policies of a namespace speak about its pods, those of the cluster about all."""
        for name in [namespace] if namespace else list(self._local):
            self._stale |= dict.fromkeys(self._local.get(name, ()))

    # Results

    def flush(self) -> Change:
        """What has changed since the last call, without a new epoch; `bump_due` says whether one is to follow.

        A change is the least one after the one before, so each is to be applied, in order; where a kernel refuses one,
        or an epoch, what is to be applied next is a `reload`.
        """
        self._settle()
        new = self._structure()
        change = self._change(new)
        self.bump_due = self.bump_due or self._may_shrink(change)
        self._loaded = new
        return change

    def bump(self) -> Change:
        """The next epoch: open connections are judged again on their next packet."""
        return self.start(next_epoch(self._loaded.epoch, self._loaded.mask).number)

    def start(self, epoch: int) -> Change:
        """A given epoch."""
        self._loaded = _renewed(self._loaded, epoch)
        self.bump_due = False
        return Change(epoch=epoch)

    def reload(self) -> Change:
        """The whole table as it is to be now, and a new epoch: whatever a kernel has, and whatever it was not given."""
        self.flush()
        whole = self.ruleset()
        return msgspec.structs.replace(self.bump(), whole=whole)

    def ruleset(self) -> Ruleset:
        """The whole table, with all elements; right after a flush only."""
        sets = {name: self._filled(one) for name, one in sorted(self._loaded.sets.items())}
        maps = {name: _routed(one, self._claims.of(name)) for name, one in sorted(self._loaded.maps.items())}
        loaded = self._loaded
        return Ruleset(loaded.chains, sets, maps, loaded.groups, loaded.epoch, loaded.mask, loaded.picked_up)

    # How

    def _settle(self) -> None:
        scripts: dict[object, Script | None] = {}
        for key in self._stale:
            endpoint = self._endpoints.get(key)
            local = endpoint is not None and key in self._local.get(endpoint.namespace, ())
            standing = self._stand(endpoint, scripts) if endpoint and local else _Standing()
            before = self._standing.pop(key, _Standing())
            for kind, script in standing.scripts():
                self._groups.enter(kind, script)
            for kind, script in before.scripts():
                self._groups.leave(kind, script)
            if endpoint and local:
                self._standing[key] = standing
            self._claims.put(key, self._entries(endpoint, standing) if endpoint and local else {})
        self._stale = {}
        self._groups.settle(staging=self._groups.has(Kind.STAGED, Kind.STAGED_DENIED))

    def _stand(self, endpoint: Endpoint, scripts: dict[object, Script | None]) -> _Standing:
        """What a pod is subject to; pods of one class are subject to the same, so each is found out once a flush."""
        enforced: list[Script | None] = []
        staged: list[Script | None] = []
        denied: list[Script | None] = []
        audited = self._modes.get(endpoint.namespace) is Mode.AUDIT
        for direction in Direction:
            own = self._script(endpoint, direction, scripts, staged=False)
            tried = self._script(endpoint, direction, scripts, staged=True)
            present = None if audited else own
            same = _name(tried) == _name(present)
            enforced.append(present)
            staged.append(None if same else tried)
            denied.append(None if same or present is None else tried or _ALLOW_ALL[direction])
        return _Standing((enforced[0], enforced[1]), (staged[0], staged[1]), (denied[0], denied[1]))

    def _script(
        self, endpoint: Endpoint, direction: Direction, scripts: dict[object, Script | None], *, staged: bool
    ) -> Script | None:
        subject = endpoint.namespace, self._index.slot(endpoint)
        key = subject, direction, staged
        if key not in scripts:
            own = self._policies(endpoint.namespace, staged=staged)
            found = governing(self._index, direction, subject, own, self._policies("", staged=staged))
            scripts[key] = script_of(direction, found, endpoint.ports) if found else None
        return scripts[key]

    def _policies(self, namespace: str, *, staged: bool) -> list[PolicyRules]:
        """In order of name. What is staged comes in place of what has its name (dataplane.md 4.7)."""
        held: dict[PolicyRef, PolicyRules | None] = {**self._enforced.get(namespace, {})}
        if staged:
            held |= self._staged.get(namespace, {})
        return [policy for _, policy in sorted(held.items()) if policy is not None]

    def _entries(self, endpoint: Endpoint, standing: _Standing) -> dict[Entry, str]:
        """The keys of a local pod: the maps that lead to its chains, and the sets that it is in."""
        out: dict[Entry, str] = {}
        sets = {(local_set(s.group.direction, f), f) for s in standing.enforced if s for f in self._options.families}
        if not any(standing.enforced) and (any(standing.staged) or any(standing.denied)):
            sets |= {(unmarked_set(family), family) for family in self._options.families}
        for name, family in sets:
            out |= {(name, address): "" for address in addresses_of(endpoint, family)}
        for kind, script in standing.scripts():
            for view in kind.views:
                for family in self._options.families:
                    name = map_name(script.group.direction, view, family, kind=kind.value)
                    chain = chain_name(kind, view, script.group)
                    out |= {(name, address): chain for address in addresses_of(endpoint, family)}
        return out

    def _structure(self) -> Ruleset:
        """The table with its chains; sets and maps are there by name, filled only where nothing changes them."""
        staging = self._groups.has(Kind.STAGED, Kind.STAGED_DENIED)
        which = Which(self._groups.has(Kind.ENFORCED), staging, self._picking_up)
        made = frame(which, self._options.families, self._options.logging)
        chains = {chain.name: chain for chain in (*made.chains, *self._groups.chains())}
        known = self._loaded
        sets = {one.name: one for one in made.sets}
        for name, definition in self._groups.definitions.items():
            sets[name] = known.sets.get(name) or _empty(name, definition)
        maps = {name: known.maps.get(name) or VerdictMap(name, key, {}) for name, key in self._map_names(which)}
        kept = {name: _same(known.chains.get(name), chain) for name, chain in sorted(chains.items())}
        return Ruleset(kept, sets, maps, self._groups.groups(), known.epoch, known.mask, known.picked_up)

    def _map_names(self, which: Which) -> Iterable[tuple[str, Key]]:
        there = {
            Kind.ENFORCED: which.enforced,
            Kind.STAGED: which.staged,
            Kind.STAGED_DENIED: which.enforced and which.staged,
        }
        for kind, direction in product((kind for kind in Kind if there[kind]), Direction):
            for view, family in product(kind.views, self._options.families):
                key = Key.ADDRESS4 if family == 4 else Key.ADDRESS6
                yield map_name(direction, view, family, kind=kind.value), key

    def _change(self, new: Ruleset) -> Change:
        old = self._loaded
        claimed = self._claims.changes({*new.sets, *new.maps} & {*old.sets, *old.maps})
        added = {name: frozenset(came) for name, (came, _) in claimed.items() if name in new.sets and came}
        removed = {name: frozenset(went) for name, (_, went) in claimed.items() if name in new.sets and went}
        changes, self._members.changes = self._members.changes, {}
        for name, keys in changes.items():
            if name in old.sets and name in new.sets:
                added[name] = frozenset(key for key, by in keys.items() if by > 0)
                removed[name] = frozenset(key for key, by in keys.items() if by < 0)
        return Change(
            chains=tuple(chain for name, chain in new.chains.items() if old.chains.get(name) is not chain),
            sets=tuple(self._filled(one) for name, one in sorted(new.sets.items()) if name not in old.sets),
            maps=tuple(_routed(m, self._claims.of(n)) for n, m in sorted(new.maps.items()) if n not in old.maps),
            gone_chains=tuple(sorted(old.chains.keys() - new.chains.keys())),
            gone_sets=tuple(sorted(old.sets.keys() - new.sets.keys())),
            gone_maps=tuple(sorted(old.maps.keys() - new.maps.keys())),
            added={name: keys for name, keys in sorted(added.items()) if keys},
            removed={name: keys for name, keys in sorted(removed.items()) if keys},
            routed={name: came for name, (came, _) in claimed.items() if name in new.maps and came},
            unrouted={name: went for name, (_, went) in claimed.items() if name in new.maps and went},
            groups=new.groups if new.groups != old.groups else None,
        )

    def _filled(self, one: Set) -> Set:
        definition = self._groups.definitions.get(one.name)
        if isinstance(definition, Ports | Intervals) or one.flows:
            return one
        keys = frozenset(self._claims.of(one.name)) if definition is None else self._members.keys(definition)
        return Set(one.name, one.key, keys)

    def _may_shrink(self, change: Change) -> bool:
        """Whether some open connection may have lost its permission (dataplane.md 3.1)."""
        if change.structural or change.routed or change.unrouted or change.removed:
            return bool(change)
        return any(self._groups.is_touchy(name) for name in change.added)


_ALLOW_ALL = {direction: script_of(direction, Governing((), (), (), ()), ()) for direction in Direction}


def _name(script: Script | None) -> str:
    return script.group.name if script else ""


def _empty(name: str, definition: Living | Ports | Intervals) -> Set:
    """A set with the elements that never change."""
    match definition:
        case Ports():
            return Set(name, key_type(definition), static_keys(definition))
        case Intervals():
            return Set(name, key_type(definition), intervals=intervals_of(definition))
        case _:
            return Set(name, key_type(definition))


def _routed(one: VerdictMap, elements: dict[bytes, str]) -> VerdictMap:
    return VerdictMap(one.name, one.key, elements)


def _same(known: Chain | None, chain: Chain) -> Chain:
    """The chain that is loaded, where it is the same."""
    return known if known is not None and known == chain else chain


def _renewed(ruleset: Ruleset, epoch: int) -> Ruleset:
    return Ruleset(
        ruleset.chains,
        ruleset.sets,
        ruleset.maps,
        ruleset.groups,
        epoch,
        ruleset.mask,
        ruleset.picked_up,
    )
