"""Messages and attributes to bytes and back; elements as messages; and no bytes that reading would fail on."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from podwall.dataplane import elements, reading, wire
from podwall.dataplane.change import Change
from podwall.dataplane.connections import Ends, cleared, connection
from podwall.dataplane.nflog import logged
from podwall.dataplane.ruleset import Key, Ruleset, Set, VerdictMap, address_key

SETTINGS = settings(max_examples=300, deadline=None, derandomize=True)
ATTRIBUTES = st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40)), max_size=8)


@SETTINGS
@given(ATTRIBUTES)
def test_attributes_come_back_as_they_were(parts: list[tuple[int, bytes]]) -> None:
    data = b"".join(wire.attribute(kind, payload) for kind, payload in parts)
    assert len(data) % 4 == 0
    assert list(wire.attributes(data)) == parts
    assert list(wire.attributes(wire.nested(7, data)[4:])) == parts


@SETTINGS
@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.binary(max_size=40)), max_size=5))
def test_messages_come_back_as_they_were(parts: list[tuple[int, int, bytes]]) -> None:
    padded = [(kind, number, body + bytes(-len(body) % 4)) for kind, number, body in parts]
    data = b"".join(wire.packed(kind, 0, number, body) for kind, number, body in padded)
    assert [(one.kind, one.sequence, one.body) for one in wire.messages(data)] == padded


@SETTINGS
@given(ATTRIBUTES, st.integers(0, 400), st.binary(max_size=60))
def test_what_is_cut_off_or_garbage_ends_the_reading(parts: list[tuple[int, bytes]], cut: int, garbage: bytes) -> None:
    whole = b"".join(wire.attribute(kind, payload) for kind, payload in parts)
    found = list(wire.attributes(whole[:cut]))
    assert found == parts[: len(found)]
    for data in (garbage, whole[:cut], whole + garbage):
        list(wire.attributes(data))
        list(wire.messages(data))
        connection(data)
        cleared(data, 0xFFFF)
        logged(wire.found(data, 4))


@SETTINGS
@given(st.dictionaries(st.integers(1, 20), st.binary(max_size=60), max_size=6), st.binary(min_size=1, max_size=80))
def test_a_kernel_that_answers_garbage_about_our_table_is_read_without_a_failure(
    parts: dict[int, bytes], garbage: bytes
) -> None:
    body = wire.generic(1) + b"".join(wire.attribute(kind, payload) for kind, payload in parts.items())
    reading.read(lambda _: [body])
    reading.read(lambda _: [wire.generic(1) + garbage])


def test_elements_go_before_others_come_and_lists_stay_below_64_kib() -> None:
    keys = frozenset(address_key(number, 4) for number in range(10_000))
    change = Change(
        added={"s_x": keys}, removed={"s_y": keys}, routed={"m_x": {b"aaaa": "c_x"}}, unrouted={"m_x": {b"aaaa": "c_y"}}
    )
    sent = list(elements.edits(change))
    assert [one.about(-1) for one in sent] == ["s_y"] * 3 + ["m_x"] + ["s_x"] * 3 + ["m_x"]
    assert all(len(one.body) < 65_536 for one in sent)
    said = {
        name for one in sent for name in [one.about(place) for place in range(0, len(one.body), 4)] if " of " in name
    }
    assert len(said) == 20_001
    assert "element 0.0.39.15 of s_x" in said


def test_all_elements_of_a_rule_set_but_intervals_are_sent() -> None:
    sets = (
        Set("s_x", Key.ADDRESS4, frozenset({b"aaaa", b"bbbb"})),
        Set("s_r", Key.ADDRESS4, intervals=((b"aaaa", b"bbbb"),)),
        Set("f_x", Key.FLOW4, flows=True),
    )
    ruleset = Ruleset(
        {}, {one.name: one for one in sets}, {"m_x": VerdictMap("m_x", Key.ADDRESS4, {b"aaaa": "c_x"})}, {}, 0x8000
    )
    assert [one.about(-1) for one in elements.filling(ruleset)] == ["s_x", "m_x"]


def test_a_packet_tells_how_it_was_addressed_before_dnat_where_the_kernel_does() -> None:
    addresses = wire.nested(1, wire.attribute(1, b"aaaa"), wire.attribute(2, b"bbbb"))
    ports = wire.nested(2, wire.attribute(1, b"\6"), wire.attribute(2, b"\0\1"), wire.attribute(3, b"\0\2"))
    one = logged({18: wire.nested(1, addresses, ports), 3: (7).to_bytes(8) + (9).to_bytes(8)})
    assert one.before == Ends(b"aaaa", b"bbbb", 1, 2)
    assert one.time == 7_000_009_000
    assert logged({}).before is None
