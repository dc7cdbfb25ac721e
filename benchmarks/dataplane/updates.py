"""What a change costs: one pod, one peer, a policy, a new epoch, and the whole table, among 100,000 set elements."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from benchmarks.dataplane.kuberouter import restored_rules, restored_sets
from benchmarks.dataplane.namespaces import Lane, opened_lane, run
from benchmarks.dataplane.ours import compiled, kernel_of, local_pod, peer_pod, policy_rules, whole
from benchmarks.dataplane.scenario import Policy, Rule, Scenario
from benchmarks.dataplane.table import Timed
from podwall.cluster.endpoints import Endpoint
from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler
from podwall.dataplane.kernel import NftKernel
from podwall.engine.index import key_of

__all__ = ["FILLED", "ours_updated", "shape_updated"]

FILLED = Scenario(110, 10, apps=11, peers=228)  # 100,320 elements
_LOADS = 9
_NEW_POD, _NEW_PEER = "10.2.9.9", "10.200.0.1"


def ours_updated(times: int) -> Iterator[Timed]:
    """Each change made, and taken back; milliseconds of the compiler and of the kernel."""
    with opened_lane("updates", [FILLED.target.address]) as lane:
        compiler, kernel = compiled(FILLED), kernel_of(lane)
        first = whole(compiler)
        yield Timed("full load", [], [_loaded(kernel, first) for _ in range(_LOADS)])
        again = [_clocked(lambda: kernel.apply(first)) for _ in range(_LOADS)]
        yield Timed("full load, in place of a table", [], again)
        yield _endpoint("one pod of a known group", _new_pod(), (compiler, kernel), times)
        yield _endpoint("one peer address", _new_peer(), (compiler, kernel), times)
        yield _policy((compiler, kernel), times)
        bumps = [_clocked(lambda: kernel.apply(compiler.bump())) for _ in range(times)]
        yield Timed("a new epoch", [], bumps)
        kernel.close()


def shape_updated(times: int) -> Iterator[Timed]:
    """One pod more in the compared shape: its sets' elements, and the table anew, as its controller does it."""
    with opened_lane("updates", [FILLED.target.address]) as lane:
        run(lane.node, ["ipset", "restore"], restored_sets(FILLED))
        rules = restored_rules(FILLED)
        run(lane.node, ["iptables-legacy-restore"], rules)
        sets = [line.split()[1] for line in restored_sets(FILLED).splitlines() if line.startswith("create KUBE-DST")]
        added = "".join(f"add -exist {name} {_NEW_POD} timeout 0\n" for name in sets[: FILLED.policies])
        restored = [_clocked(lambda: _restore(lane, added, rules)) for _ in range(times)]
        yield Timed("one pod, in the iptables shape", [], restored)


def _loaded(kernel: NftKernel, table: Change) -> float:
    kernel.remove()
    return _clocked(lambda: kernel.apply(table))


def _restore(lane: Lane, added: str, rules: str) -> None:
    run(lane.node, ["ipset", "restore"], added)
    run(lane.node, ["iptables-legacy-restore"], rules)


def _endpoint(name: str, endpoint: Endpoint, ours: tuple[Compiler, NftKernel], times: int) -> Timed:
    compiler, kernel = ours
    timed = Timed(name, [], [])
    for _ in range(times):
        _change(timed, ours, lambda: compiler.put_endpoint(endpoint))
        compiler.drop_endpoint(key_of(endpoint))
        kernel.apply(compiler.flush())
    return timed


def _policy(ours: tuple[Compiler, NftKernel], times: int) -> Timed:
    """A policy more for one app: other chains, and the sets that they look at."""
    compiler, kernel = ours
    last = FILLED.every_policy[-1]
    more = policy_rules(Policy(f"{last.name}-more", last.app, (Rule(last.rules[0].peers[:4], 7_000),)))
    timed = Timed("one policy", [], [])
    for _ in range(times):
        _change(timed, ours, lambda: compiler.put_policy(more))
        compiler.drop_policy(more.policy)
        kernel.apply(compiler.flush())
    return timed


def _change(timed: Timed, ours: tuple[Compiler, NftKernel], event: Callable[[], None]) -> None:
    compiler, kernel = ours
    begin = time.perf_counter()
    event()
    change = compiler.flush()
    timed.compiler.append((time.perf_counter() - begin) * 1_000)
    timed.kernel.append(_clocked(lambda: kernel.apply(change)))


def _clocked(do: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    do()
    return (time.perf_counter() - begin) * 1_000


def _new_pod() -> Endpoint:
    """One that is in the sets of others, too."""
    peer = _new_peer()
    pod = local_pod("pod-new", FILLED.target.app, _NEW_POD)
    return Endpoint("Pod", pod.namespace, pod.name, {**peer.labels, **pod.labels}, pod.addresses, node=pod.node)


def _new_peer() -> Endpoint:
    return peer_pod(FILLED.every_policy[0], 0, FILLED.peers, _NEW_PEER)
