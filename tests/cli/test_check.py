"""podwall check: the text that people read, what counts and what does not, and the exit codes.

The golden files hold what the program printed when a person last read it. After a change that is meant:
`cd examples/shop && podwall check -f broken > ../../tests/cli/golden/check-broken.txt`, and read the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwall.check.registry import all_rules
from tests.cli.program import SHOP, Done, podwall

GOLDEN = Path(__file__).parent / "golden"
ONLINE_BOUTIQUE = Path(__file__).parents[2].parent / "shared" / "data" / "online-boutique"

SPACE = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop%s}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{containerPort: 80}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop%s}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{ipBlock: {cidr: 0.0.0.0/0}}]
    ports: [{port: %s}]
"""
OPEN = SPACE % ("", "", "80")  # PW150 and PW173: warnings
QUOTED = SPACE % ("", "", '"80"')  # PW104: an error
BY_NOTE = SPACE % ("", ', annotations: {podwall.io/ignore: "PW150: %s"}', "80")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


def check(objects: str, *arguments: str | Path) -> Done:
    Path("shop.yaml").write_text(objects, encoding="utf-8")
    return podwall("check", "-f", "shop.yaml", *arguments)


def found(objects: str, *arguments: str | Path) -> dict[str, Any]:
    """The findings by id."""
    return {finding["id"]: finding for finding in check(objects, *arguments, "-o", "json").json["findings"]}


# What people read


@pytest.mark.parametrize(("name", "code"), [("broken", 1), ("good", 0)])
def test_golden(name: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHOP)
    done = podwall("check", "-f", name)
    assert (done.code, done.err) == (code, "")
    assert done.out == (GOLDEN / f"check-{name}.txt").read_text(encoding="utf-8")
    assert [line for line in done.out.splitlines() if len(line) > 80] == []


def test_the_three_slips_of_the_broken_shop_are_found_and_nothing_in_the_good_one() -> None:
    slips = {
        ("payments/ledger-db", "spec.ingress[0].from[2]"),  # OR for AND
        ("payments/default-deny", "spec.egress"),  # no DNS
        ("shop/catalog", "spec.ingress[0].from[0]"),  # a typo
        ("shop/web", "spec.egress[0]"),  # what the typo cuts off
        ("shop/web", "spec.template.spec.containers[0].env[0].value"),  # and who misses it
    }
    said = podwall("check", "-f", SHOP / "broken", "-o", "json").json["findings"]
    assert {(f"{f['object']['namespace']}/{f['object']['name']}", f["path"]) for f in said} == slips
    assert podwall("check", "-f", SHOP / "good", "-o", "json").json["findings"] == []


@pytest.mark.skipif(not ONLINE_BOUTIQUE.exists(), reason=f"no {ONLINE_BOUTIQUE.name}")
def test_policies_that_are_known_to_be_good() -> None:
    done = podwall("check", "-f", ONLINE_BOUTIQUE, "-o", "json")
    assert (done.code, done.json["findings"]) == (0, [])


def test_places_of_which_the_same_is_said_stand_together(here: Path) -> None:
    spaces = "---\n".join(OPEN.replace("shop", f"shop-{n}") for n in range(8))
    out = check(spaces).out
    assert out.count("is every address of IPv4") == 1
    assert "  also shop-1/web, shop.yaml:" in out
    assert "  and 3 more (-o json lists them)" in out


# What the API server refuses


def test_what_is_wrong_with_the_input_is_found_and_the_rest_is_checked(here: Path) -> None:
    said = found(QUOTED)
    assert set(said) == {"PW104", "PW173"}
    assert (said["PW104"]["path"], said["PW104"]["line"]) == ("spec.ingress[0].ports[0].port", 22)
    assert "is wrong" not in podwall("map", "-f", "shop.yaml").err


def test_an_invalid_object_of_a_list_is_named(here: Path) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": 5}}}
    done = check(json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod]}), "-o", "json", "-n", "shop")
    (finding,) = done.json["findings"]
    assert (finding["id"], finding["path"]) == ("PW104", "metadata.labels.app")
    assert (finding["object"]["namespace"], finding["object"]["name"]) == ("shop", "web")


def test_text_that_cannot_be_read_stays_an_input_error(here: Path) -> None:
    done = check("kind: [\n")
    assert (done.code, done.out) == (2, "")
    assert "shop.yaml:" in done.err


# What counts


CODES: list[tuple[str, tuple[str, ...], int]] = [
    (OPEN, (), 0),
    (OPEN, ("--fail-on", "warning"), 1),
    (OPEN, ("--fail-on", "info"), 1),
    (OPEN, ("--fail-on", "warning", "--ignore", "PW150,PW17"), 0),
    (OPEN, ("--fail-on", "warning", "--select", "PW2"), 2),
    (OPEN, ("--fail-on", "warning", "--select", "PW10"), 0),
    (OPEN, ("--fail-on", "often"), 2),
    (OPEN, ("--select", "PW999"), 2),
    (OPEN, ("--baseline", "missing.json"), 2),
    (OPEN, ("--write-baseline",), 2),
    (QUOTED, (), 1),
    (QUOTED, ("--fail-on", "never"), 0),
    (QUOTED, ("--ignore", "PW104"), 0),
    (QUOTED, ("-n", "elsewhere"), 0),
    (QUOTED.replace("kind: Namespace", "kind: Other"), ("--strict",), 3),
]


@pytest.mark.parametrize(("objects", "arguments", "code"), CODES)
def test_exit_codes(here: Path, objects: str, arguments: tuple[str, ...], code: int) -> None:
    done = check(objects, *arguments)
    assert done.code == code, done.err


NOTES = {
    "partner publishes no ranges": {"reason": "partner publishes no ranges", "until": None, "by": "annotation"},
    "soon (until 9999-12-31)": {"reason": "soon", "until": "9999-12-31", "by": "annotation"},
    "late (until 2000-01-01)": None,
    "": None,
}


@pytest.mark.parametrize("reason", NOTES)
def test_an_annotation_suppresses(here: Path, reason: str) -> None:
    said = found(BY_NOTE % reason)
    assert said["PW150"]["suppressed"] == NOTES[reason]
    assert ("PW176" in said) == (NOTES[reason] is None)  # which says that it does nothing any more
    counted = check(BY_NOTE % reason, "--fail-on", "warning", "--select", "PW150")
    assert counted.code == (NOTES[reason] is None)
    assert ("1 suppressed" in counted.out) == (NOTES[reason] is not None)


def test_a_namespace_suppresses_what_is_said_of_it(here: Path) -> None:
    note = ', annotations: {podwall.io/ignore: "PW173: not yet"}'
    assert found(SPACE % (note, "", "80"))["PW173"]["suppressed"]["reason"] == "not yet"


CUT_OFF = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
---
apiVersion: v1
kind: Pod
metadata: {name: job, namespace: shop, labels: {app: job}, annotations: %s}
spec: {containers: [{name: job, env: [{name: WEB_URL, value: "http://web"}]}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, annotations: %s}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
"""


def test_a_lone_pod_and_an_ingress_suppress_what_is_said_of_them(here: Path) -> None:
    note = '{podwall.io/ignore: "PW141: not yet"}'

    def reasons(pod: str, ingress: str) -> dict[str, str | None]:
        said = check(CUT_OFF % (pod, ingress), "-o", "json").json["findings"]
        about = [f for f in said if f["id"] == "PW141"]
        return {f["object"]["kind"]: f["suppressed"] and f["suppressed"]["reason"] for f in about}

    assert reasons("{}", "{}") == {"Pod": None, "Ingress": None}
    assert reasons(note, "{}") == {"Pod": "not yet", "Ingress": None}
    assert reasons("{}", note) == {"Pod": None, "Ingress": "not yet"}


def test_the_project_forbids_to_suppress(here: Path) -> None:
    (here / ".podwall.yaml").write_text("check: {noSuppress: [PW15]}\n")
    assert found(BY_NOTE % "because")["PW150"]["suppressed"] is None


def test_a_baseline_lets_only_new_findings_count(here: Path) -> None:
    assert check(QUOTED, "--baseline", "known.json", "--write-baseline").code == 0
    assert check(QUOTED, "--baseline", "known.json", "--fail-on", "info").code == 0
    moved = "# a line more\n" + QUOTED
    assert check(moved, "--baseline", "known.json", "--fail-on", "info").code == 0
    worse = QUOTED.replace('"80"', '"80", protocol: tcp')
    said = check(worse, "--baseline", "known.json", "-o", "json").json["findings"]
    assert [(f["id"], f["path"]) for f in said if f["suppressed"] is None] == [
        ("PW104", "spec.ingress[0].ports[0].protocol")
    ]
    settled = check(OPEN, "--baseline", "known.json")
    assert "1 of its findings are not there any more" in settled.err


def test_a_baseline_is_the_same_however_often_it_is_written(here: Path) -> None:
    written = []
    for _ in range(2):
        check(QUOTED, "--baseline", "known.json", "--write-baseline")
        written.append((here / "known.json").read_bytes())
    assert written[0] == written[1]
    assert [known["id"] for known in json.loads(written[0])["findings"]] == ["PW104", "PW173"]


@pytest.mark.parametrize("text", ["", "[]", '{"apiVersion": "podwall.io/v1", "kind": "Map", "findings": []}'])
def test_another_file_is_no_baseline(here: Path, text: str) -> None:
    (here / "known.json").write_text(text)
    done = check(OPEN, "--baseline", "known.json")
    assert done.code == 2
    assert "is no baseline" in done.err


PROJECTS = {
    "{ignore: [PW173]}": {"PW150": "warning"},
    "{select: [PW150]}": {"PW150": "warning"},
    "{severities: {PW15: error}}": {"PW150": "error", "PW173": "warning"},
    "{severities: {PW1: info, PW150: error}}": {"PW150": "error", "PW173": "info"},
    "{paths: {shop.yaml: {ignore: [PW150]}}}": {"PW173": "warning"},
    "{paths: {other/: {ignore: [PW150]}}}": {"PW150": "warning", "PW173": "warning"},
    "{paths: {'*.yaml': {severities: {PW173: error}}}}": {"PW173": "error", "PW150": "warning"},
}


@pytest.mark.parametrize("settings", PROJECTS)
def test_the_project_file_weighs(here: Path, settings: str) -> None:
    (here / ".podwall.yaml").write_text(f"check: {settings}\n")
    said = found(OPEN)
    assert {rule: finding["severity"] for rule, finding in said.items()} == PROJECTS[settings]
    assert list(said) == list(PROJECTS[settings])  # worst first


@pytest.mark.parametrize(("least", "code"), [("warning", 1), ("never", 0), ("error", 0)])
def test_the_project_file_says_what_fails(here: Path, least: str, code: int) -> None:
    (here / ".podwall.yaml").write_text(f"check: {{failOn: {least}, baseline: null}}\n".replace(", baseline: null", ""))
    assert check(OPEN).code == code
    assert check(OPEN, "--fail-on", "never").code == 0


def test_an_id_that_there_is_not_in_the_project_file(here: Path) -> None:
    (here / ".podwall.yaml").write_text("check: {ignore: [PW999]}\n")
    done = check(OPEN)
    assert (done.code, "PW999" in done.err) == (2, True)


def test_one_namespace(here: Path) -> None:
    both = OPEN + "---\n" + OPEN.replace("shop", "other")
    done = check(both, "-n", "other", "-o", "json")
    assert {f["object"]["namespace"] or f["object"]["name"] for f in done.json["findings"]} == {"other"}
    assert [row["namespace"] for row in done.json["posture"]] == ["other"]
    assert len(check(both, "-n", "other", "-A", "-o", "json").json["posture"]) == 2


# Documentation


@pytest.mark.parametrize("rule", [rule.id for rule in all_rules()])
def test_every_check_explains_itself(rule: str) -> None:
    done = podwall("check", "--explain", rule)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{rule} (")
    assert "What to do:" in done.out
    prose = done.out.partition("Found in:")[0]
    assert [line for line in prose.splitlines() if len(line) > 80] == []


def test_checks_are_listed() -> None:
    listed = podwall("check", "--explain", "all").out.splitlines()
    assert [line.split()[0] for line in listed] == [rule.id for rule in all_rules()]
    assert podwall("check", "--explain", "PW999").code == 2


def test_what_is_not_asked_is_told(here: Path) -> None:
    egress = "[Ingress, Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]"
    policy = OPEN.replace("[Ingress]", egress)
    done = check(policy, "--explain-skipped")
    assert "PW110 shop/deny: needs the cluster's DNS pods" in done.out
    assert "1 question not asked" in check(policy).out


# Facts that the input, or the project, gives


NOBODY = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody, namespace: shop}
spec: {podSelector: {matchLabels: {app: old}}}
"""


def test_a_snapshot_is_all_of_a_cluster(here: Path) -> None:
    assert found(NOBODY, "--select", "PW120") == {}  # the rest of shop may be in another file (D18)
    assert podwall("snapshot", "-f", "shop.yaml", "-o", "all.snapshot").code == 0
    done = podwall("check", "--snapshot", "all.snapshot", "--select", "PW120", "-o", "json")
    assert [f["object"]["name"] for f in done.json["findings"]] == ["nobody"]


def test_a_snapshot_without_workloads_is_not(here: Path) -> None:
    Path("shop.yaml").write_text(NOBODY.partition("---\n")[2], encoding="utf-8")
    assert podwall("snapshot", "-f", "shop.yaml", "-o", "all.snapshot").code == 0
    assert podwall("check", "--snapshot", "all.snapshot", "--select", "PW120", "-o", "json").json["findings"] == []


def test_a_block_in_the_range_that_pods_are_said_to_have(here: Path) -> None:
    block = OPEN.replace("0.0.0.0/0", "172.20.3.0/24")
    assert "PW152" not in found(block)
    assert "overlaps 172.20.0.0/16" in found(block, "--pod-cidr", "172.20.0.0/16")["PW152"]["message"]


def test_the_posture_of_each_owner(here: Path) -> None:
    assert "By owner" not in check(OPEN).out
    owned = OPEN.replace("{name: web, namespace: shop, labels", "{name: web, namespace: shop, annotations: {}, labels")
    deployment = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop, annotations: {podwall.io/owner: api-team}}
spec: {selector: {matchLabels: {app: api}}, template: {metadata: {labels: {app: api}}}}
"""
    done = check(owned + deployment)
    assert "  api-team  shop             0/1        0        1     " in done.out
    (row,) = check(owned + deployment, "-o", "json").json["posture"]
    assert [(one["owner"], one["workloads"]) for one in row["byOwner"]] == [("api-team", 1)]


def test_an_unsafe_fix_is_named_as_such(here: Path) -> None:
    said = found(OPEN)
    assert [(f["id"], f["fixable"], f["unsafeFix"]) for f in said.values()] == [
        ("PW150", False, False),
        ("PW173", True, True),
    ]
    assert "[--unsafe-fixes]" in " ".join(check(OPEN).out.split())


def test_the_project_says_which_namespaces_need_no_dns(here: Path) -> None:
    closed = SPACE.replace("policyTypes: [Ingress]", "policyTypes: [Ingress, Egress]") % ("", "", "80")
    assert "PW110" in found(closed)
    (here / ".podwall.yaml").write_text("check: {withoutDNS: [shop]}\n", encoding="utf-8")
    assert "PW110" not in found(closed)
    (here / ".podwall.yaml").write_text("check: {withoutDNS: [Shop], unusedDays: 0}\n", encoding="utf-8")
    done = check(closed)
    assert done.code == 2
    assert "check.withoutDNS[0]: not the name of a namespace" in done.err
    assert "check.unusedDays: expected at least 1" in done.err
