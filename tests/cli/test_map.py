"""podwall map: the text that people read, the JSON of interface.md, -n, --why and --summary.

The golden files hold what the program printed when a person last read it. After a change that is meant:
`cd examples/shop && podwall map -f good > ../../tests/cli/golden/good.txt`, and read the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwall.report.maps.formats import FORMATS
from tests.cli.program import SHOP, podwall

GOLDEN = Path(__file__).parent / "golden"
ONLINE_BOUTIQUE = Path(__file__).parents[2].parent / "shared" / "data" / "online-boutique"

GOLDENS = {
    "good.txt": ("-f", "good"),
    "good-why.txt": ("-f", "good", "--why"),
    "good-shop.txt": ("-f", "good", "-n", "shop"),
    "good-payments.json": ("-f", "good", "-n", "payments", "--why", "-o", "json"),
    "good-summary.txt": ("-f", "good", "--summary"),
    "broken.txt": ("-f", "broken"),
}

TEAM = "metadata: {name: %s, namespace: %s, labels: {app: %s}}"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHOP)


def golden(name: str) -> str:
    return (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("name", GOLDENS)
def test_golden(name: str) -> None:
    done = podwall("map", *GOLDENS[name])
    assert (done.code, done.err) == (0, "")
    assert done.out == golden(name)


def edges(name: str) -> set[tuple[str, str, str]]:
    """Who reaches whom on what, as the JSON of one variant of the shop has it."""
    found = podwall("map", "-f", SHOP / name, "-o", "json").json
    return {(c["src"], c["dst"], json.dumps(c["ports"])) for c in found["connections"]}


def test_the_three_slips_of_the_broken_shop() -> None:
    """As the README of the example says it."""
    good, broken = edges("good"), edges("broken")
    assert {(src, dst) for src, dst, _ in broken - good} == {
        ("monitoring/grafana", "payments/ledger-db"),
        ("monitoring/prometheus", "payments/ledger-db"),
    }
    assert {(src, dst) for src, dst, _ in good - broken} == {
        *((f"payments/{name}", "kube-system/coredns") for name in ("gateway", "ledger", "ledger-db", "settlement")),
        ("shop/web", "shop/catalog"),
    }


# ------------------------------------------------------------------------------------------------------ width and why
def wide(lines: str) -> list[str]:
    """Lines of more than 80 columns but for those that one name fills."""
    return [line for line in lines.splitlines() if len(line) > 80 and len(line.split()) > 2]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("name", ["good", "broken"])
@pytest.mark.parametrize("flags", [(), ("--why",), ("--summary",), ("-n", "payments", "--why")], ids=str)
def test_the_map_fits_80_columns(name: str, flags: tuple[str, ...]) -> None:
    assert wide(podwall("map", "-f", name, *flags).out) == []


@pytest.mark.skipif(not ONLINE_BOUTIQUE.exists(), reason="needs shared/data/online-boutique beside the project")
@pytest.mark.parametrize("flags", [(), ("--why",)], ids=str)
def test_real_manifests_fit_80_columns(flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ONLINE_BOUTIQUE)
    done = podwall("map", "-f", "manifests", "-f", "policies", *flags, "-q")
    assert (done.code, wide(done.out)) == (0, [])
    assert "from default/frontend (isolated: ingress + egress)" in done.out


def test_why_names_the_owner_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: %s\n%sspec: {ingress: [{}]}\n"
    said = "  annotations: {podwall.io/owner: team-a}\n"
    Path("np").mkdir()
    Path("np/p.yaml").write_text(policy % ("p", said) + "---\n" + policy % ("q", ""))
    Path("a.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
    done = podwall("map", "-f", tmp_path, "--why", "-q")
    assert done.out.endswith(
        "\nPolicies; name[0] is the first rule of its direction:\n"
        "  default/p  np/p.yaml:1 (team-a)\n  default/q  np/p.yaml:8\n"
    )
    refs = podwall("map", "-f", "np", "-f", "a.yaml", "--why", "-q", "-o", "json").json["connections"][0]["ingressBy"]
    assert refs == [
        {
            "kind": "NetworkPolicy",
            "namespace": "default",
            "name": name,
            "owner": owner,
            "file": "np/p.yaml",
            "line": line,
            "rules": ["spec.ingress[0]"],
        }
        for name, owner, line in (("p", "team-a", 1), ("q", "np", 8))
    ]


# --------------------------------------------------------------------------------------------------- the JSON's shape
def keys(value: dict[str, Any]) -> list[str]:
    return list(value)


@pytest.mark.parametrize("flags", [(), ("--why",), ("-n", "shop")], ids=str)
def test_the_shape_of_the_json(flags: tuple[str, ...]) -> None:
    found = podwall("map", "-f", SHOP / "good", "-o", "json", *flags).json
    assert keys(found) == [
        *("apiVersion", "kind", "profile", "endpoints", "external", "connections", "incomplete"),
    ]
    assert (found["apiVersion"], found["kind"], found["profile"]) == ("podwall.io/v1", "Map", "kubernetes")
    for endpoint in found["endpoints"]:
        assert keys(endpoint) == ["name", "kind", "namespace", "labels", "addresses", "pods", "isolated"]
        assert keys(endpoint["isolated"]) == ["ingress", "egress"]
    for external in found["external"]:
        assert keys(external) == ["name", "cidrs"]
        assert external["name"] == external["cidrs"][0]
    reasons = ["egressBy", "ingressBy"] if "--why" in flags else []
    for connection in found["connections"]:
        assert keys(connection) == ["src", "dst", "ports", *reasons]
        assert connection["ports"]
        for port in connection["ports"]:
            assert keys(port) == ["protocol", "port", "endPort"]
    assert found["endpoints"] == sorted(found["endpoints"], key=lambda e: (e["namespace"], e["name"]))
    assert found["connections"] == sorted(found["connections"], key=lambda c: (c["src"], c["dst"]))
    ends = {e["name"] for e in (*found["endpoints"], *found["external"])}
    assert {end for c in found["connections"] for end in (c["src"], c["dst"])} <= ends


@pytest.mark.parametrize("flags", [(), ("-n", "shop"), ("-n", "shop", "-A")], ids=str)
def test_the_shape_of_the_summary(flags: tuple[str, ...]) -> None:
    found = podwall("map", "-f", SHOP / "good", "--summary", "-o", "json", *flags).json
    counts = [found[name] for name in ("endpoints", "policies", "pairs", "openPairs")]
    assert keys(found) == [
        *("apiVersion", "kind", "profile", "endpoints", "policies", "classes", "pairs", "openPairs", "incomplete"),
    ]
    assert counts == ([4, 7, 84, 15] if flags == ("-n", "shop") else [13, 20, 156, 32])


DUAL = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, labels: {app: b}}
status: {podIPs: [{ip: 10.0.0.2}, {ip: 'fd00::2'}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec:
  podSelector: {matchLabels: {app: b}}
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8}}]
    ports: [{port: 80, endPort: 90}, {port: 443}]
  - from: [{ipBlock: {cidr: 'fd00::/8'}}]
    ports: [{port: 443}, {protocol: UDP, port: 53}]
"""


def test_families_are_named_where_they_differ() -> None:
    done = podwall("map", "-f", "-", "-o", "json", "-q", stdin=DUAL)
    (ports,) = [c["ports"] for c in done.json["connections"] if (c["src"], c["dst"]) == ("default/a", "default/b")]
    assert ports == [
        {"protocol": "TCP", "port": 80, "endPort": 90, "family": 4},
        {"protocol": "TCP", "port": 443, "endPort": 443},
        {"protocol": "UDP", "port": 53, "endPort": 53, "family": 6},
    ]
    text = podwall("map", "-f", "-", "-q", stdin=DUAL).out
    assert "  default/b                                 TCP 80-90 (IPv4), TCP 443,\n" in text
    assert "                                            UDP 53 (IPv6)\n" in text


# --------------------------------------------------------------------------------------------------------------- -n
@pytest.mark.parametrize("namespace", ["shop", "payments", "monitoring", "kube-system", "ingress"])
def test_a_namespace_shows_what_begins_or_ends_in_it(namespace: str) -> None:
    whole = podwall("map", "-f", SHOP / "good", "--why", "-o", "json").json
    cut = podwall("map", "-f", SHOP / "good", "--why", "-o", "json", "-n", namespace).json
    inside = {e["name"] for e in whole["endpoints"] if e["namespace"] == namespace}
    assert cut["connections"] == [c for c in whole["connections"] if {c["src"], c["dst"]} & inside]
    ends = inside.union(*({c["src"], c["dst"]} for c in cut["connections"]))
    assert cut["endpoints"] == [e for e in whole["endpoints"] if e["name"] in ends]
    assert cut["external"] == whole["external"]
    assert podwall("map", "-f", SHOP / "good", "--why", "-o", "json", "-n", namespace, "-A").json == whole


@pytest.mark.parametrize("namespace", ["shop", "payments", "kube-system", "nowhere"])
def test_the_summary_of_a_namespace_counts_the_same_pairs(namespace: str) -> None:
    found = podwall("map", "-f", SHOP / "good", "-o", "json", "-n", namespace, "-q").json
    names = {e["name"]: e["namespace"] for e in found["endpoints"]}
    pairs = {(c["src"], c["dst"]) for c in found["connections"] if c["src"] in names and c["dst"] in names}
    summary = podwall("map", "-f", SHOP / "good", "--summary", "-o", "json", "-n", namespace, "-q").json
    assert summary["openPairs"] == len({(src, dst) for src, dst in pairs if src != dst})
    mine = sum(home == namespace for home in names.values())
    assert (summary["endpoints"], summary["pairs"]) == (mine, mine * (mine - 1) + 2 * mine * (13 - mine))


def test_a_namespace_is_also_that_of_objects_without_one() -> None:
    pods = "---\n".join(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n" for name in ("a", "b"))
    other = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: other}\n"
    found = podwall("map", "-f", "-", "-n", "mine", "-q", "-o", "json", stdin=pods + other).json
    assert [e["name"] for e in found["endpoints"]] == ["mine/a", "mine/b", "other/c"]
    assert ("other/c", "0.0.0.0/0") not in {(c["src"], c["dst"]) for c in found["connections"]}
    whole = podwall("map", "-f", "-", "-n", "mine", "-A", "-q", "-o", "json", stdin=pods + other).json
    assert [e["name"] for e in whole["endpoints"]] == ["mine/a", "mine/b", "other/c"]
    assert ("other/c", "0.0.0.0/0") in {(c["src"], c["dst"]) for c in whole["connections"]}


def test_a_part_of_a_namespace_is_not_shown_as_the_whole() -> None:
    """With -n, what is known of another namespace is only what touches this one."""
    text = podwall("map", "-f", SHOP / "good", "-n", "kube-system").out
    assert "payments/*" not in text
    assert "payments/ledger-db" in text


# ----------------------------------------------------------------------------------------------------- formats, focus
@pytest.mark.parametrize("output", FORMATS)
def test_every_format_is_written_and_listed_in_the_help(output: str) -> None:
    done = podwall("map", "-f", SHOP / "good", "-o", output)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("\n")
    assert f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}." in " ".join(podwall("map", "--help").out.split())


WRONG = [
    (("-o", "xml"), "-o: 'xml' is not one of text, wide, json, csv, md, dot, mermaid, svg"),
    (("-o", "svg", "--why"), "--why: svg has no place for reasons; text, wide, json, csv, md have"),
    (("-o", "csv", "--summary"), "-o: --summary is written as text or json"),
    (("-o", "md", "--exposure"), "-o: --exposure is written as text or json"),
    (("--summary", "--from", "shop/web"), "--summary: counts the cluster, or a namespace with -n"),
    (("--summary", "--why"), "--why: --summary shows no connections that it could give reasons for"),
    (("--exposure", "--why"), "--exposure: goes with neither --summary nor --why"),
    (("--exposure", "--port", "80"), "--port: --exposure names the ports of each rule as it has them"),
    (("--from", "shop/wbe"), "error: --from: there is no Pod or workload shop/wbe in the input; did you mean web?"),
    (("--port", "x"), "error: --port: no endpoint has a port named 'x'"),
]


@pytest.mark.parametrize(("flags", "message"), WRONG, ids=[" ".join(flags) for flags, _ in WRONG])
def test_what_does_not_go_together(flags: tuple[str, ...], message: str) -> None:
    done = podwall("map", "-f", SHOP / "good", *flags)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())


def test_the_focus_stands_in_the_json_and_only_then() -> None:
    asked = ("--from", "shop/web", "--from", "shop/cart", "--to", "kube-system/*", "--port", "53/udp")
    found = podwall("map", "-f", SHOP / "good", "-o", "json", *asked).json
    assert found["focus"] == {
        "from": ["shop/web", "shop/cart"],
        "to": ["kube-system/*"],
        "about": [],
        "ports": ["53/udp"],
    }
    assert [(c["src"], c["dst"], c["ports"]) for c in found["connections"]] == [
        (name, "kube-system/coredns", [{"protocol": "UDP", "port": 53, "endPort": 53}])
        for name in ("shop/cart", "shop/web")
    ]
    assert [e["name"] for e in found["endpoints"]] == ["kube-system/coredns", "shop/cart", "shop/web"]


def test_destinations_stand_with_their_sources() -> None:
    done = podwall("map", "-f", SHOP / "good", "--to", "shop/web", "--to", "shop/cart", "--port", "7070")
    assert done.out == (
        "2 connections, profile kubernetes: to shop/web or shop/cart, port 7070\n"
        "\n"
        "to shop/cart (isolated: ingress + egress)\n"
        "  shop/checkout                             TCP 7070\n"
        "  shop/web                                  TCP 7070\n"
        "\n"
        "to shop/web (isolated: ingress + egress)\n"
        "  nobody\n"
    )


def test_the_exposure_of_a_namespace() -> None:
    text = podwall("map", "-f", SHOP / "good", "--exposure", "-n", "payments").out
    assert text.startswith("4 endpoints, profile kubernetes\n")
