"""A process of its own that asks some mutants of the data plane and prints a line of JSON for each, as `worker` does:
`dataplane_worker SHARE OF [every]`. What `worker` calls a case is a test here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.mutants.imports import Tree
from tests.mutants.results import Result
from tests.mutants.table import UNCHANGED, Mutant, StaleEdit, load_mutants

TABLE = Path(__file__).with_name("table_dataplane.yaml")


def main(share: int, of: int, *, every: bool) -> None:
    """Asks the mutants of one share."""
    tree = Tree()
    sys.meta_path.insert(0, tree)
    for mutant in [UNCHANGED, *load_mutants(TABLE)][share::of]:
        print(json.dumps(result(tree, mutant, every=every or mutant is UNCHANGED).plain()), flush=True)


def result(tree: Tree, mutant: Mutant, *, every: bool) -> Result:
    """Which tests catch a mutant; without `every`, the first one."""
    result = Result(mutant.name)
    try:
        checks = tree.checks(mutant.sources(), "tests.mutants.dataplane_checks").checks(mutant.item)
    except StaleEdit as error:
        result.stale = str(error)
        return result
    except Exception as error:  # noqa: BLE001 - a mutant may break in any way
        result.crashed["import"] = repr(error)
        return result
    _enter(result, checks, every=every)
    return result


def _enter(result: Result, checks: Iterable[tuple[str, Callable[[], str]]], *, every: bool) -> None:
    for name, check in checks:
        try:
            fault = check()
        except Exception as error:  # noqa: BLE001 - a mutant may break in any way
            result.crashed[name] = repr(error)
        else:
            if fault:
                result.caught[name] = fault
        if not every and (result.caught or len(result.crashed) > FEW):
            return


FEW = 1  # crashes, after which nothing else is expected of a mutant


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), every="every" in sys.argv[3:])
