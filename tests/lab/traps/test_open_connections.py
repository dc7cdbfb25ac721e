"""Open connections when permissions change, and those that are older than the table."""

from __future__ import annotations

import msgspec
import pytest

from podwall.engine.index import key_of
from podwall.lab.plan import Link
from tests.lab.traps.scene import EVERYONE, FAMILIES, OPENING, allow, app, connects, pods, policy, scene
from tests.lab.worlds import service
from tests.truth.vocabulary import Object

INTO_B = policy("b", name="into-b", ingress=allow(app("a")))
NOBODY = policy("b", name="into-b", ingress=[])
OUT_OF_A = policy("a", name="out-of-a", egress=allow(app("b"), side="to", ports=[("TCP", 80), ("UDP", 80)]))
NOWHERE = policy("a", name="out-of-a", egress=[])
SPEAKERS = ("client", "server")


@pytest.mark.parametrize(("before", "after"), [(INTO_B, NOBODY), (OUT_OF_A, NOWHERE)], ids=["ingress", "egress"])
@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize("protocol", OPENING)
def test_it_is_cut_on_its_next_packet_when_its_permission_goes(
    protocol: str, speaker: str, before: Object, after: Object
) -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(before)
        talks = [OPENING[protocol](lab, "a", "b", 80, family=family) for family in FAMILIES]
        assert all(talk.alive() for talk in talks)
        lab.change(after)
        assert [talk.cut(speaker) for talk in talks] == [True, True]
        assert not connects(lab, "a", "b", 81)


@pytest.mark.parametrize("link", Link)
@pytest.mark.parametrize("protocol", OPENING)
def test_a_policy_that_goes_takes_its_permission_along(protocol: str, link: Link) -> None:
    """Where the policy that allows is another one than the policy that isolates; pods of one node and of two."""
    with scene(*pods("a", "b"), *pods("c", on="n2", first=3), link=link) as lab:
        isolating, allowing = policy("b", ingress=[]), policy("b", name="also", ingress=allow(app("a"), app("c")))
        lab.load(isolating, allowing)
        talks = [OPENING[protocol](lab, one, "b", 80, family=family) for one in "ac" for family in FAMILIES]
        lab.change(gone=[allowing])
        assert [talk.cut() for talk in talks] == [True] * 4
        assert [talk.cut("server") for talk in talks] == [True] * 4
        lab.change(allowing)
        assert all(talk.alive() for talk in talks)  # what was cut is told again by TCP, and goes on


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.parametrize("protocol", OPENING)
def test_it_survives_when_the_rules_around_its_permission_change(protocol: str, speaker: str) -> None:
    renamed = policy("b", name="renamed", ingress=allow(app("a")))
    further = policy("b", name="further", ingress=allow(app("c"), ports=[("TCP", 443), ("TCP", 444)]))
    changes: list[tuple[list[Object], list[Object]]] = [
        ([INTO_B], []),
        ([renamed], [INTO_B]),
        ([further, policy("", name="all", egress=allow(EVERYONE, side="to"))], []),
        ([policy("b", name="renamed", ingress=allow(app("a"), ports=[(protocol, 80)]))], []),
        ([], [further]),
        ([policy("c", ingress=[]), policy("a", ingress=[])], []),
    ]
    with scene(*pods("a", "b", "c")) as lab:
        lab.load(INTO_B)
        talks = [OPENING[protocol](lab, "a", "b", 80, family=family) for family in FAMILIES]
        seen = {mark for family in FAMILIES for mark in lab.marks(80)}
        for come, gone in changes:
            lab.change(*come, gone=gone)
            assert [talk.passes(speaker) for talk in talks] == [True, True]
            seen |= lab.marks(80)
        assert len(seen) >= 5  # it was judged again, and not just left alone


@pytest.mark.parametrize("protocol", OPENING)
def test_through_a_service(protocol: str) -> None:
    ports = [{"port": 80, "targetPort": 8080, "protocol": protocol}]
    families = {"ipFamilyPolicy": "RequireDualStack"}
    with scene(*pods("a", "b", "c"), service("b", 80, 8080, ports=ports, **families)) as lab:
        assert sorted(lab.services("b")) == [4, 6]
        lab.load(policy("b", name="into-b", ingress=allow(app("a"), ports=[(protocol, 8080)])))
        talks = [
            OPENING[protocol](lab, "a", "b", 8080, family=family, via=(address, 80))
            for family, address in lab.services("b").items()
        ]
        lab.change(policy("c", ingress=[]))
        assert all(talk.passes("server") and talk.passes() for talk in talks)
        lab.change(policy("b", name="into-b", ingress=allow(app("a"), ports=[(protocol, 80)])))
        assert [(talk.cut(), talk.cut("server")) for talk in talks] == [(True, True)] * len(talks)


@pytest.mark.parametrize("protocol", OPENING)
def test_labels_that_change_take_permissions_along(protocol: str) -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(INTO_B)
        talk = OPENING[protocol](lab, "a", "b", 80)
        lab.put_endpoint(msgspec.structs.replace(lab.endpoint("a"), labels={"app": "x"}))
        lab.commit()
        assert talk.cut()
        assert talk.cut("server")


# Older than the table


@pytest.mark.parametrize(
    ("policies", "lives"),
    [
        ([INTO_B], True),
        ([OUT_OF_A], True),
        ([INTO_B, OUT_OF_A, policy("a", ingress=[]), policy("b", egress=[])], True),
        ([policy("a", ingress=[])], True),  # answers come to a pod that nobody may ask
        ([policy("b", egress=[])], True),  # and leave one that may ask nobody
        ([NOBODY], False),
        ([NOWHERE], False),
        ([INTO_B, NOWHERE], False),
        ([policy("b", ingress=allow(app("a"), ports=[(p, 81) for p in OPENING]))], False),
    ],
)
def test_a_connection_older_than_the_table_is_judged_by_its_original_direction(
    policies: list[Object], lives: bool
) -> None:
    with scene(*pods("a", "b")) as lab:
        for speaker in SPEAKERS:  # each begins once
            talks = [opening(lab, "a", "b", 80, family=family) for opening in OPENING.values() for family in FAMILIES]
            assert all(talk.alive() for talk in talks)
            assert lab.marks(80) == {0}
            lab.load(*policies)
            assert [talk.passes(speaker) if lives else talk.cut(speaker) for talk in talks] == [True] * 4
            lab.remove()
            for talk in talks:
                talk.close()
            lab.forget()


# An address that somebody else has by now


@pytest.mark.parametrize("protocol", OPENING)
@pytest.mark.parametrize("overlap", [False, True], ids=["one after the other", "both for a while"])
def test_a_peers_address_that_another_pod_has_inherits_nothing(protocol: str, overlap: bool) -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(INTO_B)
        talk = OPENING[protocol](lab, "a", "b", 80)
        old = lab.endpoint("a")
        new = msgspec.structs.replace(old, name="x", labels={"app": "x"})
        if overlap:
            lab.put_endpoint(new)
            lab.commit()
            lab.drop_endpoint(key_of(old))
        else:
            lab.drop_endpoint(key_of(old))
            lab.put_endpoint(new)
        lab.commit()
        assert talk.cut()
        assert talk.cut("server")
        assert not connects(lab, "a", "b", 81)


@pytest.mark.parametrize("protocol", OPENING)
def test_a_subjects_address_that_another_pod_has_inherits_nothing(protocol: str) -> None:
    """In neither direction: what was open for the old pod is not for the new one, and the other way round."""
    with scene(*pods("a", "b")) as lab:
        lab.load(policy("x", name="x", ingress=[], egress=[]))
        talks = [OPENING[protocol](lab, *ends, port) for ends, port in ((("a", "b"), 80), (("b", "a"), 81))]
        old = lab.endpoint("a")
        new = msgspec.structs.replace(old, name="x", labels={"app": "x"})
        lab.drop_endpoint(key_of(old))
        lab.put_endpoint(new)
        lab.commit()
        assert all(talk.cut(speaker) for talk in talks for speaker in SPEAKERS)
        assert not connects(lab, "a", "b", 82)
        lab.drop_endpoint(key_of(new))
        lab.put_endpoint(old)
        lab.commit()
        assert connects(lab, "a", "b", 82)
        assert connects(lab, "b", "a", 82)
