"""podwall diff as it is typed: exit codes, formats, what fails, wrong flags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podwall.text.yaml import documents
from tests.cli.program import SHOP, podwall

GOOD, BROKEN = SHOP / "good", SHOP / "broken"
OPEN = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: payments}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]}
"""


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The good shop in files: as it is, open to some of the internet, a policy less, a workload more."""
    folder = tmp_path_factory.mktemp("sides")
    objects = [d.value for path in sorted(GOOD.iterdir()) for d in documents(path.read_bytes(), path.name)]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": {"containers": []},
    }
    (one,) = documents(OPEN.encode(), "x")
    found = {
        "good": objects,
        "open": [*objects, one.value],
        "less": [o for o in objects if not isinstance(o, dict) or o["metadata"]["name"] != "allow-dns"],
        "more": [*objects, pod],
    }
    for name, items in found.items():
        (folder / f"{name}.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return {name: folder / f"{name}.json" for name in found}


CODES = [
    (("good", "good"), 0),
    (("good", "open"), 1),
    (("good", "less"), 1),
    (("good", "more"), 1),
    (("good", "open", "--fail-on", "opened"), 1),
    (("open", "good", "--fail-on", "opened"), 0),
    (("good", "open", "--fail-on", "closed"), 0),
    (("open", "good", "--fail-on", "closed"), 1),
    (("good", "open", "--fail-on", "internet"), 1),
    (("open", "good", "--fail-on", "internet"), 0),
    (("good", "less", "--fail-on", "opened,internet"), 0),
    (("good", "less", "--fail-on", "opened", "--fail-on", "closed"), 1),
    (("good", "more", "--fail-on", "opened,closed"), 0),
    (("good", "open", "-n", "monitoring"), 0),
    (("good", "open", "-n", "payments"), 1),
    (("good", "open", "-n", "monitoring", "-A"), 1),
    (("good", "nowhere.yaml"), 2),
    (("good", "git:nowhere"), 2),
    (("good", "-", "-f", "-"), 2),
    (("good",), 2),
    (("good", "open", "-o", "xml"), 2),
    (("good", "open", "--fail-on", "risk"), 2),
    (("good", "open", "--cni", "x"), 2),
]


@pytest.mark.parametrize(("arguments", "code"), CODES)
def test_exit_codes(arguments: tuple[str, ...], code: int, sides: dict[str, Path]) -> None:
    done = podwall("diff", *(sides.get(word, word) for word in arguments))
    assert done.code == code, done.err


def test_incomplete_input_comes_before_differences(sides: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "x.yaml"
    other.write_text("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x, namespace: shop}\n")
    asked = ("diff", sides["good"], sides["open"], "-f", other)
    done = podwall(*asked, "-o", "json")
    assert (done.code, done.json["incomplete"]) == (3, done.json["incomplete"])
    assert "CiliumNetworkPolicy" in done.json["incomplete"][0]
    assert done.err.count("CiliumNetworkPolicy") == 1
    assert podwall(*asked, "--ignore-kinds").code == 1


def test_the_contract_of_the_json(sides: dict[str, Path]) -> None:
    found = podwall("diff", sides["good"], sides["open"], "-o", "json").json
    assert (found["apiVersion"], found["kind"]) == ("podwall.io/v1", "Diff")
    assert {"opened", "closed", "endpoints", "profile", "incomplete"} <= found.keys()
    assert {"added", "removed"} <= found["endpoints"].keys()
    for one in found["opened"]:
        assert {"src", "dst", "ports", "cause"} <= one.keys()
        for ref in one["cause"]:
            assert {"kind", "namespace", "name", "owner", "file", "line"} <= ref.keys()
    assert [(one["src"], one["dst"]) for one in found["opened"]] == sorted(
        (one["src"], one["dst"]) for one in found["opened"]
    )


def test_one_side_from_standard_input(sides: dict[str, Path]) -> None:
    done = podwall("diff", sides["good"], "-", "-o", "json", stdin=sides["open"].read_bytes())
    assert (done.code, done.json["opened"][0]["cause"][0]["file"]) == (1, "<stdin>")


def test_the_same_answer_every_time(sides: dict[str, Path]) -> None:
    for output in ("text", "json", "md"):
        one, other = (podwall("diff", BROKEN, GOOD, "-o", output).out for _ in range(2))
        assert one == other


def test_text(sides: dict[str, Path]) -> None:
    done = podwall("diff", GOOD, BROKEN)
    head, *rest = done.out.split("\n\n")
    assert head.endswith("3 edits: 2 connections opened, 5 closed; 0 endpoints added, 0 removed")
    titled = [block.partition(":")[0] for block in rest if not block.startswith(" ")]
    assert titled == ["RISKS", "OPENED", "CLOSED"]
    assert "payments (4 endpoints) can no longer ask the cluster's DNS" in rest[0]
    assert "by NetworkPolicy payments/ledger-db: spec.ingress[0].from[1] added" in rest[1]
    assert [line for line in done.out.splitlines() if len(line) > 80 and "/" not in line] == []


def test_nothing_to_tell(sides: dict[str, Path]) -> None:
    done = podwall("diff", sides["good"], sides["good"])
    assert done.out.splitlines()[-1] == "0 edits: 0 connections opened, 0 closed; 0 endpoints added, 0 removed"
    assert "No change in connectivity" in podwall("diff", sides["good"], sides["good"], "-o", "md").out
