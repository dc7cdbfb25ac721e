"""Prints every mutant with the cases that catch it: `python -m tests.mutants.report`. Writes nothing."""

from __future__ import annotations

import sys

from tests.mutants.results import Result, ask
from tests.mutants.table import load_mutants
from tests.truth.cases import load_cases


def main() -> int:
    """The table, then the totals; 1 if a mutant survives, crashes where it should not, or cannot be made."""
    unchanged, *results = ask(every=True)
    covers = {case.file.stem: case.covers for case in load_cases()}
    bad = [f"unchanged fails {case}: {fault}" for case, fault in (unchanged.caught | unchanged.crashed).items()]
    for mutant, result in zip(load_mutants(), results, strict=True):
        own = [case for case in result.caught if mutant.item in covers[case]]
        print(f"{mutant.item:4} {mutant.name}")
        print(f"     {mutant.edits[0].file:32} {_caught(own, result)}")
        bad += _bad(mutant.crashes, own, result)
    print(f"\n{len(results)} mutants, {sum(bool(r.caught) for r in results)} caught, {len(covers)} cases")
    for text in [*(f"not asked: {case}: {reason}" for case, reason in unchanged.skipped.items()), *bad]:
        print(text)
    return 1 if bad else 0


def _caught(own: list[str], result: Result) -> str:
    others = len(result.caught) - len(own)
    return ", ".join(own) + (f" and {others} more" if others else "") if own else f"{others} cases, none of its item"


def _bad(crashes: bool, own: list[str], result: Result) -> list[str]:
    if result.stale:
        return [f"cannot be made: {result.mutant}: {result.stale}"]
    broken = {} if crashes else result.crashed
    survived = [] if own else [f"survives the cases of its item: {result.mutant}"]
    return survived + [f"crashes: {result.mutant}: {case}: {error}" for case, error in broken.items()]


if __name__ == "__main__":
    sys.exit(main())
