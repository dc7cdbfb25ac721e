"""Every recipe as it is typed: what it writes opens what it says and nothing near it, and `check` finds nothing in it.

The oracle of tests/truth judges, which shares nothing with the engine that proves.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from podwall.author.registry import all_recipes, documentation
from podwall.check.facts import Options
from podwall.check.registry import all_rules
from podwall.check.rule import Severity
from podwall.check.run import run
from podwall.check.suppress import suppressions
from tests.check.reading import facts_of
from tests.cli.program import Done, podwall
from tests.truth.cases import parse_line
from tests.truth.oracle import Oracle

WORLD = Path(__file__).parent / "world.yaml"
TODAY = dt.datetime.now(tz=dt.UTC).date()
LATER = (TODAY + dt.timedelta(days=30)).isoformat()

# What is typed (the input is added); the policies that are written; what holds with them, judged by the oracle.
CASES: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    (
        "deny -n open",
        ("open/default-deny",),
        ("shop/web -> open/free:80 deny", "ops/squid -> open/free:80 deny", "open/free -> 203.0.113.7:443 deny"),
    ),
    (
        "deny ingress -n open",
        ("open/default-deny-ingress",),
        ("ops/squid -> open/free:80 deny", "open/free -> 203.0.113.7:443 allow"),
    ),
    (
        "deny egress -n open",
        ("open/default-deny-egress",),
        ("ops/squid -> open/free:80 allow", "open/free -> 203.0.113.7:443 deny"),
    ),
    (
        "dns -n shop",
        ("shop/allow-dns",),
        (
            "shop/web -> kube-system/coredns:5353/udp allow",
            "shop/api -> kube-system/coredns:5353 allow",
            "shop/web -> kube-system/coredns:53/udp deny",
            "shop/web -> kube-system/konnectivity-agent:5353 deny",
            "shop/web -> kube-system/service/kube-dns:53/udp allow",
        ),
    ),
    (
        "dns -n shop --node-local 169.254.20.10",
        ("shop/allow-dns",),
        ("shop/web -> 169.254.20.10:53/udp allow", "shop/web -> 169.254.20.11:53/udp deny"),
    ),
    (
        "baseline -n open",
        ("open/default-deny", "open/allow-dns"),
        (
            "open/free -> kube-system/coredns:5353/udp allow",
            "open/free -> ops/squid:3128 deny",
            "ops/squid -> open/free:80 deny",
        ),
    ),
    (
        "baseline --cluster --except ops",
        ("podwall-baseline",),
        (
            "open/free -> kube-system/coredns:5353/udp allow",
            "open/free -> ops/squid:3128 deny",
            "open/free -> 203.0.113.7:443 deny",
            "ops/squid -> open/free:80 deny",
            "ops/squid -> ops/prometheus:9090 allow",
            "203.0.113.7 -> open/free:80 allow",
        ),
    ),
    (
        "same-namespace both -n shop",
        ("shop/same-namespace-ingress", "shop/same-namespace-egress"),
        ("shop/web -> shop/api:8081 allow", "shop/web -> data/db:5432 deny", "open/free -> shop/web:8080 deny"),
    ),
    (
        "allow shop/web shop/api http",
        ("shop/api-from-web-8081", "shop/web-to-api-8081"),
        (
            "shop/web -> shop/api:8081 allow",
            "shop/web -> shop/api:8082 deny",
            "shop/web -> shop/api:8081/udp deny",
            "shop/web -> shop/hook:8081 deny",
            "shop/hook -> shop/api:8081 deny",
        ),
    ),
    (
        "allow shop/api data/db sql",
        ("data/db-from-shop-api-5432", "shop/api-to-data-db-5432"),
        ("shop/api -> data/db:5432 allow", "shop/hook -> data/db:5432 deny", "shop/web -> data/db:5432 deny"),
    ),
    (
        "allow open/free shop/service/web 80",
        ("shop/web-from-open-free-8080",),
        ("open/free -> shop/web:8080 allow", "open/free -> ops/squid:3128 allow", "ops/squid -> shop/web:8080 deny"),
    ),
    ("allow open/free ops/squid 3128", (), ("open/free -> ops/squid:3128 allow",)),
    (
        "allow open/free ops/squid 3128 --both",
        ("ops/squid-from-open-free-3128", "open/free-to-ops-squid-3128"),
        ("open/free -> ops/squid:3128 allow", "open/free -> ops/prometheus:9090 deny"),
    ),
    (
        "from-namespace open -n shop --port 8080",
        ("shop/all-from-open-8080",),
        ("open/free -> shop/web:8080 allow", "open/free -> shop/web:8081 deny", "ops/squid -> shop/web:8080 deny"),
    ),
    (
        "from-namespace shop --to data/db",
        ("data/db-from-shop", "shop/all-to-data-db"),
        ("shop/hook -> data/db:5432 allow", "open/free -> data/db:5432 deny"),
    ),
    (
        "monitoring -n shop",
        ("shop/api-from-ops-prometheus-9102", "shop/hook-from-ops-prometheus-9103"),
        (
            "ops/prometheus -> shop/api:9102 allow",
            "ops/prometheus -> shop/hook:9103 allow",
            "ops/prometheus -> shop/hook:8443 deny",
            "ops/squid -> shop/api:9102 deny",
        ),
    ),
    (
        "agents otlp -n shop",
        ("shop/all-to-ops-otel-collector-4317",),
        (
            "shop/web -> ops/otel-collector:4317 allow",
            "shop/web -> ops/otel-collector:4318 allow",
            "shop/web -> ops/otel-collector:4319 deny",
            "shop/web -> ops/squid:4317 deny",
        ),
    ),
    (
        "agents statsd shop/api",
        ("shop/api-to-ops-datadog-agent-1-8125",),
        (
            "shop/api -> 192.168.1.2:8125/udp allow",
            "shop/api -> 192.168.1.1:8125/udp deny",
            "shop/web -> 192.168.1.2:8125/udp deny",
        ),
    ),
    (
        "ingress-controller shop/web:http",
        ("shop/web-from-ops-ingress-nginx-controller-8080",),
        ("ops/ingress-nginx-controller -> shop/web:8080 allow", "ops/squid -> shop/web:8080 deny"),
    ),
    (
        "apiserver shop/hook",
        ("shop/hook-to-apiserver-6443",),
        (
            "shop/hook -> 192.168.1.1:6443 allow",
            "shop/hook -> default/service/kubernetes:443 allow",
            "shop/hook -> 192.168.1.2:6443 deny",
            "shop/web -> 192.168.1.1:6443 deny",
        ),
    ),
    (
        "webhook shop/hook 8443",
        ("shop/hook-from-apiserver-8443", "shop/hook-from-kube-system-konnectivity-agent-8443"),
        (
            "192.168.1.1 -> shop/hook:8443 allow",
            "kube-system/konnectivity-agent -> shop/hook:8443 allow",
            "192.168.1.2 -> shop/hook:8443 deny",
            "192.168.1.1 -> shop/web:8443 deny",
        ),
    ),
    (
        "external 203.0.113.0/25 203.0.113.128/25 --from shop/api --port 5432 --port 514/udp",
        ("shop/api-to-203-0-113-0-24",),
        (
            "shop/api -> 203.0.113.255:5432 allow",
            "shop/api -> 203.0.113.7:514/udp allow",
            "shop/api -> 203.0.112.255:5432 deny",
            "shop/web -> 203.0.113.7:5432 deny",
        ),
    ),
    (
        "external 203.0.113.0/24 --ingress --from shop/web --port 8080",
        ("shop/web-from-203-0-113-0-24",),
        ("203.0.113.7 -> shop/web:8080 allow", "203.0.114.7 -> shop/web:8080 deny"),
    ),
    (
        "external 0.0.0.0/0 --reason crawler --from shop/api",
        ("shop/api-to-0-0-0-0-0",),
        (
            "shop/api -> 203.0.113.7:443 allow",
            "shop/api -> 169.254.169.254:443 deny",
            "shop/api -> 192.168.1.1:443 deny",
            "shop/api -> 203.0.113.7:80 deny",
        ),
    ),
    (
        "egress-proxy ops/squid 3128 -n shop",
        ("shop/egress-proxy",),
        ("shop/web -> ops/squid:3128 allow", "shop/web -> ops/squid:3129 deny", "shop/web -> 203.0.113.7:443 deny"),
    ),
    (
        "metadata-block -n open",
        ("open/block-metadata",),
        (
            "open/free -> 169.254.169.254:80 deny",
            "open/free -> 169.254.169.253:80 allow",
            "open/free -> ops/squid:3128 allow",
            "open/free -> 192.168.1.1:6443 allow",
        ),
    ),
    (
        "metadata-block --cluster",
        ("podwall-block-metadata",),
        (
            "open/free -> 169.254.169.254:80 deny",
            "ops/squid -> 169.254.169.254:80 deny",
            "kube-system/coredns -> 169.254.169.254:80 allow",
            "open/free -> 203.0.113.7:443 allow",
            "shop/web -> 203.0.113.7:443 deny",
        ),
    ),
    (
        f"allow-all -n shop --expires {LATER}",
        ("shop/allow-all-ingress", "shop/allow-all-egress"),
        ("shop/web -> 203.0.113.7:443 allow", "ops/squid -> shop/api:1 allow"),
    ),
    (
        f"allow-all shop/web --direction egress --expires {LATER}",
        ("shop/allow-all-egress-web",),
        ("shop/web -> 203.0.113.7:443 allow", "shop/api -> 203.0.113.7:443 deny", "ops/squid -> shop/web:8080 deny"),
    ),
]


def new(words: str, *more: str) -> Done:
    return podwall("new", *words.split(" "), "-f", WORLD, *more)


@pytest.mark.parametrize(("words", "names", "lines"), CASES, ids=[case[0] for case in CASES])
def test_a_recipe_opens_what_it_says(words: str, names: tuple[str, ...], lines: tuple[str, ...]) -> None:
    done = new(words)
    assert done.code == 0, done.err
    objects = [item for item in yaml.safe_load_all(done.out) if item]
    assert tuple(map(name, objects)) == names
    oracle = Oracle([*yaml.safe_load_all(WORLD.read_text("utf-8")), *objects])
    for text in lines:
        line = parse_line(text)
        assert line.port is not None
        found = oracle.verdict(line.src, line.dst, line.protocol, line.port)
        assert (text, found["verdict"]) == (text, line.want)


@pytest.mark.parametrize("words", [case[0] for case in CASES])
def test_check_passes_what_a_recipe_writes(words: str) -> None:
    done = new(words)
    out = done.out
    # Whom a recipe isolates without DNS it says itself; `baseline` has both.
    isolates = words.startswith("deny") or "isolate" in done.err
    written = {name(item): item for item in yaml.safe_load_all(out) if item}
    facts = facts_of(f"{WORLD.read_text('utf-8')}---\n{out}", Options(TODAY, whole=True))
    left = []
    for found in run(facts, all_rules()).found:
        bare = found.finding.object
        mine = written.get(f"{bare.namespace}/{bare.name}" if bare.namespace else bare.name)
        if mine is not None and found.severity >= Severity.WARNING:
            ignored = {s.rule for s in suppressions(mine["metadata"].get("annotations")) if s.holds(TODAY)}
            if found.rule.id not in ignored and not is_bracket(mine) and not (found.rule.id == "PW110" and isolates):
                left.append(f"{found.rule.id} {bare.name}: {found.finding.message}")
    assert left == []


def name(item: dict[str, Any]) -> str:
    meta = item["metadata"]
    return f"{meta['namespace']}/{meta['name']}" if "namespace" in meta else str(meta["name"])


def is_bracket(item: dict[str, Any]) -> bool:
    """An allow-all that says so itself is named by PW173, and that is what it is for."""
    return "podwall.io/bracket" in item["metadata"]["labels"]


def test_every_recipe_has_a_case() -> None:
    assert {case[0].split(" ")[0] for case in CASES} >= {r.name for r in all_recipes()} - {
        "gate"
    }  # which has tests of its own


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.name)
def test_a_recipe_is_documented(recipe: Any) -> None:
    assert documentation(recipe.name)
    assert len(recipe.examples) > 1
    assert all(line.startswith(f"podwall new {recipe.name}") for line in recipe.examples)
    shown = podwall("new", recipe.name, "--help")
    assert shown.code == 0
    assert [line for line in shown.out.splitlines() if len(line) > 80] == []


REFUSED = [
    ("deny -n kube-system", "cuts off what the cluster itself runs on"),
    ("deny -n nowhere", "there is no namespace nowhere in the input"),
    ("allow shop/web shop/nothing 80", "there is no Pod or workload shop/nothing"),
    ("allow shop/web shop/api nothing", "stands for no port"),
    ("allow 203.0.113.7 198.51.100.7 80", "neither 203.0.113.7/32 nor 198.51.100.7/32 is a pod"),
    ("external api.example.com", "is a host name"),
    ("external https://api.example.com/v1", "is a host name"),
    ("external *.example.com", "is a host name"),
    ("allow shop/web www.example.com 443", "is a host name"),
    ("egress-proxy proxy.example.com 3128 -n open", "is a host name"),
    ("external 203.0.113.7/24", "write 203.0.113.0/24 for the block, 203.0.113.7/32 for the address"),
    ("external 203.0.113.0/33", "is no address"),
    ("external 203.0.113.0/24,198.51.100.0/24", "several as values of their own"),
    ("allow shop/web 203.0.113.7/24 443", "has host bits set"),
    ("external 203.0.113.0/24 --service S3", "--service goes with --ranges"),
    ("metadata-block -n open --except ops", "--except goes with --cluster"),
    ("metadata-block --cluster --except Ops", "--except 'Ops': not the name of a namespace"),
    ("baseline --cluster --except ops,", "--except '': not the name of a namespace"),
    ("gate --engine vap --except Dev", "--except 'Dev': not the name of a namespace"),
    ("external 0.0.0.0/0", "--reason"),
    ("external 10.96.0.20/32", "is shop/service/web"),
    ("external 203.0.113.0/24 --port 99999", "write 443"),
    ("metadata-block -n shop", "isolated for egress already"),
    ("allow-all -n shop", "say until when"),
    ("allow-all -n shop --expires tomorrow", "is no date"),
    ("allow-all -n shop --expires 2020-01-31", "that day is over"),
    ("egress-proxy shop/web 80 -n shop", "would be cut off with it"),
    ("agents fluent -n shop", "name it with --agent"),
    ("from-namespace shop -n shop", "same-namespace"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED, ids=[case[0] for case in REFUSED])
def test_what_cannot_be_written_is_refused(words: str, says: str) -> None:
    done = new(words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_a_snapshot_is_input_as_well(tmp_path: Path) -> None:
    assert podwall("snapshot", "-f", WORLD, "-o", tmp_path / "world.snapshot").code == 0
    words = ["monitoring", "-n", "shop"]
    done = podwall("new", *words, "--snapshot", tmp_path / "world.snapshot")
    assert (done.code, done.out) == (0, new("monitoring -n shop").out)


def test_a_host_name_is_refused_with_three_ways_out() -> None:
    err = new("external api.example.com").err
    assert [line.strip()[:2] for line in err.splitlines() if line.startswith("  ") and line.strip()[1] == "."] == [
        "1.",
        "2.",
        "3.",
    ]


@pytest.mark.parametrize(
    "words", ["deny -n x", "baseline -n x", "same-namespace -n x", "external 203.0.113.7", "metadata-block"]
)
def test_without_input(words: str) -> None:
    done = podwall("new", *words.split(" "))
    assert (done.code, done.out != "") == (0, True)
    assert all(item["metadata"]["labels"] for item in yaml.safe_load_all(done.out))


def test_a_recipe_that_looks_things_up_asks_for_a_cluster() -> None:
    done = podwall("new", "monitoring", "-n", "shop")
    assert (done.code, "give it the cluster with -f" in done.err) == (2, True)


def test_isolating_somebody_who_was_open_is_said() -> None:
    assert "this isolates open/free for egress, which was open" in new("dns -n open").err
    assert "isolates" not in new("dns -n shop").err
    assert "isolates" not in new("baseline -n open").err


def test_a_connection_that_stays_denied_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "admin.yaml").write_text(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: never}\n"
        "spec:\n  tier: Admin\n  priority: 1\n  subject: {namespaces: {}}\n"
        "  egress: [{action: Deny, to: [{namespaces: {}}]}]\n",
        "utf-8",
    )
    done = new("allow shop/web shop/api 8081", "-f", str(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert "would still be denied, as egress, by never" in done.err


def test_files(tmp_path: Path) -> None:
    first = new("allow shop/api data/db sql", "-d", str(tmp_path))
    names = ["data.db-from-shop-api-5432.yaml", "shop.api-to-data-db-5432.yaml"]
    assert (first.code, sorted(p.name for p in tmp_path.iterdir())) == (0, names)
    assert "(unchanged)" in new("allow shop/api data/db sql", "-d", str(tmp_path)).out
    (tmp_path / names[1]).write_text("mine\n", "utf-8")
    refused = new("allow shop/api data/db sql", "-d", str(tmp_path))
    assert (refused.code, "--force" in refused.err, (tmp_path / names[1]).read_text("utf-8")) == (2, True, "mine\n")
    assert new("allow shop/api data/db sql", "-d", str(tmp_path), "--force").code == 0
    assert (tmp_path / names[1]).read_text("utf-8") != "mine\n"


def test_what_was_written_before_is_written_again(tmp_path: Path) -> None:
    first = new("baseline -n open", "-d", str(tmp_path))
    again = new("baseline -n open", "-f", str(tmp_path))
    assert (first.code, again.code) == (0, 0)
    assert again.out == "---\n".join(p.read_text("utf-8") for p in sorted(tmp_path.iterdir(), reverse=True))


def test_a_name_that_somebody_else_took_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: allow-dns, namespace: shop}\n"
        "spec: {podSelector: {matchLabels: {app: api}}, policyTypes: [Egress]}\n",
        "utf-8",
    )
    done = new("dns -n shop", "-f", str(tmp_path))
    assert [item["metadata"]["name"] for item in yaml.safe_load_all(done.out)] == ["podwall-allow-dns"]
    assert "allow-dns is taken" in done.err
