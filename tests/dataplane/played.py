"""Plays random scenarios on the twin and on the real kernel, and prints where they differ.

`unshare -n python -m tests.dataplane.played FIRST COUNT` (with `-Ur` where one is not root): the process must have a
network namespace of its own, which becomes the node.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random

from podwall.dataplane.change import Change, difference
from podwall.dataplane.door import Kernel
from podwall.dataplane.fake import FakeKernel
from podwall.dataplane.kernel import NftKernel
from podwall.dataplane.packet import Packet
from podwall.dataplane.ruleset import Count
from podwall.dataplane.tracking import Node
from tests.dataplane.scenarios import SERVICES, Scenario, Step, notrack, random_scenario
from tests.dataplane.wires import Wires, counts, forget, marks


class Both:
    """The twin and the real kernel, with the same packets sent through them."""

    def __init__(self, wires: Wires, real: Kernel) -> None:
        self._fake, self._real, self._wires = FakeKernel(), real, wires
        self._node = Node(self._fake, SERVICES, notrack)
        self._sent: set[Packet] = set()
        self._counted: Counter[tuple[str, int]] = Counter()
        self.sent = self.accepted = 0

    def apply(self, change: Change) -> Iterator[str]:
        before = self._fake.ruleset
        self._fake.apply(change)
        if before and 0 < change.epoch < before.epoch:  # the real door does so itself (dataplane.md 4.4)
            self._node.unmark(before.mask)
        self._real.apply(change)
        if self._fake.dump() != self._real.dump():
            yield f"after {change}: {self._fake.dump()} is not {self._real.dump()}"

    def send(self, step: Step) -> Iterator[str]:
        """A packet through both, if it may be sent yet."""
        packet = step.packet
        if any(one not in self._sent or self._node.mark(one) is None for one in step.after):
            return
        self._sent.add(packet)
        fate = self._node.send(packet, step.hook, step.about)
        self._counted.update(fate.counted)
        seen = self._wires.arrives(packet, step.side, step.about)
        self.sent, self.accepted = self.sent + 1, self.accepted + seen
        if seen is not fate.accepted:
            yield f"{step}: {fate}, but it {'came through' if seen else 'was dropped'}"

    def steps(self, steps: Iterable[Step]) -> Iterator[str]:
        """Packets; then whether both counted them at the same rules, and have the same connections and marks."""
        self._counted.clear()
        before = counts()
        for step in steps:
            yield from self.send(step)
        after = counts()
        real = {name: [a - b for a, b in zip(after[name], before[name], strict=True)] for name in after}
        if real != self._counts():
            yield f"counters are {self._counts()}, but there {real}"
        if self._node.marks() != marks():
            yield f"connections are {self._node.marks()}, but there {marks()}"

    def _counts(self) -> dict[str, list[int]]:
        """As `wires.counts` has it of the real kernel."""
        assert self._fake.ruleset is not None
        found: dict[str, list[int]] = {}
        for chain in self._fake.ruleset.chains.values():
            for index, rule in enumerate(chain.rules):
                if Count() in rule.statements:
                    found.setdefault(chain.name, []).append(self._counted[chain.name, index])
        return found


def played(both: Both, scenario: Scenario) -> Iterator[str]:
    yield from both.apply(Change(whole=scenario.old))
    yield from both.steps(scenario.before)
    yield from both.apply(difference(scenario.old, scenario.new))
    yield from both.steps(scenario.later)


def main(first: int, count: int) -> int:
    """Prints differences and a summary; 1 where there is one."""
    wires, real = Wires(), NftKernel()
    differences = sent = accepted = 0
    for seed in range(first, first + count):
        forget()
        both = Both(wires, real)
        for found in played(both, random_scenario(Random(seed))):
            differences += 1
            print(f"seed {seed}: {found}", flush=True)
        sent, accepted = sent + both.sent, accepted + both.accepted
    wires.close()
    print(f"{count} scenarios, {sent} packets sent, {accepted} came through, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
