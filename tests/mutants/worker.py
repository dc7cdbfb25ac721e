"""A process of its own that asks some of the mutants and prints a line of JSON for each: `worker SHARE OF [every]`.

It asks every OF-th mutant, from number SHARE on: those cases that cover the mutant's item until one catches it, or with
`every` all of them. The Podwall without a change, number 0, always gets all.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from tests.mutants.imports import Tree
from tests.mutants.results import Result
from tests.mutants.table import UNCHANGED, Mutant, StaleEdit, load_mutants
from tests.truth.cases import Case, load_cases


def main(share: int, of: int, *, every: bool) -> None:
    """Asks the mutants of one share."""
    cases = load_cases()
    tree = Tree()
    sys.meta_path.insert(0, tree)
    with TemporaryDirectory() as folder:
        files = written(cases, Path(folder))
        for mutant in [UNCHANGED, *load_mutants()][share::of]:
            asked = Asked(mutant, cases, files)
            print(json.dumps(asked.result(tree, every=every or mutant is UNCHANGED).plain()), flush=True)


def written(cases: list[Case], folder: Path) -> dict[str, Path]:
    """The objects of every case in a file of their own, by the case's name."""
    files = {}
    for case in cases:
        path = files[case.file.stem] = folder / case.file.name
        path.write_text(case.file.read_text("utf-8").partition("\n---\n")[2], "utf-8")
    return files


class Asked:
    """One mutant and the cases that it is asked."""

    def __init__(self, mutant: Mutant, cases: list[Case], files: dict[str, Path]) -> None:
        self._mutant = mutant
        self._cases = sorted(cases, key=lambda case: mutant.item not in case.covers)
        self._files = files

    def result(self, tree: Tree, *, every: bool) -> Result:
        """Which cases catch it, and how."""
        result = Result(self._mutant.name)
        try:
            checks = tree.checks(self._mutant.sources())
        except StaleEdit as error:
            result.stale = str(error)
            return result
        except Exception as error:  # noqa: BLE001 - a mutant may break in any way
            result.crashed["import"] = repr(error)
            return result
        for case in self._cases:
            if every or self._mutant.item in case.covers:
                self._ask(checks, case, result)
                if result.caught and not every:
                    break
        return result

    def _ask(self, checks: ModuleType, case: Case, result: Result) -> None:
        """Enters the first thing that is wrong."""
        name = case.file.stem
        reason = checks.not_asked(case)
        if reason:
            result.skipped[name] = reason
            return
        try:
            fault = next(checks.faults(case, self._files[name]), "")
        except Exception as error:  # noqa: BLE001 - a mutant may break in any way
            result.crashed[name] = repr(error)
        else:
            if fault:
                result.caught[name] = fault


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), every="every" in sys.argv[3:])
