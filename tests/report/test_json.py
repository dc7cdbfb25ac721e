"""The public JSON: a map written in parts is the map."""

from __future__ import annotations

import json

import pytest

from podwall.report import json as report
from podwall.report.public import API_VERSION, Connection, Endpoint, External, Isolated, Map, Port, Ref


def a_map(connections: int, *, why: bool = False) -> Map:
    label = {'"connections": []': 'x\n  "connections": []'}  # as it stands in the text, where nobody should look
    endpoint = Endpoint("ns/é", "Pod", "ns", label, ["10.0.0.1"], 1, Isolated(ingress=True, egress=False))
    ref = Ref("NetworkPolicy", "ns", "p", None, "a.yaml", 3)
    ports = [Port("TCP", 80, 80), Port("UDP", 53, 60, 6)]
    found = [
        Connection(f"ns/{n}", "ns/é", ports, [ref] * n, "not isolated") if why else Connection(f"ns/{n}", "ns/é", ports)
        for n in range(connections)
    ]
    return Map(API_VERSION, "Map", "kubernetes", [endpoint], [External("::/0", ["::/0"])], found, ["a fact"])


@pytest.mark.parametrize("why", [False, True])
@pytest.mark.parametrize("connections", range(8))
def test_a_map_in_parts_is_the_whole(connections: int, why: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_AT_ONCE", 3)
    result = a_map(connections, why=why)
    written = "".join(report.parts(result))
    assert written == report.document(result)
    assert len(json.loads(written)["connections"]) == connections


def test_names_that_are_not_ascii_stay_readable() -> None:
    assert '"name": "ns/é"' in report.document(a_map(0))
    assert report.line({"a": "é"}) == '{"a":"é"}\n'
