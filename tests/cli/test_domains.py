"""Domain names on the command line: --resolutions, names as destinations, and the CRD channel (C12, D17)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import podwall

CLUSTER = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: shop, name: web}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: app:1}]}}}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: names}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  egress:
  - action: Accept
    to: [{domainNames: ["*.example.com", api.example.net]}]
    protocols: [{tcp: {destinationPort: {number: 443}}}]
  - {action: Deny, to: [{networks: [0.0.0.0/0]}]}
"""
UNKNOWN = (
    "no address is known of *.example.com, api.example.net: judged by name alone; give addresses with --resolutions"
)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shop.yaml"
    path.write_text(CLUSTER)
    (tmp_path / "names.yaml").write_text("www.example.com: [203.0.113.7, 198.51.100.0/24]\n")
    return path


def test_names_are_ends_of_the_map(cluster: Path) -> None:
    done = podwall("map", "-f", cluster, "-o", "json")
    assert done.code == 0
    assert done.err == f"warning: {UNKNOWN}\n"
    assert done.json["incomplete"] == [UNKNOWN]
    assert done.json["external"] == [
        {"name": "0.0.0.0/0", "cidrs": ["0.0.0.0/0"]},
        {"name": "*.example.com", "cidrs": [], "domains": ["*.example.com"]},
        {"name": "api.example.net", "cidrs": [], "domains": ["api.example.net"]},
    ]
    ports = [{"protocol": "TCP", "port": 443, "endPort": 443}]
    assert [c for c in done.json["connections"] if c["src"] == "shop/web"] == [
        {"src": "shop/web", "dst": "*.example.com", "ports": ports},
        {"src": "shop/web", "dst": "api.example.net", "ports": ports},
    ]


def test_names_are_rows_of_the_text(cluster: Path) -> None:
    rows = podwall("map", "-f", cluster).out.splitlines()
    assert [row.split() for row in rows if "example" in row] == [
        ["*.example.com", "TCP", "443"],
        ["api.example.net", "TCP", "443"],
    ]
    assert "Domain names are ends of their own where no address is known of them." in rows


def test_addresses_take_the_place_of_names(cluster: Path) -> None:
    done = podwall("map", "-f", cluster, "--resolutions", "names.yaml", "-o", "json")
    assert done.json["incomplete"] == [UNKNOWN.replace("*.example.com, ", "")]
    assert [c["dst"] for c in done.json["connections"] if c["src"] == "shop/web"] == [
        "198.51.100.0/24",
        "api.example.net",
    ]
    assert podwall("map", "-f", cluster, "--resolutions", "names.yaml", "--strict").code == 3


@pytest.mark.parametrize(
    ("dst", "code", "said"),
    [
        ("www.example.com:443", 0, "shop/web -> www.example.com TCP 443: allowed\njudged by name alone:"),
        ("www.example.com:80", 1, "shop/web -> www.example.com TCP 80: DENIED by egress\n"),
        ("*.example.com", 0, "shop/web -> *.example.com: allowed on TCP 443\njudged by name alone:"),
    ],
)
def test_explain_takes_a_name(cluster: Path, dst: str, code: int, said: str) -> None:
    done = podwall("explain", "shop/web", dst, "-f", cluster)
    assert (done.code, done.out[: len(said)]) == (code, said)
    assert podwall("explain", "shop/web", dst, "-f", cluster, "-o", "json").json["byName"] is True


def test_a_name_with_addresses_is_all_of_them(cluster: Path) -> None:
    done = podwall("explain", "shop/web", "www.example.com:443", "-f", cluster, "--resolutions", "names.yaml")
    assert done.code == 0
    assert done.out.startswith("shop/web -> 198.51.100.0 TCP 443: allowed\n")


def test_verdict_takes_a_name(cluster: Path) -> None:
    questions = '{"src": "shop/web", "dst": "www.example.com:443"}\n{"src": "shop/web", "dst": "example.com:443"}\n'
    done = podwall("verdict", "-f", cluster, "--queries", "-", stdin=questions)
    first, second = done.lines
    assert (first["verdict"], first["byName"], first["incomplete"]) == ("allow", True, [UNKNOWN])
    assert "nor does a policy mean it as a domain name" in second["error"]
    assert done.code == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a.b: [x]", "error: bad.yaml:1: [a.b][0]: 'x' is neither an IP address nor a CIDR\n"),
        ("", "error: bad.yaml: expected names and their addresses"),
    ],
)
def test_a_bad_file_is_a_usage_error(cluster: Path, text: str, says: str) -> None:
    Path("bad.yaml").write_text(text)
    done = podwall("map", "-f", cluster, "--resolutions", "bad.yaml")
    assert (done.code, done.out, done.err[: len(says)]) == (2, "", says)


def test_standard_input_is_one_thing(cluster: Path) -> None:
    done = podwall("map", "-f", "-", "--resolutions", "-", stdin=CLUSTER)
    assert (done.code, done.err) == (2, "error: --resolutions -: standard input is the cluster already (-f -)\n")
    assert podwall("map", "-f", cluster, "--resolutions", "-", stdin="a.example.com: [203.0.113.7]").code == 0


def test_the_standard_channel_refuses_names(cluster: Path) -> None:
    done = podwall("map", "-f", cluster, "--channel", "standard")
    assert done.code == 2
    assert done.err.startswith("error: shop.yaml:20: spec.egress[0].to[0]: Invalid value: 0: ")
    assert "domainNames is a field of the experimental channel" in done.err


def test_there_are_two_channels(cluster: Path) -> None:
    done = podwall("map", "-f", cluster, "--channel", "beta")
    expected = "error: --channel beta: there is no such channel; there are experimental, standard\n"
    assert (done.code, done.err) == (2, expected)
