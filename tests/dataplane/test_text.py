"""What is said to nft: every kind of match and statement word by word, and the order of a transaction's parts."""

from __future__ import annotations

import typing
from collections.abc import Iterator

import msgspec
import pytest

from podwall.dataplane import text
from podwall.dataplane.change import Change
from podwall.dataplane.door import digest
from podwall.dataplane.phrases import Marks, asked, done
from podwall.dataplane.ruleset import (
    Accept,
    AddressIs,
    Chain,
    Count,
    Dispatch,
    Drop,
    EpochIs,
    Field,
    Goto,
    Hook,
    Icmp6Type,
    Jump,
    Key,
    Log,
    Lookup,
    Loopback,
    Match,
    NotSyn,
    PickedUp,
    PickUp,
    PortIn,
    Protocol,
    Return,
    Rule,
    Ruleset,
    Set,
    SetEpoch,
    State,
    Statement,
    VerdictMap,
    View,
    address_key,
    port_key,
)
from podwall.dataplane.sample import RULESET

MARKS = Marks(0x18000, 0x7FFF8000, 0x80000000)
TRACKED, REVERSED, HEADER = View
ADDRESS = address_key(0x0A000001, 4)
LOG = 'log prefix "pw1|E|I|g_1" group 5 snaplen 96'

MATCHES: list[tuple[Match, str]] = [
    (Lookup(TRACKED, (Field.SOURCE,), "s_a4", 4), "ct original ip saddr @s_a4"),
    (Lookup(TRACKED, (Field.DESTINATION,), "s_a6", 6), "ct reply ip6 saddr @s_a6"),
    (Lookup(REVERSED, (Field.SOURCE,), "s_a4", 4), "ct reply ip saddr @s_a4"),
    (Lookup(REVERSED, (Field.DESTINATION,), "s_a4", 4, negated=True), "ct original ip saddr != @s_a4"),
    (Lookup(HEADER, (Field.SOURCE,), "s_a6", 6), "ip6 saddr @s_a6"),
    (Lookup(HEADER, (Field.DESTINATION,), "s_a4", 4), "ip daddr @s_a4"),
    (Lookup(TRACKED, (Field.PROTOCOL, Field.PORT), "s_p"), "meta l4proto . ct reply proto-src @s_p"),
    (Lookup(REVERSED, (Field.PROTOCOL, Field.PORT), "s_p"), "meta l4proto . ct original proto-src @s_p"),
    (
        Lookup(HEADER, (Field.DESTINATION, Field.PROTOCOL, Field.PORT), "s_p4", 4),
        "ip daddr . meta l4proto . th dport @s_p4",
    ),
    (AddressIs(TRACKED, Field.SOURCE, "10.0.0.0/8"), "ct original ip saddr 10.0.0.0/8"),
    (AddressIs(HEADER, Field.DESTINATION, "fd00::/8"), "ip6 daddr fd00::/8"),
    (Protocol("TCP"), "meta l4proto tcp"),
    (Protocol("UDP"), "meta l4proto udp"),
    (Protocol("SCTP"), "meta l4proto sctp"),
    (Protocol("ICMP"), "meta l4proto icmp"),
    (Protocol("ICMPv6"), "meta l4proto icmpv6"),
    (PortIn(TRACKED, 80, 80), "ct reply proto-src 80"),
    (PortIn(REVERSED, 80, 90), "ct original proto-src 80-90"),
    (PortIn(HEADER, 1, 65535), "th dport 1-65535"),
    (State("untracked"), "ct state untracked"),
    (EpochIs(), "ct mark & 0x7fff8000 == 0x18000"),
    (PickedUp(), "ct mark & 0x80000000 == 0x80000000"),
    (NotSyn(), "tcp flags & (syn | ack) != syn"),
    (Icmp6Type(133, 137), "icmpv6 type 133-137"),
    (Loopback(), 'iif "lo"'),
]
STATEMENTS: list[tuple[Statement, str]] = [
    (Accept(), "accept"),
    (Drop(), "drop"),
    (Return(), "return"),
    (Jump("c_x"), "jump c_x"),
    (Goto("c_x"), "goto c_x"),
    (Dispatch(TRACKED, Field.SOURCE, "m_4", 4), "ct original ip saddr vmap @m_4"),
    (Dispatch(REVERSED, Field.SOURCE, "m_6", 6), "ct reply ip6 saddr vmap @m_6"),
    (Dispatch(HEADER, Field.DESTINATION, "m_4", 4), "ip daddr vmap @m_4"),
    (SetEpoch(), "ct mark set ct mark & 0x80007fff | 0x18000"),
    (PickUp(), "ct mark set ct mark | 0x80000000"),
    (Count(), "counter"),
    (Log("pw1|E|I|g_1", 5), LOG),
    (Log("pw1|E|I|g_1", 5, rate=9), f"limit rate 9/second burst 9 packets {LOG}"),
    (
        Log("pw1|E|I|g_1", 5, "f_4", 4),
        f"update @f_4 {{ ct original ip saddr . ct reply ip saddr . meta l4proto limit rate 1/second }} {LOG}",
    ),
]


@pytest.mark.parametrize(("match", "said"), MATCHES)
def test_what_a_rule_asks(match: Match, said: str) -> None:
    assert asked(match, MARKS) == said


@pytest.mark.parametrize(("statement", "said"), STATEMENTS)
def test_what_a_rule_does(statement: Statement, said: str) -> None:
    assert done(statement, MARKS) == said


def _parts() -> Iterator[msgspec.Struct]:
    for chain in RULESET.chains.values():
        for rule in chain.rules:
            yield from (*rule.matches, *rule.statements)


def test_every_kind_has_a_case_here_and_in_the_sample_that_kernels_are_tried_with() -> None:
    kinds = {*typing.get_args(Match), *typing.get_args(Statement)}
    assert {type(part) for part, _ in (*MATCHES, *STATEMENTS)} == kinds
    assert {type(part) for part in _parts()} == kinds


def test_the_sample_has_every_key_hook_view_field_family_and_log() -> None:
    assert {one.key for one in RULESET.sets.values()} == set(Key)
    assert {chain.hook for chain in RULESET.chains.values()} == {*Hook, None}
    lookups = [part for part in _parts() if isinstance(part, Lookup)]
    read = {(part.view, field, part.family) for part in lookups for field in part.fields}
    assert read >= {(view, field, family) for view in View for field in Field for family in (4, 6)}
    dispatched = {(part.view, part.field, part.family) for part in _parts() if isinstance(part, Dispatch)}
    ends = (Field.SOURCE, Field.DESTINATION)
    assert dispatched == {(view, field, family) for view in View for field in ends for family in (4, 6)}
    logs = [part for part in _parts() if isinstance(part, Log)]
    assert {(bool(part.seen), bool(part.rate)) for part in logs} == {
        (a, b) for a in (False, True) for b in (False, True)
    }


def _lines(chain: Chain) -> list[str]:
    return text.load(Ruleset({chain.name: chain}, {}, {}, {}, 0x8000)).split("\n")


@pytest.mark.parametrize("log", [Log("pw1|E|I|g_1", 5, rate=1), Log("pw1|E|I|g_1", 5, "f_4", 4)])
def test_what_follows_a_bounded_log_is_a_rule_of_its_own(log: Log) -> None:
    chain = Chain("c_x", (Rule((State("new"),), (Count(), log, Drop())),))
    lines = _lines(chain)
    place = next(place for place, line in enumerate(lines) if " counter " in line)
    assert lines[place].startswith("ct state new counter ")
    assert lines[place].endswith(f'snaplen 96 comment "pw1 {digest(chain)} 2"')
    assert lines[place + 1] == "ct state new drop"


@pytest.mark.parametrize("statements", [(Count(), Log("pw1|E|I|g_1", 5), Drop()), (Log("pw1|E|I|g_1", 5, rate=1),)])
def test_what_cannot_end_early_is_one_rule(statements: tuple[Statement, ...]) -> None:
    assert any(line.endswith(' 1"') for line in _lines(Chain("c_x", (Rule((State("new"),), statements),))))


@pytest.mark.parametrize(
    ("comment", "told"),
    [("pw1 8d679de6d03fad30 7", ("8d679de6d03fad30", 7)), ("pw1 8d679de6d03fad30", ("", 0)), ("mine", ("", 0))],
)
def test_a_comment_tells_the_digest_and_the_number_of_rules(comment: str, told: tuple[str, int]) -> None:
    assert text.told(comment) == told


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (ADDRESS, "10.0.0.1"),
        (address_key(1, 6), "0000:0000:0000:0000:0000:0000:0000:0001"),
        (port_key("SCTP", 65535), "132 . 65535"),
        (ADDRESS + port_key("TCP", 80), "10.0.0.1 . 6 . 80"),
        (address_key(1, 6) + port_key("UDP", 53), "0000:0000:0000:0000:0000:0000:0000:0001 . 17 . 53"),
        (b"abc", "616263"),
    ],
)
def test_an_element_is_said_by_what_it_is_made_of(value: bytes, said: str) -> None:
    assert text.element(value) == said


def test_a_change_says_what_comes_before_what_refers_to_it_and_ends_with_what_goes() -> None:
    change = Change(
        chains=(Chain("c_new", (Rule((Lookup(TRACKED, (Field.SOURCE,), "s_new", 4),), (Drop(),)),)),),
        sets=(Set("s_new", Key.ADDRESS4, frozenset({ADDRESS})),),
        maps=(VerdictMap("m_new", Key.ADDRESS4, {ADDRESS: "c_new"}),),
        gone_chains=("c_old",),
        gone_sets=("s_old",),
        gone_maps=("m_old",),
        added={"s_kept": frozenset({ADDRESS})},
        removed={"s_kept": frozenset({address_key(2, 4)})},
        routed={"m_kept": {ADDRESS: "c_new"}},
        unrouted={"m_kept": {ADDRESS: "c_old"}},
    )
    said = text.alteration(change, MARKS, {"s_kept": Key.ADDRESS4, "m_kept": Key.ADDRESS4})
    order = (
        "chain c_new {  }",
        "set s_new {",
        "map m_new {",
        "flush chain inet podwall c_new",
        "flush chain inet podwall c_old",
        "ct original ip saddr @s_new drop",
        "delete element inet podwall s_kept {\n0.0.0.2\n}",
        "delete element inet podwall m_kept {\n10.0.0.1\n}",
        "set s_kept { type ipv4_addr; elements = {\n10.0.0.1\n} }",
        "map m_kept { type ipv4_addr : verdict; elements = {\n10.0.0.1 : jump c_new\n} }",
        "delete map inet podwall m_old",
        "delete chain inet podwall c_old",
        "delete set inet podwall s_old",
    )
    places = [said.index(part) for part in order]
    assert places == sorted(places)


def test_a_rule_set_in_another_order_is_said_with_the_same_bytes() -> None:
    def turned(of: dict[str, typing.Any]) -> dict[str, typing.Any]:
        return dict(reversed(of.items()))

    other = msgspec.structs.replace(
        RULESET, chains=turned(RULESET.chains), sets=turned(RULESET.sets), maps=turned(RULESET.maps)
    )
    assert text.load(other) == text.load(RULESET)


def test_no_set_is_anonymous() -> None:
    rules = [line for line in text.load(RULESET).split("\n") if "elements" not in line and "{" in line]
    assert all(line.startswith(("table ", "set ", "map ", "chain ")) or "update @" in line for line in rules)


@pytest.mark.parametrize("name", ["", "x", "c x", 'c_"', "c_x; drop", "C_x", "c_x\n", "1_x", "c_é"])
def test_a_name_that_nft_could_take_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        _lines(Chain(name, ()))


@pytest.mark.parametrize("prefix", ["", 'pw1"', "pw1\n", "x" * 128])
def test_a_prefix_that_nft_could_take_for_something_else_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="cannot be a prefix"):
        _lines(Chain("c_x", (Rule((), (Log(prefix, 5),)),)))
