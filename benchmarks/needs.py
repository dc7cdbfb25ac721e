"""How well Podwall finds the needs of applications that nobody has described to it, by how they are declared.

    python benchmarks/needs.py
    python benchmarks/needs.py --applications 1000 --seed 7 --by place --json needs.json

Applications are random (`applications/`), each with needs that it declares in one of many styles, with questions that
must be left (hosts outside, Services that are not in the input), and with noise that looks like either. Recall is the
share of declared connections and questions that are found, precision the share of what is found that is declared; what
is made up is counted where it was found. Noise declares nothing, so that it can only be wrong. Needs are counted by the
text or object that declares them, and one is found only if all its connections are; made up ones count one by one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

if not __package__:  # started as a script: `benchmarks` lies beside its folder, not in it
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.applications.application import Statement
from benchmarks.applications.generate import random_application
from benchmarks.applications.judge import Judgement

SORTS = ("form", "place", "host")
HEADER = ("declared as", "declared", "found", "recall", "wrong", "precision")
_UNKNOWN = "elsewhere"


class Score(msgspec.Struct):
    """Statements that declare something, how many of them are found, and what was made up beside them."""

    declared: int = 0
    found: int = 0
    wrong: int = 0

    @property
    def recall(self) -> float | None:
        """None where nothing is declared."""
        return self.found / self.declared if self.declared else None

    @property
    def precision(self) -> float | None:
        """None where nothing is found."""
        every = self.found + self.wrong
        return self.found / every if every else None

    def __iadd__(self, other: Score) -> Self:
        self.declared += other.declared
        self.found += other.found
        self.wrong += other.wrong
        return self


class Scores:
    """Scores by form, place and host; everything of noise is one row of each."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Score]] = {sort: {} for sort in SORTS}
        self.total = Score()
        self.pieces_of_noise = 0
        self.passed_over = 0

    def add(self, seed: int) -> None:
        """The application of a seed."""
        judged = Judgement(random_application(seed))
        for statement in judged.application.statements:
            self.pieces_of_noise += statement.is_noise
            if not statement.is_noise:
                self._count(statement, Score(declared=1, found=int(judged.is_found(statement))))
        for blamed in _made_up(judged):
            self._count(blamed, Score(wrong=1))
        self.passed_over += len(judged.silent)

    def _count(self, statement: Statement | None, score: Score) -> None:
        self.total += score
        for sort in SORTS:
            row = _row(statement, sort)
            if row:
                held = self.rows[sort].setdefault(row, Score())
                held += score


def _made_up(judged: Judgement) -> Iterator[Statement | None]:
    """For every connection and question that nothing declares, the statement that it was found in."""
    for connection, evidence in judged.wrong.items():
        yield judged.blamed(connection.source, evidence)
    for question in judged.wrong_questions:
        yield judged.blamed(f"{question.subject.namespace}/{question.subject.name}", question.evidence)


def _row(statement: Statement | None, sort: str) -> str:
    if statement is None:
        return _UNKNOWN
    if statement.is_noise and sort != "place":
        return "noise"
    if statement.asked is not None and sort == "form":
        return f"question: {statement.host.partition(',')[0]}"
    return {"form": statement.form, "place": statement.place, "host": statement.host}[sort]


# -------------------------------------------------------------------------------------------------------------- table
def _print_table(rows: dict[str, Score]) -> None:
    lines = [
        HEADER,
        *(_cells(name, rows[name]) for name in sorted(rows, key=lambda name: (-rows[name].declared, name))),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    for line in lines:
        first, *numbers = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([line[0].ljust(len(first)), *numbers]))


def _cells(name: str, score: Score) -> tuple[str, ...]:
    counts = (f"{score.declared:,}", f"{score.found:,}", _share(score.recall), f"{score.wrong:,}")
    return (name, *counts, _share(score.precision))


def _share(value: float | None) -> str:
    """Rounded down, so that 100 % means all of them."""
    return "" if value is None else f"{int(value * 1000) / 10:.1f} %"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--applications", type=int, default=500, help="how many (default: 500)")
    parser.add_argument("--seed", type=int, default=1_000_000, help="of the first one (default: 1,000,000)")
    parser.add_argument("--by", action="append", choices=SORTS, help="this table (repeatable); default: form")
    parser.add_argument("--json", type=Path, dest="report", help="write the figures to this file too")
    return parser.parse_args()


def main() -> None:
    """Count, and print the tables that are asked for."""
    arguments = _arguments()
    scores = Scores()
    for seed in range(arguments.seed, arguments.seed + arguments.applications):
        scores.add(seed)
    for sort in arguments.by or ("form",):
        _print_table({**scores.rows[sort], "all": scores.total})
        print()
    print(
        f"{arguments.applications:,} applications from seed {arguments.seed:,}; {scores.pieces_of_noise:,} pieces of "
        f"noise; {scores.passed_over:,} unreadable Secrets and ConfigMaps passed over in silence"
    )
    if arguments.report:
        report = {"applications": arguments.applications, "seed": arguments.seed, "rows": scores.rows}
        arguments.report.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


if __name__ == "__main__":
    main()
