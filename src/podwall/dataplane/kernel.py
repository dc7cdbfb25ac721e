"""The kernel of this node, or of a network namespace: structure by nft, elements by netlink, behind the door."""

from __future__ import annotations

from contextlib import nullcontext

from podwall.dataplane import nft, text
from podwall.dataplane.change import Change
from podwall.dataplane.ruleset import Chain, Ruleset
from podwall.errors import KernelError

__all__ = ["NftKernel"]


class NftKernel:
    """Our table in the kernel. What is not a whole table is applied only after a whole one."""

    def __init__(self, within: nft.Within = nullcontext) -> None:
        self._within = within
        self._marks: text.Marks | None = None
        self._marking: dict[str, Chain] = {}

    def apply(self, change: Change) -> None:
        """As `door.Kernel` says. Where only the epoch fails, the error says that the rest is in force."""
        if change.whole is not None:
            self._load(change.whole)
        elif change:
            self._alter(change)
        if change.epoch:
            self._bump(change.epoch)

    def _load(self, ruleset: Ruleset) -> None:
        nft.run(text.structure(ruleset), self._within, check=True)
        nft.run(text.load(ruleset), self._within)
        self._marks = text.Marks.of(ruleset)
        self._marking = {name: chain for name, chain in ruleset.chains.items() if text.uses_epoch(chain)}

    def _alter(self, change: Change) -> None:
        nft.run(text.alteration(change, self._loaded()), self._within)
        for chain in change.chains:
            self._marking.pop(chain.name, None)
            if text.uses_epoch(chain):
                self._marking[chain.name] = chain
        for name in change.gone_chains:
            self._marking.pop(name, None)

    def _bump(self, epoch: int) -> None:
        marks = self._loaded()
        if epoch != marks.epoch:
            nft.run(text.bump(self._marking.values(), marks, epoch), self._within)
            self._marks = marks.at(epoch)

    def _loaded(self) -> text.Marks:
        if self._marks is None:
            raise KernelError("nothing was loaded yet: the first change has to be a whole rule set")
        return self._marks
