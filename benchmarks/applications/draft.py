"""An application while it is made: a sheet for each workload, what has been stated, and the names that are taken."""

from __future__ import annotations

from random import Random

from benchmarks.applications.application import Connection, Object, Statement
from benchmarks.applications.sheet import Sheet
from benchmarks.applications.world import Service, Workload, World

__all__ = ["Draft"]

_MORE = ("PRIMARY", "REMOTE", "BACKUP", "LEGACY", "INTERNAL", "MAIN", "PEER", "STAGE")


class Draft:
    """One application; `objects` are those beside workloads and Services."""

    def __init__(self, rng: Random, world: World) -> None:
        self.rng = rng
        self.world = world
        self.sheets = {workload.key: Sheet(rng, workload) for workload in world.workloads}
        self.services = list(world.services)
        self.statements: list[Statement] = []
        self.objects: list[Object] = []
        self.tolerated: set[Connection] = set()
        self._said: set[Connection] = set()
        self._stems: set[str] = set()

    def is_new(self, connections: frozenset[Connection]) -> bool:
        """Whether nobody has said any of it, so that only one statement can lead to it."""
        return bool(connections) and not connections & self._said

    def state(self, statement: Statement) -> None:
        """Keeps a statement that has been written."""
        self._said |= statement.connections
        self.statements.append(statement)

    def stem(self, name: str) -> str:
        """What the keys of one statement begin with: after whom it names, and used once in the application."""
        plain = name.upper().replace("-", "_").replace(".", "_")
        tried = [plain, *(f"{word}_{plain}" for word in _MORE)]
        found = next((one for one in tried if one not in self._stems), f"{plain}_{len(self._stems)}")
        self._stems.add(found)
        return found

    def strangers(self, workload: Workload) -> list[Service]:
        """The Services of a workload's namespace that it has not been said to call, and that are not its own."""
        called = {c.destination for c in self._said if c.source == workload.key} | {workload.key}
        here = (s for s in self.world.services if s.namespace == workload.namespace)
        return [s for s in here if not called & {w.key for w in self.world.behind(s)}]
