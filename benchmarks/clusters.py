"""Clusters for benchmarks, made from a few numbers: the same arguments give the same bytes.

    python benchmarks/clusters.py shape --pods 10000 --out cluster.json
    python benchmarks/clusters.py shape --pods 100000 --pods-per-ns 80 --full --indent 4 --out big.json
    python benchmarks/clusters.py hostile --out hostile.json
    python benchmarks/clusters.py queries --pods 10000 --count 100000 --out queries.jsonl

`shape` is a cluster as teams run it: namespaces of like size, each under a default deny with DNS, its own namespace,
metrics and the outside allowed, and calls between namespaces that a policy at either end allows. `hostile` is what an
algorithm that counts on few label sets and narrow peers does worst: no two pods are alike, and every peer selects over
the whole cluster. `queries` are questions for `podwall verdict` about the pods of a `shape`.

Objects come out of generators one by one and are written as they come, so that memory does not grow with the pods.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import msgspec

if not __package__:  # started as a script: `benchmarks` lies beside its folder, not in it
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.generate.hostile import Hostile, hostile
from benchmarks.generate.objects import Object
from benchmarks.generate.shape import Shape, queries, shape
from benchmarks.generate.writing import write_json, write_lines, write_yaml

__all__ = ["Hostile", "Shape", "hostile", "queries", "shape", "write_json", "write_lines", "write_yaml"]


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, spec in (("shape", Shape), ("hostile", Hostile), ("queries", Shape)):
        command = commands.add_parser(name)
        for field in msgspec.structs.fields(spec):
            flag = f"--{field.name.replace('_', '-')}"
            if field.type is bool:
                command.add_argument(flag, action="store_true", help="pods of about 3 KB, as real dumps have them")
            else:
                command.add_argument(flag, type=int, required=field.required, default=field.default)
        command.add_argument("--out", type=Path, help="default: standard output")
        if name == "queries":
            command.add_argument("--count", type=int, default=100_000)
        else:
            command.add_argument("--format", choices=("json", "yaml"), default="json")
            command.add_argument("--indent", type=int, default=0, help="of JSON; kubectl's is 4")
        command.set_defaults(spec=spec)
    return parser


def main() -> None:
    """Write what the command line asks for."""
    parser = _arguments()
    arguments = parser.parse_args()
    try:
        spec = msgspec.convert(vars(arguments), arguments.spec)
    except msgspec.ValidationError as wrong:
        parser.error(str(wrong))
    with arguments.out.open("wb") if arguments.out else nullcontext(sys.stdout.buffer) as stream:
        if arguments.command == "queries":
            write_lines(queries(spec, arguments.count), stream)
        elif arguments.format == "yaml":
            write_yaml(_objects(spec), stream)
        else:
            write_json(_objects(spec), stream, arguments.indent)


def _objects(spec: Shape | Hostile) -> Iterator[Object]:
    return shape(spec) if isinstance(spec, Shape) else hostile(spec)


if __name__ == "__main__":
    main()
