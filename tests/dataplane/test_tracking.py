"""Packets played through a node in memory, before and after its rules change."""

import msgspec
import pytest

from podwall.dataplane.change import Change, difference
from podwall.dataplane.fake import FakeKernel
from podwall.dataplane.packet import Packet
from podwall.dataplane.ruleset import (
    Accept,
    AddressIs,
    Chain,
    Drop,
    EpochIs,
    Field,
    Hook,
    NotSyn,
    PickedUp,
    PickUp,
    Protocol,
    Rule,
    Ruleset,
    SetEpoch,
    State,
    View,
)
from podwall.dataplane.tracking import Node
from tests.dataplane.scenarios import FIRST
from tests.dataplane.walk_cases import CLIENT, SERVER, VIP

EPOCH, LATER = 1 << 15, 2 << 15
TCP, UDP, ICMP = 6, 17, 1
FROM_CLIENT = AddressIs(View.TRACKED, Field.SOURCE, "10.0.0.0/24")


def table(*rules: Rule, epoch: int = EPOCH) -> Ruleset:
    """Related packets pass, then `rules`; what they leave is marked, and judged once in each epoch."""
    judged = (Rule((State("related"),), (Accept(),)), Rule((EpochIs(),), (Accept(),)), *rules, Rule((), (SetEpoch(),)))
    chains = [Chain("c_forward", judged, Hook.FORWARD), Chain("c_input", (Rule((), (Drop(),)),), Hook.INPUT)]
    return Ruleset({chain.name: chain for chain in chains}, {}, {}, {}, epoch)


DENY = Rule((FROM_CLIENT,), (Drop(),))
OPEN, CLOSED = table(), table(DENY)


def node(ruleset: Ruleset | None = OPEN, services: bool = False) -> tuple[FakeKernel, Node]:
    kernel = FakeKernel()
    if ruleset is not None:
        kernel.apply(Change(whole=ruleset))
    targets = {(VIP[4], protocol, 8080): (SERVER[4], 80) for protocol in (TCP, UDP)}
    return kernel, Node(kernel, targets if services else None, notrack=lambda packet: packet.port == 53)


def there(protocol: int = TCP, to: bytes = SERVER[4], port: int = 80, syn: bool = True, ack: bool = False) -> Packet:
    return Packet(CLIENT[4], to, protocol, 40000, port, syn and protocol == TCP, ack)


def back(packet: Packet) -> Packet:
    """What the server answers, as it arrives at the node."""
    return Packet(SERVER[4], packet.source, packet.protocol, 80, packet.source_port, packet.syn, packet.protocol == TCP)


def later(rule: Rule | None = None) -> Ruleset:
    return table(*([rule] if rule else []), epoch=LATER)


@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_a_connection_is_marked_and_answered(protocol: int) -> None:
    _, one = node()
    first = there(protocol)
    assert one.mark(first) is None
    assert one.send(first).accepted
    assert (one.mark(first), one.mark(back(first))) == (EPOCH, EPOCH)
    assert one.send(back(first)).accepted


def test_nothing_is_kept_of_a_connection_that_is_denied() -> None:
    _, one = node(CLOSED)
    assert not one.send(there()).accepted
    assert one.mark(there()) is None


def test_an_open_connection_is_cut_on_its_next_packet_in_either_direction() -> None:
    kernel, one = node()
    assert one.send(there()).accepted
    kernel.apply(difference(OPEN, later(DENY)))
    assert not one.send(back(there())).accepted
    assert not one.send(there(syn=False, ack=True)).accepted


def test_without_a_new_epoch_an_open_connection_stays() -> None:
    kernel, one = node()
    assert one.send(there()).accepted
    kernel.apply(difference(OPEN, CLOSED))
    assert one.send(back(there())).accepted


def test_an_open_connection_that_stays_allowed_gets_the_new_epoch() -> None:
    kernel, one = node()
    one.send(there())
    kernel.apply(difference(OPEN, later()))
    assert one.send(back(there())).accepted
    assert one.mark(there()) == LATER


def test_between_the_two_transactions_no_packet_gets_the_new_mark() -> None:
    marks: list[int | None] = []

    def committed(_: Ruleset) -> None:
        one.send(there())
        marks.append(one.mark(there()))

    kernel = FakeKernel(committed)
    one = Node(kernel)
    kernel.apply(Change(whole=OPEN))
    kernel.apply(difference(OPEN, later(DENY)))
    assert marks == [EPOCH, EPOCH, EPOCH]
    assert not one.send(there()).accepted


def test_answers_of_connections_older_than_the_table_are_judged_by_their_original_direction() -> None:
    for ruleset, accepted in ((CLOSED, False), (OPEN, True)):
        kernel, one = node(None)
        assert one.send(there()).accepted
        assert one.mark(there()) == 0
        kernel.apply(Change(whole=ruleset))
        assert one.send(back(there())).accepted is accepted


@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_a_service_is_judged_by_its_target(protocol: int) -> None:
    deny = Rule((AddressIs(View.TRACKED, Field.DESTINATION, "10.0.1.2/32"),), (Drop(),))
    header = Rule((AddressIs(View.HEADER, Field.SOURCE, "10.0.1.2/32"), State("established")), (Drop(),))
    asked = there(protocol, VIP[4], 8080)
    assert not node(table(deny), services=True)[1].send(asked).accepted
    _, one = node(table(header), services=True)
    assert one.send(asked).accepted
    assert one.send(back(asked)).accepted  # it is marked already
    assert one.mark(asked) == one.mark(back(asked)) == EPOCH


def test_untracked_packets_have_no_connection() -> None:
    _, one = node(table(Rule((State("untracked"),), (Drop(),))))
    assert not one.send(there(UDP, port=53)).accepted
    assert node()[1].send(there(UDP, port=53)).mark == 0


@pytest.mark.parametrize(("packet", "state"), FIRST)
def test_the_state_of_a_first_packet(packet: Packet, state: str) -> None:
    _, one = node(table(Rule((State(state),), (Drop(),))))
    assert not one.send(packet).accepted


def test_a_connection_is_established_from_its_first_answer_on() -> None:
    _, one = node(table(Rule((State("established"),), (Drop(),)), Rule((State("new"),), (Accept(),))))
    assert one.send(there()).accepted
    assert one.send(there()).accepted
    assert not one.send(back(there())).accepted
    assert not one.send(there()).accepted


def test_an_echo_is_answered() -> None:
    _, one = node()
    asked = Packet(CLIENT[4], SERVER[4], ICMP, 7, 7, icmp=8)
    assert one.send(asked).accepted
    assert one.send(Packet(SERVER[4], CLIENT[4], ICMP, 7, 7, icmp=0)).mark == EPOCH


def test_errors_about_a_connection_are_related_in_a_later_epoch_too() -> None:
    kernel, one = node(services=True)
    asked = there(UDP, VIP[4], 8080)
    one.send(asked)
    kernel.apply(difference(OPEN, later(DENY)))
    quoted = msgspec.structs.replace(asked, destination=SERVER[4], port=80)
    unreachable = Packet(SERVER[4], CLIENT[4], ICMP, icmp=3)
    assert one.send(unreachable, about=quoted).accepted
    assert one.mark(asked) == EPOCH
    assert one.send(unreachable, about=there(TCP)).mark == 0  # about nothing that is known


def test_tcp_is_picked_up_in_the_middle_by_whoever_speaks_first() -> None:
    picked = Rule((Protocol("TCP"), State("new"), NotSyn()), (PickUp(),))
    reverse = Rule((PickedUp(), AddressIs(View.REVERSED, Field.SOURCE, "10.0.0.0/24")), (SetEpoch(), Accept()))
    _, one = node(table(picked, reverse, Rule((), (Drop(),))))
    assert one.send(back(there(syn=False))).accepted
    assert one.mark(there()) == EPOCH | 1 << 31
    one.forget()
    assert one.mark(there()) is None


def test_marks_are_cleared_before_epochs_begin_anew() -> None:
    kernel, one = node()
    one.send(there())
    kernel.apply(difference(OPEN, later(DENY)))
    one.unmark(CLOSED.mask)
    kernel.apply(difference(later(DENY), CLOSED))
    assert kernel.ruleset == CLOSED
    assert not one.send(there()).accepted


def test_packets_to_the_node_itself_come_to_the_other_hook() -> None:
    _, one = node()
    assert not one.send(there(), Hook.INPUT).accepted
    assert one.send(there()).accepted
