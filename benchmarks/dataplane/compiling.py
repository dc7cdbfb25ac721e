"""How long the rules of one node of a big cluster take, in a process that does nothing else.

    python -m benchmarks.dataplane.compiling CLUSTER NODE

The cluster is read as every command reads it, outside of the clock, which runs from the engine's rules and endpoints to
the whole table as plain data. It prints a `Compiled` as JSON.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from podwall.dataplane.compiler import Compiler
from podwall.engine.model import Model
from podwall.ops.inputs import Inputs, open_cluster

__all__ = ["Compiled", "compiled_apart"]

_ROOT = Path(__file__).resolve().parents[2]
_SHAPE = ("shape", "--pods", "100000", "--pods-per-ns", "80")
_NODE = "node-00500"


class Compiled(msgspec.Struct, frozen=True):
    """What a cluster has, how many pods are the node's, how long it took, and what came out of it."""

    seconds: float
    endpoints: int
    policies: int
    local: int
    chains: int
    elements: int


def compiled_apart(folder: Path) -> Compiled:
    """Make the cluster in `folder`, and compile it in a process of its own."""
    cluster = folder / "cluster.json"
    subprocess.run([sys.executable, "-m", "benchmarks.clusters", *_SHAPE, "--out", str(cluster)], check=True, cwd=_ROOT)
    command = [sys.executable, "-m", "benchmarks.dataplane.compiling", str(cluster), _NODE]
    done = subprocess.run(command, check=True, cwd=_ROOT, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Compiled)


def _compiled(model: Model, node: str) -> Compiler:
    compiler = Compiler(node, model.profile)
    for bucket in model.cluster.namespaces.values():
        compiler.put_namespace(bucket.name, bucket.labels)
    for endpoint in model.endpoints:
        compiler.put_endpoint(endpoint)
    for policy in model.index.policies.values():
        compiler.put_policy(policy)
    compiler.flush()
    return compiler


def main() -> None:
    """Read, compile, and say how long that took."""
    gc.disable()  # as the command line does
    path, node = sys.argv[1:]
    model = open_cluster(Inputs(filenames=(path,))).model
    begin = time.perf_counter()
    ruleset = _compiled(model, node).ruleset()
    seconds = time.perf_counter() - begin
    local = sum(endpoint.node == node for endpoint in model.endpoints)
    elements = sum(len(one.elements) for one in ruleset.sets.values())
    elements += sum(len(one.elements) for one in ruleset.maps.values())
    counts = len(model.endpoints), len(model.index.policies), local
    print(msgspec.json.encode(Compiled(seconds, *counts, len(ruleset.chains), elements)).decode())


if __name__ == "__main__":
    main()
