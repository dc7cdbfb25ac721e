"""podwall check --fix and --diff as a person runs them: what is written, what is said, the exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import SHOP, podwall

SLIPS = """\
# of the web team
apiVersion: v1
kind: Pod
metadata:   {name: web, namespace: shop, labels: {app: "web"}}   # keep  me
spec: {containers: [{name: web, ports: [{containerPort: 8080}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
    podSelector: {matchLabels: {'app': web}}
    policyTypes: [ Ingress ]
    ingress:
    # everyone
    - from: []   # for now
      ports:
      - port: 8080
"""
FIXED = SLIPS.replace("    - from: []   # for now\n      ports:\n", "    - ports:\n")
FOREIGN = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: {}\n"
OTHER = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(SLIPS, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_what_is_fixed_is_told_and_every_other_byte_stays(here: Path, ends: str) -> None:
    file = here / "shop.yaml"
    file.write_bytes(SLIPS.replace("\n", ends).encode())
    done = podwall("check", "-f", "shop.yaml", "--fix")
    assert file.read_bytes() == FIXED.replace("\n", ends).encode()
    assert "FIXED PW102  shop/web\n  shop.yaml:7 spec.ingress[0].from" in done.out
    assert "changes no connection" in done.out
    assert "PW102" not in done.out.partition("Posture")[0].partition("1 finding fixed")[2]
    assert [line for line in done.out.splitlines() if len(line) > 80] == []


def test_a_second_run_changes_nothing(here: Path) -> None:
    shutil.copytree(SHOP / "broken", here / "broken")
    for flags in (["--fix"], ["--fix", "--unsafe-fixes"]):
        podwall("check", "-f", ".", *flags)
        before = {path: path.read_bytes() for path in here.rglob("*.yaml")}
        again = podwall("check", "-f", ".", *flags)
        assert {path: path.read_bytes() for path in here.rglob("*.yaml")} == before
        assert "nothing to fix" in again.out


def test_the_findings_behind_a_fix_are_those_of_a_run_of_its_own(here: Path) -> None:
    shutil.copytree(SHOP / "broken", here / "broken")
    fixed = podwall("check", "-f", "broken", "--fix", "-o", "json")
    after = podwall("check", "-f", "broken", "-o", "json")
    assert fixed.json == after.json
    assert "FIXED PW110" in fixed.err


def test_what_closes_something_takes_unsafe_fixes(here: Path) -> None:
    shutil.copytree(SHOP / "broken", here / "broken")
    file = here / "broken" / "payments-policies.yaml"
    safe = podwall("check", "-f", "broken", "--fix", "--select", "PW101")
    assert file.read_bytes() == (SHOP / "broken" / "payments-policies.yaml").read_bytes()
    assert "closes: monitoring/grafana -> payments/ledger-db  TCP 5432" in safe.out
    assert "not safe by itself: --unsafe-fixes makes it" in safe.out
    unsafe = podwall("check", "-f", "broken", "--fix", "--unsafe-fixes", "--select", "PW101")
    assert "closes: monitoring/grafana -> payments/ledger-db  TCP 5432" in unsafe.out
    assert podwall("check", "-f", "broken", "--select", "PW101", "-o", "json").json["findings"] == []


def test_a_diff_is_one_that_patch_takes_and_writes_nothing(here: Path) -> None:
    done = podwall("check", "-f", "shop.yaml", "--diff")
    assert done.code == 1
    assert (here / "shop.yaml").read_text(encoding="utf-8") == SLIPS
    (here / "fix.patch").write_text(done.out, encoding="utf-8")
    if shutil.which("patch"):
        subprocess.run(["patch", "-p0", "-i", "fix.patch"], cwd=here, check=True, capture_output=True)
        assert (here / "shop.yaml").read_text(encoding="utf-8") == FIXED
    (here / "shop.yaml").write_text(FIXED, encoding="utf-8")
    assert podwall("check", "-f", "shop.yaml", "--diff").code == 0


def test_standing_input_is_read_once_and_what_is_in_files_is_fixed(here: Path) -> None:
    done = podwall("check", "-f", "shop.yaml", "-f", "-", "--fix", "-o", "json", stdin=OTHER)
    assert done.code == 0, done.err
    assert (here / "shop.yaml").read_text(encoding="utf-8") == FIXED
    assert [row["namespace"] for row in done.json["posture"]] == ["shop"]


def test_standard_input_alone_cannot_be_fixed(here: Path) -> None:
    done = podwall("check", "-f", "-", "--fix", stdin=SLIPS)
    assert done.code == 0, done.err
    assert "<stdin> cannot be written" in done.out
    assert "WARNING PW102" in done.out


@pytest.mark.parametrize("flag", ["--fix", "--diff"])
def test_incomplete_input_is_told_and_has_its_code(here: Path, flag: str) -> None:
    (here / "foreign.yaml").write_text(FOREIGN, encoding="utf-8")
    done = podwall("check", "-f", ".", flag)
    assert done.code == 3
    assert done.err.count("1 CiliumNetworkPolicy (cilium.io) not analyzed") == 1


@pytest.mark.parametrize("flags", [["--unsafe-fixes"], ["--fix", "--diff"]])
def test_flags_that_say_nothing_together(here: Path, flags: list[str]) -> None:
    assert podwall("check", "-f", "shop.yaml", *flags).code == 2


EXPIRED = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: debug, namespace: shop, annotations: {podwall.io/expires: "2020-01-31"}}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress: [{}]
"""


def test_a_policy_that_is_due_goes_with_what_it_opened(here: Path) -> None:
    (here / "shop.yaml").write_text(FIXED + EXPIRED, encoding="utf-8")
    podwall("check", "-f", "shop.yaml", "--fix", "--select", "PW176")
    assert (here / "shop.yaml").read_text(encoding="utf-8") == FIXED + EXPIRED
    done = podwall("check", "-f", "shop.yaml", "--fix", "--unsafe-fixes", "--select", "PW176")
    assert (here / "shop.yaml").read_text(encoding="utf-8") == FIXED
    assert "closes: 0.0.0.0/0 -> shop/web" in done.out


def test_a_policy_that_changes_nothing_goes(here: Path) -> None:
    twice = FIXED + "---\n" + FIXED.partition("---\n")[2].replace("name: web, namespace", "name: web-2, namespace")
    (here / "shop.yaml").write_text(twice, encoding="utf-8")
    done = podwall("check", "-f", "shop.yaml", "--fix", "--select", "PW160")
    assert (here / "shop.yaml").read_text(encoding="utf-8") == FIXED
    assert "delete the policy\n  changes no connection" in done.out


def test_a_policy_that_is_an_item_of_a_list_goes(here: Path) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "a"}}}
    policies = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"podSelector": {"matchLabels": {"app": "a"}}, "ingress": [{"ports": [{"port": 80}]}]},
        }
        for name in ("one", "two")
    ]
    whole = {"apiVersion": "v1", "kind": "List", "items": [pod, *policies]}
    (here / "shop.json").write_text(json.dumps(whole, indent=2), encoding="utf-8")
    podwall("check", "-f", "shop.json", "--fix", "--select", "PW160")
    left = json.loads((here / "shop.json").read_text(encoding="utf-8"))
    assert left["items"] == [pod, policies[0]]
