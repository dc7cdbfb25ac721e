"""The kernel of this node, or of a network namespace: structure by nft, elements by netlink, behind the door."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress

from podwall.dataplane import conntrack, elements, nft, reading, sample, text
from podwall.dataplane.change import Change
from podwall.dataplane.door import Held
from podwall.dataplane.netlink import NFTABLES, Socket, Within
from podwall.dataplane.phrases import Marks
from podwall.dataplane.ruleset import Chain, Key, Ruleset, Set, VerdictMap
from podwall.dataplane.takeover import parts, takeover, undoing
from podwall.errors import KernelError

__all__ = ["NftKernel"]

# Requests of one transaction while a table is filled that no packet is judged by yet. Each has less than 64 KiB, and
# users who are not root may send no more than 208 KiB at once.
_AT_ONCE = 3
# A dump is several questions; where another transaction comes between them, they are asked again.
_TRIES = 20


class NftKernel:
    """Our table in the kernel of the namespace that `within` enters; the socket to it is kept until `close`.

    What is not a whole rule set is applied only after one was: the epoch is known from there.
    """

    def __init__(self, within: Within = nullcontext) -> None:
        self._within = within
        self._open: Socket | None = None
        self._marks: Marks | None = None
        self._chains: frozenset[str] = frozenset()
        self._marking: dict[str, Chain] = {}
        self._keys: dict[str, Key] = {}

    def close(self) -> None:
        """Closes the socket; the table stays."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def preflight(self) -> None:
        """Raises KernelError where rules need what is not here: nft, permission, or a part of the kernel."""
        nft.version()
        self._socket.ask(reading.GENERATION)
        try:
            nft.run(text.load(sample.RULESET), self._within, check=True)
        except KernelError as error:
            raise KernelError(
                f"this kernel lacks a part of nf_tables that Podwall's rules need: {error}", error.errno
            ) from error

    def apply(self, change: Change) -> None:
        """As `door.Kernel` says. Where no more than the epoch fails, the rest is in force and the error says so.

        Before an epoch with a smaller number than the present one, marks are cleared (dataplane.md 4.4).
        """
        marks = self._loaded() if change.whole is None else Marks.of(change.whole)
        if change.epoch:
            marks.at(change.epoch)
        if change.whole is not None:
            self._load(change.whole)
        elif change.structural:
            self._alter(change)
        else:
            self._socket.batch(NFTABLES, list(elements.edits(change)))
        if change.epoch:
            self._bump(change.epoch)

    def remove(self) -> None:
        """Leaves no table: everything passes, and the next change has to be a whole rule set. Marks stay."""
        nft.run(text.REMOVE, self._within)
        self._marks, self._chains, self._marking, self._keys = None, frozenset(), {}, {}

    def dump(self) -> Held | None:
        """As `door.Kernel` says, all of one moment. Raises KernelError where that moment does not come."""
        for _ in range(_TRIES):
            before = self._socket.ask(reading.GENERATION)
            held = reading.read(self._socket.dump) if self._is_there() else None
            if self._socket.ask(reading.GENERATION) == before:
                return held
        raise KernelError("the rules of this namespace change faster than they can be read")

    @property
    def _socket(self) -> Socket:
        if self._open is None:
            self._open = Socket(self._within)
        return self._open

    def _is_there(self) -> bool:
        try:
            return bool(self._socket.ask(reading.TABLE_ITSELF))
        except KernelError as error:
            if error.errno == errno.ENOENT:
                return False
            raise

    def _load(self, ruleset: Ruleset) -> None:
        held = self.dump()
        if held is None:
            self._build(ruleset)
        else:
            self._take_over(held, ruleset)
        self._chains = frozenset(ruleset.chains)
        self._marks = Marks.of(ruleset)
        self._marking = {name: chain for name, chain in ruleset.chains.items() if text.uses_epoch(chain)}
        self._keys = _keys(ruleset.sets.values(), ruleset.maps.values())

    def _take_over(self, held: Held, ruleset: Ruleset) -> None:
        """Makes the table that is there another one. Where somebody made something of it that cannot be changed, it is
        replaced, and a packet that is under way then may be judged by neither.
        """
        try:
            change = takeover(held, ruleset)
            marks = Marks.of(ruleset).at(ruleset.epoch)
            self._switch(change, (frozenset(held.chains), marks), lambda rest: text.taking_over(rest, ruleset))
        except (KernelError, ValueError):
            nft.run(text.structure(ruleset), self._within, check=True)
            nft.run(text.load(ruleset), self._within)

    def _switch(self, change: Change, known: tuple[frozenset[str], Marks], say: Callable[[Change], str]) -> None:
        """All of the change or nothing. Where it cannot be had in parts, by one transaction; `say` is how that is said,
        and the last part.
        """
        chains, marks = known
        new, edits, rest = parts(change, chains)
        if not edits:
            nft.run(say(change), self._within)
            return
        done: list[Change] = []
        try:
            for part in (new, edits):
                self._commit(part, marks)
                done.append(part)
            nft.run(say(rest), self._within)
        except KernelError:
            for part in reversed(done):
                with suppress(KernelError):
                    self._commit(undoing(part), marks)
            nft.run(say(change), self._within)

    def _commit(self, part: Change, marks: Marks) -> None:
        """One transaction with structure or with elements, if there are any."""
        if part.structural:
            nft.run(text.alteration(part, marks, {}), self._within)
        else:
            self._socket.batch(NFTABLES, list(elements.edits(part)))

    def _build(self, ruleset: Ruleset) -> None:
        """The first table: its base chains come last, so no packet sees it before it is complete, however many
        transactions it takes. What is built by several is there sooner, and by users whose transactions are bounded.
        """
        inner, hooked = text.stages(ruleset)
        try:
            self._run(inner)
            fill = list(elements.filling(ruleset))
            for first in range(0, len(fill), _AT_ONCE):
                self._socket.batch(NFTABLES, fill[first : first + _AT_ONCE])
            nft.run(text.block(hooked), self._within)
        except BaseException:
            with suppress(KernelError):
                nft.run(text.REMOVE, self._within)
            raise

    def _run(self, parts: Sequence[str]) -> None:
        """Parts of the table, in as few transactions as the kernel takes."""
        try:
            nft.run(text.block(parts), self._within)
        except KernelError as error:
            if error.errno != errno.EMSGSIZE or len(parts) < 2:
                raise
            self._run(parts[: len(parts) // 2])
            self._run(parts[len(parts) // 2 :])

    def _alter(self, change: Change) -> None:
        unknown = sorted({*change.added, *change.routed} - self._keys.keys())
        if unknown:
            raise KernelError(f"there is no set {unknown[0]} to add elements to", errno.ENOENT)
        marks = self._loaded()
        self._switch(change, (self._chains, marks), lambda rest: text.alteration(rest, marks, self._keys))
        self._chains = self._chains - {*change.gone_chains} | {chain.name for chain in change.chains}
        for name in (*change.gone_chains, *(chain.name for chain in change.chains)):
            self._marking.pop(name, None)
        self._marking |= {chain.name: chain for chain in change.chains if text.uses_epoch(chain)}
        for name in (*change.gone_sets, *change.gone_maps):
            self._keys.pop(name, None)
        self._keys |= _keys(change.sets, change.maps)

    def _bump(self, epoch: int) -> None:
        marks = self._loaded()
        if epoch == marks.epoch:
            return
        if epoch < marks.epoch:  # numbers begin anew, and connections may have this one from its last time
            conntrack.clear_marks(marks.mask, self._within)
        try:
            nft.run(text.bump(self._marking.values(), marks, epoch), self._within)
        except KernelError as error:
            raise KernelError(
                f"the rules are in force, but open connections are not judged by them: {error}", error.errno
            ) from error
        self._marks = marks.at(epoch)

    def _loaded(self) -> Marks:
        if self._marks is None:
            raise KernelError("nothing was loaded yet: the first change has to be a whole rule set")
        return self._marks


def _keys(sets: Iterable[Set], maps: Iterable[VerdictMap]) -> dict[str, Key]:
    return {one.name: one.key for one in sets} | {one.name: one.key for one in maps}
