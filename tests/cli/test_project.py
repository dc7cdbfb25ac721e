"""The project file through the program: flags win over it, -v names it, and `podwall project` shows it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.program import SHOP, podwall

PROJECT = """\
inputs: [shop]
namespace: shop
profile: cilium
podCIDRs: [10.9.0.0/16]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(SHOP / "broken", tmp_path / "shop")
    (tmp_path / "sub").mkdir()
    (tmp_path / ".podwall.yaml").write_text(PROJECT)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "sub")
    return tmp_path


def test_it_stands_for_flags(here: Path) -> None:
    found = podwall("map", "-o", "json", "--why")
    flags = ("-f", "../shop", "--cni", "cilium", "--pod-cidr", "10.9.0.0/16")
    assert found.out == podwall("map", *flags, "--no-project", "-o", "json", "--why").out
    assert (found.code, found.err) == (0, "")
    assert podwall("explain", "web", "cart", "7070").code == 0  # names without a namespace are of its namespace
    assert podwall("explain", "web", "cart", "7070", "-n", "payments").code == 2
    done = podwall("verdict", "--queries", "-", stdin='{"src":"web","dst":"cart","port":7070}\n')
    assert done.lines[0]["verdict"] == "allow"


def test_flags_win(here: Path) -> None:
    (here / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
    found = podwall("map", "-f", "../pod.yaml", "--cni", "kubernetes", "--pod-cidr", "10.8.0.0/16", "-o", "json").json
    assert found["profile"] == "kubernetes"
    (endpoint,) = found["endpoints"]
    assert endpoint["name"] == "shop/a"
    assert endpoint["addresses"][0].startswith("10.8.")
    assert podwall("map", "-f", "../pod.yaml", "-n", "other", "-o", "json").json["endpoints"][0]["name"] == "other/a"
    assert podwall("map", "--no-project").code == 2


def test_it_is_named(here: Path) -> None:
    assert podwall("map", "-v", "--summary").err.startswith("project file: ../.podwall.yaml\n../shop/ingress.yaml: ")
    assert "project file" not in podwall("map", "-v", "--no-project", "-f", "../shop").err
    (here / "other.yaml").write_text("inputs: [shop]\nstrict: true\n")
    done = podwall("map", "-v", "--summary", "-o", "json", "--project", "../other.yaml")
    assert (done.code, done.json["profile"]) == (0, "kubernetes")
    assert done.err.startswith("project file: ../other.yaml\n")


def test_strictness_and_snapshots(here: Path) -> None:
    (here / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
    assert podwall("snapshot", "-f", "../pod.yaml", "-o", "../pod.gz", "--no-project").code == 0
    (here / ".podwall.yaml").write_text("snapshot: pod.gz\nstrict: true\n")
    assert podwall("map").code == 3  # no Namespace object


def test_mistakes_stop_every_command(here: Path) -> None:
    (here / ".podwall.yaml").write_text("input: [shop]\n")
    said = "error: ../.podwall.yaml:1: input: unknown key, did you mean `inputs`?\n"
    for command in (("map",), ("explain", "a", "b"), ("snapshot", "-o", "x"), ("project",)):
        done = podwall(*command)
        assert (done.code, done.out, done.err) == (2, "", said)
    assert podwall("map", "--no-project", "-f", "../shop").code == 0
    assert podwall("map", "--project", "nothing.yaml").code == 2


def test_shown(here: Path) -> None:
    assert podwall("project").out == (
        "# ../.podwall.yaml\ninputs:\n- shop\nnamespace: shop\nprofile: cilium\npodCIDRs:\n- 10.9.0.0/16\n"
    )
    found = podwall("project", "-o", "json").json
    assert (found["file"], found["settings"]["profile"]) == ("../.podwall.yaml", "cilium")
    (here / ".podwall.yaml").unlink()
    assert podwall("project").out == "no .podwall.yaml in this folder or above it\n"
    assert podwall("project", "-o", "json").json["file"] is None


def test_schema() -> None:
    assert json.loads(podwall("project", "--schema").out)["$defs"]["Settings"]["additionalProperties"] is False
