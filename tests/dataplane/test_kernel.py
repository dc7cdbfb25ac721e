"""The real kernel, in namespaces of our own: afterwards there is what was asked for, or what was there before."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import pytest

from podwall.dataplane import nft, text
from podwall.dataplane.change import Change, applied, difference
from podwall.dataplane.door import held
from podwall.dataplane.kernel import NftKernel
from podwall.dataplane.netlink import Within
from podwall.dataplane.ruleset import (
    Accept,
    Chain,
    Drop,
    EpochIs,
    Hook,
    Jump,
    Key,
    PortIn,
    Protocol,
    Rule,
    Ruleset,
    Set,
    SetEpoch,
    VerdictMap,
    View,
    address_key,
    port_key,
)
from podwall.dataplane.sample import RULESET
from podwall.errors import KernelError
from tests.dataplane.rulesets import another, some

EPOCH, LATER = 0x8000, 0x10000
SET, MAP = "s_any4", "m_any4"
HERE, MISSING, NEW = (address_key(number, 4) for number in (0xC0000201, 0xC0000202, 0xC0000203))


def loaded(ruleset: Ruleset = RULESET) -> NftKernel:
    kernel = NftKernel()
    kernel.apply(Change(whole=ruleset))
    return kernel


@pytest.mark.namespace
def test_no_table_is_no_rule_set() -> None:
    assert NftKernel().dump() is None


@pytest.mark.namespace
def test_another_table_is_no_rule_set_and_stays() -> None:
    nft.run("table inet other { chain podwall { } ; set s_any4 { type mark; } ; }", contextlib.nullcontext)
    assert NftKernel().dump() is None
    kernel = loaded()
    assert kernel.dump() == held(RULESET)
    nft.run("delete table inet other", contextlib.nullcontext)


@pytest.mark.namespace
@pytest.mark.parametrize("times", [1, 2])
def test_a_whole_rule_set_is_read_back_as_it_was_written(times: int) -> None:
    kernel = NftKernel()
    for _ in range(times):
        kernel.apply(Change(whole=RULESET))
    assert kernel.dump() == held(RULESET)


@pytest.mark.namespace("user")
def test_the_root_of_a_user_namespace_has_the_same_kernel() -> None:
    kernel = NftKernel()
    kernel.preflight()
    kernel.apply(Change(whole=RULESET))
    kernel.apply(Change(added={SET: frozenset({NEW})}, epoch=LATER))
    assert kernel.dump() == held(applied(RULESET, Change(added={SET: frozenset({NEW})}, epoch=LATER)))


@pytest.mark.namespace
@pytest.mark.parametrize("seed", range(40))
def test_what_is_there_after_each_of_many_changes_is_what_was_asked_for(seed: int) -> None:
    random = Random(seed)
    there = some(random)
    kernel = loaded(there)
    for step in range(12):
        wanted = another(random, there)
        change = Change(whole=wanted) if step % 6 == 5 else difference(there, wanted)
        kernel.apply(change)
        there = applied(there, change)
        assert held(there) == held(wanted)
        assert kernel.dump() == held(there)


# What a change may get wrong, and what the error names.
WRONG: dict[str, tuple[Change, str]] = {
    "an element that is not there goes": (Change(removed={SET: frozenset({MISSING})}), "192.0.2.2"),
    "one of two is not there": (Change(removed={SET: frozenset({HERE, MISSING})}), "192.0.2.2"),
    "a route that is not there goes": (Change(unrouted={MAP: {MISSING: "c_empty"}}), "192.0.2.2"),
    "a route that is there gets another chain": (Change(routed={MAP: {HERE: "c_empty"}}), "192.0.2.1"),
    "a route to no chain": (Change(routed={MAP: {NEW: "c_missing"}}), "192.0.2.3"),
    "a route to a base chain": (Change(routed={MAP: {NEW: "c_forward"}}), "192.0.2.3"),
    "an element of no set": (Change(added={"s_missing4": frozenset({NEW})}), "s_missing4"),
    "a key of another length": (Change(added={SET: frozenset({NEW + port_key("TCP", 1)})}), "192.0.2.3 . 6 . 1"),
    "a set that is used goes": (Change(gone_sets=(SET,)), SET),
    "a chain that is used goes": (Change(gone_chains=("c_logs",)), "c_logs"),
    "a chain that is not there goes": (Change(gone_chains=("c_missing",)), "c_missing"),
    "a rule with no chain to go to": (Change(chains=(Chain("c_new", (Rule((), (Jump("c_missing"),)),)),)), "c_missing"),
    "a loop": (Change(chains=(Chain("c_ports", (Rule((), (Jump("c_rest"),)),)),)), ""),
    "elements of no set beside structure": (
        Change(added={"s_missing4": frozenset({NEW})}, chains=(Chain("c_new", ()),)),
        "s_missing4",
    ),
    "a missing element beside structure": (
        Change(removed={SET: frozenset({MISSING})}, chains=(Chain("c_new", ()),)),
        "192.0.2.2",
    ),
    "a whole rule set with no chain to go to": (
        Change(whole=msgspec.structs.replace(RULESET, chains={"c_x": Chain("c_x", (Rule((), (Jump("c_y"),)),))})),
        "c_y",
    ),
}


@pytest.mark.namespace
@pytest.mark.parametrize("case", WRONG)
def test_what_the_kernel_refuses_leaves_everything_as_it_was(case: str) -> None:
    change, named = WRONG[case]
    kernel = loaded()
    # What is right about it does not happen either.
    wrong = msgspec.structs.replace(change, epoch=LATER) if change.whole is None else change
    for refused in (wrong, msgspec.structs.replace(wrong, sets=(Set("s_new4", Key.ADDRESS4),))):
        with pytest.raises(KernelError) as caught:
            kernel.apply(refused)
        assert named in str(caught.value)
        assert "\n" not in str(caught.value)
        assert kernel.dump() == held(RULESET)
    kernel.apply(Change(added={SET: frozenset({NEW})}, epoch=LATER))
    assert kernel.dump() == held(applied(RULESET, Change(added={SET: frozenset({NEW})}, epoch=LATER)))


@pytest.mark.namespace
def test_a_first_table_that_is_refused_leaves_none() -> None:
    kernel = NftKernel()
    wrong = VerdictMap("m_any4", Key.ADDRESS4, {HERE: "c_missing"})
    with pytest.raises(KernelError, match=r"192\.0\.2\.1 of m_any4"):
        kernel.apply(Change(whole=msgspec.structs.replace(RULESET, maps={**RULESET.maps, "m_any4": wrong})))
    assert kernel.dump() is None
    with pytest.raises(KernelError, match="nothing was loaded"):
        kernel.apply(Change(added={SET: frozenset({NEW})}))


@pytest.mark.namespace
@pytest.mark.parametrize("seed", range(6))
def test_random_deletions_happen_all_or_not_at_all(seed: int) -> None:
    random = Random(seed)
    pool = [address_key(number, 4) for number in range(40)]
    there = frozenset(random.sample(pool, 20))
    ruleset = Ruleset({}, {"s_x": Set("s_x", Key.ADDRESS4, there)}, {}, {}, EPOCH)
    kernel = loaded(ruleset)
    for _ in range(200):
        gone = frozenset(random.sample(pool, random.randrange(1, 4)))
        change = Change(removed={"s_x": gone}, added={"s_x": frozenset(random.sample(pool, random.randrange(1, 4)))})
        if gone <= there:
            kernel.apply(change)
            ruleset = applied(ruleset, change)
            there = ruleset.sets["s_x"].elements
        else:
            with pytest.raises(KernelError) as caught:
                kernel.apply(change)
            assert caught.value.errno == errno.ENOENT
            assert any(text.element(key) in str(caught.value) for key in gone - there)
        found = kernel.dump()
        assert found is not None
        assert found.sets["s_x"] == there


def _rules(count: int) -> tuple[Rule, ...]:
    return tuple(Rule((Protocol("TCP"), PortIn(View.TRACKED, port, port)), (Drop(),)) for port in range(1, count + 1))


def _large() -> Ruleset:
    """More than a user who is not root may load in one transaction."""
    chains = {f"c_{number}": Chain(f"c_{number}", _rules(30)) for number in range(150)}
    chains["c_forward"] = Chain("c_forward", (Rule((EpochIs(),), (Accept(),)), Rule((), (SetEpoch(),))), Hook.FORWARD)
    keys = frozenset(address_key(number, 4) + port_key("UDP", 53) for number in range(20_000))
    routes = {address_key(number, 4): f"c_{number % 150}" for number in range(300)}
    sets = {"s_x": Set("s_x", Key.SERVICE4, keys)}
    return Ruleset(chains, sets, {"m_x": VerdictMap("m_x", Key.ADDRESS4, routes)}, {}, EPOCH)


@pytest.mark.namespace("user")
def test_a_first_table_may_be_larger_than_one_transaction() -> None:
    large = _large()
    kernel = loaded(large)
    assert kernel.dump() == held(large)
    with pytest.raises(KernelError, match=r"net\.core\.wmem_max") as caught:
        nft.run(text.load(large), contextlib.nullcontext)
    assert caught.value.errno == errno.EMSGSIZE


@pytest.mark.namespace
def test_a_hundred_thousand_elements_change_one_by_one() -> None:
    keys = [address_key(number, 4) for number in range(100_001)]
    ruleset = Ruleset({}, {"s_x": Set("s_x", Key.ADDRESS4, frozenset(keys[:-1]))}, {}, {}, EPOCH)
    kernel = loaded(ruleset)
    for change in (
        Change(added={"s_x": frozenset(keys[-1:])}),
        Change(removed={"s_x": frozenset(keys[:50_000])}),
        Change(added={"s_x": frozenset(keys[:1])}, epoch=LATER),
    ):
        kernel.apply(change)
        ruleset = applied(ruleset, change)
        assert kernel.dump() == held(ruleset)


@pytest.mark.namespace
@pytest.mark.parametrize(
    "edit",
    [
        "add rule inet podwall c_rest drop",
        "insert rule inet podwall c_rest drop",
        "flush chain inet podwall c_rest",
        "add rule inet podwall c_empty drop",
    ],
)
def test_a_chain_that_somebody_else_changed_is_seen(edit: str) -> None:
    kernel = loaded()
    nft.run(edit, contextlib.nullcontext)
    found = kernel.dump()
    assert found is not None
    wanted = held(RULESET).chains
    assert len([name for name, named in found.chains.items() if named != wanted[name]]) == 1


@pytest.mark.namespace
def test_a_bump_replaces_the_rules_that_know_the_epoch_and_no_others() -> None:
    with_counter = "table inet podwall { chain c_rest { counter packets 7 bytes 7; }; chain c_forward { counter; }; }"
    kernel = loaded()
    nft.run(with_counter, contextlib.nullcontext)
    kernel.apply(Change(epoch=LATER))
    found = kernel.dump()
    assert found is not None
    assert found.epoch == LATER
    # c_rest writes the epoch, c_forward asks for it: both are ours again.
    assert found.chains == held(RULESET).chains


@pytest.mark.namespace
@pytest.mark.parametrize("epoch", [0x1, 0x8000_0000, 0x8001])
def test_an_epoch_outside_of_the_mask_is_a_mistake_of_ours(epoch: int) -> None:
    kernel = loaded()
    with pytest.raises(ValueError, match="epoch"):
        kernel.apply(Change(added={SET: frozenset({NEW})}, epoch=epoch))
    assert kernel.dump() == held(RULESET)


def _other_namespace() -> Within:
    """Another network namespace, and how to enter it; this thread comes back."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    assert not libc.unshare(0x40000000)
    other = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    assert not libc.setns(home, 0)

    @contextlib.contextmanager
    def within() -> Iterator[None]:
        assert not libc.setns(other, 0)
        try:
            yield
        finally:
            assert not libc.setns(home, 0)

    return within


@pytest.mark.namespace
def test_a_kernel_is_that_of_the_namespace_that_it_was_given() -> None:
    within = _other_namespace()
    with closing(NftKernel(within)) as there, closing(NftKernel()) as here:
        there.preflight()
        there.apply(Change(whole=RULESET))
        there.apply(Change(added={SET: frozenset({NEW})}, epoch=LATER))
        there.apply(Change(chains=(Chain("c_new", ()),)))
        assert here.dump() is None
        assert there.dump() is not None
        here.apply(Change(whole=some(Random(1))))
        assert there.dump() != here.dump()
        with within():
            assert NftKernel().dump() == there.dump()


def _without_permission(then: Callable[[], object]) -> None:
    """As nobody, in a namespace that is somebody else's."""
    try:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    except OSError:
        pytest.skip("this user namespace has one user only")
    with pytest.raises(KernelError, match="CAP_NET_ADMIN") as caught:
        then()
    assert caught.value.errno == errno.EPERM


@pytest.mark.namespace
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up what it may")
@pytest.mark.parametrize("asked", ["preflight", "dump", "apply"])
def test_who_may_not_is_told_what_it_takes(asked: str) -> None:
    kernel = NftKernel()
    change = Change(whole=RULESET)
    calls = {"preflight": kernel.preflight, "dump": kernel.dump, "apply": lambda: kernel.apply(change)}
    _without_permission(calls[asked])


def test_where_there_is_no_nft_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(nft, "_PLACES", "")
    with pytest.raises(KernelError, match="install the package nftables"):
        nft.version()


@pytest.mark.parametrize(
    ("said", "told"), [("nftables v0.9.8 (E.D.S.)", "0.9.8 is too old"), ("nftables", "does not tell its version")]
)
def test_an_nft_that_is_too_old_is_named(said: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nft"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KernelError, match=told):
        nft.version()
