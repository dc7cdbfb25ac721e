"""podwall verdict: every form of reference and port, answers in their place, errors in their lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Done, podwall

CLUSTER = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 10.1.0.1}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, ports: [{containerPort: 8080, name: http}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: both, namespace: shop}
spec: {template: {metadata: {labels: {app: both}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: both, namespace: shop}
spec: {template: {metadata: {labels: {app: both}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec:
  nodeName: n1
  containers:
  - ports: [{containerPort: 5432, name: pg}, {containerPort: 53, name: dns, protocol: UDP}]
status: {podIPs: [{ip: 10.0.0.2}, {ip: 'fd00::2'}], hostIP: 10.1.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: done, namespace: shop}
status: {phase: Succeeded}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.1, ports: [{port: 80, targetPort: http, name: www}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from:
    - podSelector: {matchLabels: {app: web}}
    ports: [{port: pg}, {protocol: UDP, port: dns}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{ipBlock: {cidr: 203.0.113.0/24}}]
"""


def ask(*questions: dict[str, Any] | str, flags: tuple[str, ...] = ()) -> Done:
    """Questions about the cluster, on standard input."""
    lines = [q if isinstance(q, str) else json.dumps(q) for q in questions]
    path = Path("cluster.yaml")
    path.write_text(CLUSTER)
    return podwall("verdict", "-f", path, "--queries", "-", *flags, stdin="\n".join(lines))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def question(src: str, dst: str, port: object = None, **more: object) -> dict[str, Any]:
    return {"src": src, "dst": dst, **({} if port is None else {"port": port}), **more}


ALLOW = {"verdict": "allow", "egress": "allow", "ingress": "allow"}
DENY = {"verdict": "deny", "egress": "allow", "ingress": "deny"}
SERVICE = {**ALLOW, "backends": ["shop/web"]}

ANSWERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (question("shop/web", "shop/db", 5432), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db", 5433), {"family": 4, **DENY}),
    # references
    (question("shop/Deployment/web", "shop/Pod/db", 5432), {"family": 4, **ALLOW}),
    (question("shop/deployment/web", "shop/pod/db", 5432), {"family": 4, **ALLOW}),
    (question("web", "db", 5432), {"family": 4, **ALLOW}),  # with -n shop
    (question("shop/web", "10.0.0.2", 5432), {"family": 4, **ALLOW}),
    (question("shop/web", "fd00::2", 5432, family=6), {"family": 6, **ALLOW}),
    (question("203.0.113.9", "shop/web", 8080), {"family": 4, **ALLOW}),
    (question("203.0.114.9", "shop/web", 8080), {"family": 4, **DENY}),
    (question("2001:db8::1", "fd00::2", 5432), {"family": 6, **DENY}),
    (question("203.0.113.1", "198.51.100.1", 1), {"family": 4, **ALLOW}),
    (question("node/n1", "shop/db", 1), {"family": 4, **ALLOW}),  # its own node
    (question("10.1.0.1", "shop/db", 1), {"family": 4, **ALLOW}),
    (question("shop/db", "node/n1", 10250), {"family": 4, **ALLOW}),
    (question("203.0.113.9", "shop/service/web", 80), {"family": 4, **SERVICE}),
    (question("203.0.113.9", "shop/Service/web", "www"), {"family": 4, **SERVICE}),
    (question("203.0.114.9", "10.96.0.1", 80), {"family": 4, **DENY, "backends": ["shop/web"]}),
    (question("shop/service/web", "shop/db", 5432), {"family": 4, **ALLOW}),
    # ports
    (question("shop/web", "shop/db", "5432"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db", "pg"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db:5432"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db:pg"), {"family": 4, **ALLOW}),
    (question("shop/web:999", "[fd00::2]:5432", family=6), {"family": 6, **ALLOW}),
    (question("shop/web", "10.0.0.2:5432"), {"family": 4, **ALLOW}),
    (question("203.0.113.9", "shop/service/web:80"), {"family": 4, **SERVICE}),
    (question("shop/web", "shop/db", 53, protocol="UDP"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db", "dns", protocol="UDP"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db", 53), {"family": 4, **DENY}),
    (question("shop/web", "shop/db", 53, protocol="SCTP"), {"family": 4, **DENY}),
    (question("shop/web", "shop/db", 53, protocol="udp"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db", "53/udp"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db", "UDP/53"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db", "dns/UDP"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db:53/udp"), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db", "tcp/53"), {"family": 4, **DENY}),
    (question("shop/web", "shop/db:5432", 5432), {"family": 4, **ALLOW}),
    # families
    (question("shop/web", "shop/db", 5432, family=4), {"family": 4, **ALLOW}),
    (question("shop/web", "shop/db", 5432, family=6), {"family": 6, **ALLOW}),
    (question("shop/web", "shop/db", 5432, family=None, protocol=None), {"family": 4, **ALLOW}),
]


@pytest.mark.parametrize(("asked", "expected"), ANSWERS, ids=[json.dumps(asked) for asked, _ in ANSWERS])
def test_answers(asked: dict[str, Any], expected: dict[str, Any]) -> None:
    done = ask(asked, flags=("-n", "shop", "-q"))
    assert (done.code, done.err) == (0, "")
    (answer,) = done.lines
    assert answer == {**asked, **expected}
    assert list(answer)[: len(asked)] == list(asked)
    assert list(answer)[len(asked) :] == [name for name in expected if name not in asked]


ERRORS: list[tuple[dict[str, Any] | str, str]] = [
    (question("shop/wbe", "shop/db", 1), "there is no Pod or workload shop/wbe in the input; did you mean web?"),
    (question("shop/web", "nowhere/db", 1), "nowhere/db: there is no namespace 'nowhere' in the input"),
    (question("shop/done", "shop/db", 1), "shop/done has finished: a Succeeded or Failed Pod has no traffic"),
    (
        question("shop/both", "shop/db", 1),
        "shop/both names more than one endpoint: shop/Deployment/both, shop/StatefulSet",
    ),
    (question("shop/Deployment/db", "shop/db", 1), "there is no Deployment shop/db in the input"),
    (question("shop/service/x", "shop/db", 1), "there is no Service shop/x in the input"),
    (question("node/n2", "shop/db", 1), "there is no Node 'n2' in the input"),
    (question("a/b/c/d", "shop/db", 1), "'a/b/c/d' is no reference: write ns/name"),
    (question("", "shop/db", 1), "'' is no reference"),
    (question("shop/web", "shop/service/web", 81), "has no port 81/TCP; it has: 80/TCP (www)"),
    (question("shop/web", "shop/db"), "a question needs a port"),
    (question("shop/web", "shop/db", "smtp"), "port 'smtp' (TCP) of shop/db stands for nothing"),
    (question("shop/web", "203.0.113.1", "http"), "port 'http' (TCP) of 203.0.113.1 stands for nothing"),
    (question("shop/web", "shop/db", 0), "port 0 is not between 1 and 65535"),
    (question("shop/web", "shop/db", 65536), "port 65536 is not between 1 and 65535"),
    (question("shop/web", "shop/db", 1.5), "port: expected a whole number, or the name of the destination's port"),
    (question("shop/web", "shop/db", True), "port: expected a whole number"),
    (question("shop/web", "shop/db", "53/icmp"), "port '53/icmp': write 53, 53/udp or udp/53"),
    (question("shop/web", "shop/db", "/udp"), "port '/udp': write 53, 53/udp or udp/53"),
    (question("shop/web", "shop/db", "53/udp", protocol="TCP"), "the port is of UDP, and protocol says TCP"),
    (question("shop/web", "shop/db:80", 81), "dst names port 80, and port says 81: give it once"),
    (question("shop/web", "shop/db", 1, protocol="ICMP"), "'ICMP' is not one of SCTP, TCP, UDP"),
    (question("shop/web", "shop/db", 1, protocol=6), "protocol: expected text: TCP, UDP or SCTP"),
    (question("shop/web", "shop/db", 1, family=5), "family: expected 4 or 6"),
    (question("shop/web", "shop/db", 1, family="4"), "family: expected 4 or 6"),
    (question("203.0.113.1", "shop/db", 1, family=6), "203.0.113.1 and shop/db have no IPv6 address in common"),
    (question("203.0.113.1", "fd00::2", 1), "203.0.113.1 and fd00::2 have no address family in common"),
    ({"src": 1, "dst": "shop/db", "port": 1}, "src: expected text: the name or address of an end"),
    ({"dst": "shop/db", "port": 1}, "a question needs src"),
    ({"src": "shop/db", "port": 1}, "a question needs dst"),
    ("not json", "not JSON: invalid character (byte 4)"),
    ('{"src": "a"', "not JSON: "),
    ("[1]", "a question is a JSON object"),
    ("[" * 100_000, "a question is a JSON object"),
    ('"shop/web"', "a question is a JSON object"),
    ("null", "a question is a JSON object"),
]


@pytest.mark.parametrize(("asked", "message"), ERRORS, ids=[str(asked)[:60] for asked, _ in ERRORS])
def test_errors(asked: dict[str, Any] | str, message: str) -> None:
    right = question("shop/web", "shop/db", 5432)
    done = ask(right, asked, right, flags=("--pod-cidr", "10.244.0.0/16,fd01::/64"))
    assert (done.code, done.err) == (2, "")
    before, answer, after = done.lines
    assert before == after == {**right, "family": 4, **ALLOW}
    assert message in answer.pop("error")
    assert answer == (asked if isinstance(asked, dict) else {"query": asked.strip()})


def test_blank_lines_marks_and_line_ends() -> None:
    asked = json.dumps(question("shop/web", "shop/db", 5432))
    Path("cluster.yaml").write_text(CLUSTER)
    for text in (f"\ufeff{asked}\r\n\r\n  \n{asked}\n", f"{asked}\n\n{asked}"):
        Path("q.jsonl").write_bytes(text.encode())
        done = podwall("verdict", "-f", "cluster.yaml", "--queries", "q.jsonl")
        assert (done.code, len(done.lines)) == (0, 2)
        assert podwall("verdict", "-f", "cluster.yaml", "--queries", "-", stdin=text) == done


def test_fields_of_the_asker_come_back() -> None:
    line = '{"id": 7, "src": "shop/web", "note": {"b": [1.50, null]}, "dst": "shop/db", "port": 5432, "port2": "é"}'
    done = ask(line)
    start = '{"id":7,"src":"shop/web","note":{"b": [1.50, null]},"dst":"shop/db","port":5432,"port2":"é",'
    assert done.out == start + '"family":4,"verdict":"allow","egress":"allow","ingress":"allow"}\n'


def test_a_verdict_that_rests_on_an_assumed_address_says_so() -> None:
    data = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
apiVersion: v1
kind: Pod
metadata: {name: db}
status: {podIP: 10.244.7.7}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec: {ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16}}], ports: [{port: 1}]}, {ports: [{port: 2}]}]}
"""
    Path("c.yaml").write_text(data)
    lines = "".join(json.dumps(question("web", "db", port)) + "\n" for port in (1, 2, 3))
    done = podwall("verdict", "-f", "c.yaml", "--queries", "-", "-q", stdin=lines)
    assert [line.get("assumed") for line in done.lines] == ["pod-cidr", None, None]
    assert [line["verdict"] for line in done.lines] == ["allow", "allow", "deny"]


def test_a_trace_names_the_rules_that_decide() -> None:
    done = ask(question("shop/web", "shop/db", 5432), flags=("--trace",))
    ref = {"kind": "NetworkPolicy", "namespace": "shop", "name": "db", "file": "cluster.yaml", "line": 48}
    ref = {**ref, "owner": Path.cwd().name}
    (answer,) = done.lines
    (trace,) = answer["trace"]
    assert {name: trace[name] for name in ("src", "dst", "protocol", "port", "profile", "verdict")} == {
        "src": "shop/web",
        "dst": "shop/db",
        "protocol": "TCP",
        "port": 5432,
        "profile": "kubernetes",
        "verdict": "allow",
    }
    assert trace["egress"] == {
        "verdict": "allow",
        "reason": "not isolated",
        "isolated": False,
        "isolatedBy": [],
        "decidedBy": [],
        "passed": [],
        "tiers": [
            {"tier": "Admin", "rules": 0, "outcome": "no rule"},
            {"tier": "NetworkPolicy", "rules": 0, "outcome": "not isolated"},
            {"tier": "Baseline", "rules": 0, "outcome": "no rule"},
        ],
        "otherwise": None,
        "nearMisses": [],
        "moreNearMisses": 0,
    }
    assert trace["ingress"]["isolatedBy"] == [ref]
    assert trace["ingress"]["decidedBy"] == [
        {
            "policy": ref,
            "tier": "NetworkPolicy",
            "action": "Allow",
            "rule": "spec.ingress[0]",
            "peer": "from[0]",
            "port": "ports[0]",
            "line": 54,
        }
    ]


def test_a_trace_has_every_backend() -> None:
    done = ask(question("shop/db", "shop/service/web", 80), flags=("--trace",))
    (trace,) = done.lines[0]["trace"]
    assert (trace["dst"], trace["port"], trace["verdict"]) == ("shop/web", 8080, "deny")


USAGE = [
    ((), "Missing option '--queries'"),
    (("--queries", "nowhere"), "error: --queries nowhere: cannot be read: No such file or directory"),
    (("--queries", "."), "error: --queries .: cannot be read: Is a directory"),
    (("--queries", "-", "-f", "-"), "Invalid value for --queries: standard input is the cluster already"),
]


@pytest.mark.parametrize(("flags", "message"), USAGE)
def test_usage_errors(flags: tuple[str, ...], message: str) -> None:
    Path("c.yaml").write_text(CLUSTER)
    done = podwall("verdict", "-f", "c.yaml", *flags)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_no_questions_are_no_answers() -> None:
    assert ask() == Done(0, "", "")


def test_all_namespaces_is_taken_as_everywhere() -> None:
    assert ask(question("web", "db", 5432), flags=("-n", "shop", "-A")).code == 0
