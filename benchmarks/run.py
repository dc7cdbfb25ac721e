"""How long Podwall takes from a file to an answer, as a user would wait for it, and how much memory.

    python benchmarks/run.py
    python benchmarks/run.py --only 2k --only 10k --runs 9 --json figures.json --cache /var/tmp/clusters

Each figure is the median of several whole processes, interpreter start included, with the lowest and the highest run
beside it; memory is the highest of their peaks as the kernel counts it. Inputs are made by `clusters.py`, laid out as
kubectl prints them, and lie in the page cache when the clock starts. Targets stand beside the figures: a missed one is
shown, not an error. Where network-config-analyzer is installed, it gets the smallest cluster too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import IO, Any

import msgspec

if not __package__:  # started as a script: `benchmarks` lies beside its folder, not in it
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import machine

HERE = Path(__file__).resolve().parent
GENERATOR = HERE / "clusters.py"
QUERIES = 100_000
SMALL = ("shape", "--pods", "2000")
MEDIUM = ("shape", "--pods", "10000")
LARGE = ("shape", "--pods", "100000", "--pods-per-ns", "80")
TIERED = ("--cluster-policies", "20")


class Row(msgspec.Struct, frozen=True):
    """A line of the table: what is run on which cluster, and the targets in seconds and MB (None: no target)."""

    name: str
    does: str
    cluster: tuple[str, ...] = ()
    pods: int | None = None
    policies: int | None = None
    seconds: float | None = None
    megabytes: float | None = None


ROWS = (
    Row("help", "help", seconds=0.15),
    Row("2k", "summary", SMALL, 2_000, 800, seconds=0.35, megabytes=80),
    Row("10k", "summary", MEDIUM, 10_000, 4_000, seconds=0.8, megabytes=150),
    Row("10k-tiers", "summary", (*MEDIUM, *TIERED), 10_000, 4_020, seconds=0.8, megabytes=150),
    Row("100k", "summary", LARGE, 100_000, 10_000, seconds=4, megabytes=800),
    Row("100k-tiers", "summary", (*LARGE, *TIERED), 100_000, 10_020, seconds=4, megabytes=800),
    Row("100k-full", "summary", (*LARGE, "--full"), 100_000, 10_000, seconds=5),
    Row("hostile", "summary", ("hostile",), 60_000, 4_000, megabytes=1_500),
    Row("diff-10k", "diff", MEDIUM, 10_000, 4_000, seconds=2),
    Row("verdicts", "verdict", MEDIUM, 10_000, 4_000, seconds=2),
    Row("check-10k", "check", MEDIUM, 10_000, 4_000, seconds=5),
    Row("nca-2k", "nca", SMALL, 2_000, 800),
)
MEANING = {
    "help": "podwall --help",
    "summary": "podwall map --summary",
    "diff": "podwall diff, both sides JSON, one policy of the new one edited",
    "verdict": f"podwall verdict, {QUERIES:,} queries, beyond reading",
    "check": "podwall check -o json",
    "nca": "nca --connectivity, the same cluster as YAML",
}


class Settings(msgspec.Struct, frozen=True):
    """What the command line says."""

    podwall: str
    nca: str | None
    cache: Path
    runs: int
    indent: int
    limit: float


class Run(msgspec.Struct, frozen=True):
    """One process: wall time in seconds, peak resident memory in MB (10⁶ bytes), what it said on both streams."""

    wall: float
    peak: float
    output: bytes
    said: str = ""


class Figures(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a row came to. `counts` is the summary's JSON, `reading` the share of the time that reading the input takes;
    `problem` says why there is no figure.
    """

    walls: tuple[float, ...] = ()
    peak: float | None = None
    file: float | None = None
    reading: float | None = None
    counts: dict[str, Any] = {}
    problem: str = ""


class Failed(Exception):
    """A process that was measured gave no answer."""


# ---------------------------------------------------------------------------------------------------------- measuring
def measure(command: list[str], limit: float, code: int = 0) -> Run:
    """Run a command and wait for it with its resource usage.

    The kernel hands the peak of a forking process on to its child. That is why clusters are generated in processes of
    their own and this one stays small.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        killer = Timer(limit, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode == -signal.SIGKILL and wall >= limit:
            raise Failed(f"stopped after {limit:.0f} s")
        if process.returncode != code:
            raise Failed(f"exit {process.returncode}: {_last_line(errors)}")
        output.seek(0)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
        return Run(wall, usage.ru_maxrss * _RSS_UNIT / 1e6, output.read(), said)


_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # getrusage(2): bytes on macOS, KiB on Linux


def _last_line(stream: IO[bytes]) -> str:
    stream.seek(0)
    lines = stream.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"


def _help(_: Row, settings: Settings) -> Figures:
    return _figures([measure([settings.podwall, "--help"], settings.limit) for _ in range(settings.runs)])


def _summary(row: Row, settings: Settings) -> Figures:
    cluster = _cluster(row, settings)
    command = [settings.podwall, "map", "--summary", "-v", "-o", "json", "-f", str(cluster)]
    runs = [measure(command, settings.limit) for _ in range(settings.runs)]
    counts = json.loads(runs[0].output)
    shares = [_reading(run) for run in runs]
    share = statistics.median(s for s in shares if s is not None) if any(shares) else None
    return msgspec.structs.replace(_figures(runs), file=cluster.stat().st_size / 1e6, counts=counts, reading=share)


def _reading(run: Run) -> float | None:
    """The share of a run that went into reading its input, which `-v` tells."""
    told = re.search(r"^read: ([0-9.]+) s$", run.said, re.MULTILINE)
    return float(told[1]) / run.wall if told else None


def _diff(row: Row, settings: Settings) -> Figures:
    """Two dumps that differ in one policy; exit 1 says that they do."""
    old = _cluster(row, settings)
    new = _edited(old)
    command = [settings.podwall, "diff", str(old), str(new)]
    runs = [measure(command, settings.limit, code=1) for _ in range(settings.runs)]
    if b"1 edit: " not in runs[0].output:
        raise Failed("one edit was made, and another number found")
    return msgspec.structs.replace(_figures(runs), file=2 * old.stat().st_size / 1e6)


def _edited(old: Path) -> Path:
    """The dump with one policy's port to the outside changed."""
    new = old.with_name(f"edited-{old.name}")
    if not new.exists():
        data = old.read_bytes()
        middle = data.index(b'"port": 443', len(data) * 9 // 10)
        new.write_bytes(data[:middle] + data[middle:].replace(b'"port": 443', b'"port": 444', 1))
    return new


def _verdict(row: Row, settings: Settings) -> Figures:
    """Time with all queries minus time with one, run in pairs."""
    cluster = _cluster(row, settings)
    many, one = (_made("jsonl", ("queries", *row.cluster[1:], "--count", str(n)), settings) for n in (QUERIES, 1))
    command = [settings.podwall, "verdict", "-f", str(cluster), "--queries"]
    pairs = [
        (measure([*command, str(many)], settings.limit), measure([*command, str(one)], settings.limit))
        for _ in range(settings.runs)
    ]
    _check_answers(pairs[0][0].output)
    beyond = [Run(long.wall - short.wall, long.peak, b"") for long, short in pairs]
    return msgspec.structs.replace(_figures(beyond), file=cluster.stat().st_size / 1e6)


def _check_answers(output: bytes) -> None:
    answered = output.count(b'"verdict"')
    if answered != QUERIES:
        raise Failed(f"{answered:,} of {QUERIES:,} queries answered")


def _check(row: Row, settings: Settings) -> Figures:
    cluster = _cluster(row, settings)
    command = [settings.podwall, "check", "--no-project", "--fail-on", "never", "-v", "-o", "json", "-f", str(cluster)]
    runs = [measure(command, settings.limit) for _ in range(settings.runs)]
    shares = [share for share in map(_reading, runs) if share is not None]
    reading = statistics.median(shares) if shares else None
    return msgspec.structs.replace(_figures(runs), file=cluster.stat().st_size / 1e6, reading=reading)


def _nca(row: Row, settings: Settings) -> Figures:
    if settings.nca is None:
        raise Failed("not installed (pip install network-config-analyzer)")
    cluster = _made("yaml", (*row.cluster, "--format", "yaml"), settings)
    run = measure([settings.nca, "--connectivity", "--return_0", "-r", str(cluster)], settings.limit)  # once: a minute
    if not run.output.strip():
        raise Failed("no output")
    return msgspec.structs.replace(_figures([run]), file=cluster.stat().st_size / 1e6)


def _figures(runs: list[Run]) -> Figures:
    return Figures(tuple(run.wall for run in runs), max(run.peak for run in runs))


DOES: dict[str, Callable[[Row, Settings], Figures]] = {
    "help": _help,
    "summary": _summary,
    "verdict": _verdict,
    "diff": _diff,
    "check": _check,
    "nca": _nca,
}


# ------------------------------------------------------------------------------------------------------------- inputs
def _cluster(row: Row, settings: Settings) -> Path:
    return _made("json", (*row.cluster, "--indent", str(settings.indent)), settings)


def _made(suffix: str, arguments: tuple[str, ...], settings: Settings) -> Path:
    """The generated file for these arguments, from the cache where this very generator has made it before."""
    name = "-".join(argument.removeprefix("--") for argument in arguments)
    path = settings.cache / f"{name}.{_generator_version()}.{suffix}"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        subprocess.run([sys.executable, str(GENERATOR), *arguments, "--out", str(unfinished)], check=True)
        unfinished.replace(path)
    return path


def _generator_version() -> str:
    sources = [GENERATOR, *sorted((HERE / "generate").glob("*.py"))]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]


@contextmanager
def _cache(given: Path | None) -> Iterator[Path]:
    if given is None:
        with tempfile.TemporaryDirectory(prefix="podwall-benchmarks-") as folder:
            yield Path(folder)
    else:
        given.mkdir(parents=True, exist_ok=True)
        yield given


# -------------------------------------------------------------------------------------------------------------- table
HEADER = ("row", "pods", "policies", "classes", "file", "reading", "wall (min–max)", "target", "peak", "target")


def _cells(row: Row, figures: Figures) -> list[str]:
    if figures.problem:
        return [row.name, _count(row.pods), _count(row.policies), "", "", "", figures.problem]
    median = statistics.median(figures.walls)
    peak = figures.peak or 0.0
    return [
        row.name,
        _count(row.pods),
        _count(row.policies),
        _count(figures.counts.get("classes")),
        f"{figures.file:.0f} MB" if figures.file else "",
        f"{figures.reading:.0%}" if figures.reading else "",
        f"{median:.2f} s ({min(figures.walls):.2f}–{max(figures.walls):.2f})",
        _target(median, row.seconds, "s"),
        f"{peak:.0f} MB",
        _target(peak, row.megabytes, "MB"),
    ]


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _target(value: float, target: float | None, unit: str) -> str:
    return "" if target is None else f"{target:g} {unit} {'ok' if value <= target else 'MISSED'}"


def _print_table(results: list[tuple[Row, Figures]]) -> None:
    lines = [list(HEADER), *(_cells(row, figures) for row, figures in results)]
    widths = [max(len(line[column]) for line in lines if len(line) == len(HEADER)) for column in range(len(HEADER))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)).rstrip())
    for kind in dict.fromkeys(row.does for row, _ in results):
        print(f"{', '.join(row.name for row, _ in results if row.does == kind)}: {MEANING[kind]}")


def _as_json(results: list[tuple[Row, Figures]], settings: Settings) -> bytes:
    rows = []
    for row, figures in results:
        median = statistics.median(figures.walls) if figures.walls else None
        rows.append({**msgspec.to_builtins(row), **msgspec.to_builtins(figures), "median": median})
    report = {"machine": machine(), "runs": settings.runs, "indent": settings.indent, "rows": rows}
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


# ------------------------------------------------------------------------------------------------------- command line
def _beside_python(program: str) -> str | None:
    beside = Path(sys.executable).parent / program
    return str(beside) if beside.exists() else shutil.which(program)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [row.name for row in ROWS]
    parser.add_argument("--only", action="append", choices=names, help="this row (repeatable); default: all")
    parser.add_argument("--runs", type=int, default=5, help="processes for each figure (default: 5)")
    parser.add_argument("--indent", type=int, default=4, help="of the JSON input (default: 4, as kubectl prints it)")
    parser.add_argument("--cache", type=Path, help="keep generated files here (default: a folder that is removed)")
    parser.add_argument("--limit", type=float, default=600, help="seconds after which a process is stopped")
    parser.add_argument("--json", type=Path, dest="report", help="write the figures to this file too")
    parser.add_argument("--podwall", default=_beside_python("podwall"), help="default: beside this Python, or on PATH")
    parser.add_argument("--nca", default=_beside_python("nca"), help="default: beside this Python, or on PATH")
    arguments = parser.parse_args()
    if arguments.podwall is None:
        parser.error("no podwall beside this Python or on the PATH: install it (pip install .) or give --podwall")
    if arguments.runs < 1:
        parser.error("--runs must be positive")
    return arguments


def _result(row: Row, settings: Settings) -> Figures:
    print(f"{row.name} …", file=sys.stderr, flush=True)
    try:
        return DOES[row.does](row, settings)
    except Failed as failed:
        return Figures(problem=str(failed))


def main() -> int:
    """Print the table; 1 if Podwall itself failed somewhere, 0 otherwise, targets met or not."""
    arguments = _arguments()
    with _cache(arguments.cache) as cache:
        settings = Settings(
            arguments.podwall, arguments.nca, cache.resolve(), arguments.runs, arguments.indent, arguments.limit
        )
        chosen = [row for row in ROWS if arguments.only is None or row.name in arguments.only]
        results = [(row, _result(row, settings)) for row in chosen]
    on = machine()
    print(f"{on['cpu']}, {on['cores']} cores, {on['memoryGB']} GB, Python {on['python']}")
    _print_table(results)
    if arguments.report:
        arguments.report.write_bytes(_as_json(results, settings))
    return int(any(figures.problem and row.does != "nca" for row, figures in results))


if __name__ == "__main__":
    sys.exit(main())
