"""Manifests at a revision: what is read, what is passed over, how files are named, and every way to ask wrongly."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from podwall.api.meta import ObjectMeta
from podwall.errors import InputError
from podwall.sources import git
from podwall.sources.owners import Owners

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"


def run(folder: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, env={**os.environ, **who})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One commit, tagged v1; the working tree has moved on since."""
    tmp_path = tmp_path_factory.mktemp("repository")
    files = {
        "README.md": "no manifest",
        "CODEOWNERS": "/shop/*.yaml @shop\n",
        "shop/web.yaml": POD,
        "shop/deep/er/api.json": '{"kind": "Pod"}',
        "shop/.hidden/x.yaml": POD,
        "shop/.x.yaml": POD,
        "chart/Chart.yaml": "name: x\n",
        "chart/templates/x.yaml": "{{ x }}",
        "overlay/kustomization.yaml": "resources: []\n",
        "overlay/patch.yaml": POD,
        "odd/na me\u00e9.yml": POD,
        "plain.txt": POD,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "shop" / "big.yaml.gz").write_bytes(gzip.compress(POD.encode()))
    (tmp_path / "shop" / "link.yaml").symlink_to("../overlay/patch.yaml")
    (tmp_path / "shop" / "lost.yaml").symlink_to("nowhere.yaml")
    (tmp_path / "shop" / "away.yaml").symlink_to("/etc/hostname")
    run(tmp_path, "init", "-q", "-b", "main")
    run(tmp_path, "add", "-A")
    run(tmp_path, "commit", "-qm", "one")
    run(tmp_path, "tag", "v1")
    (tmp_path / "shop" / "web.yaml").write_text("changed: since\n")
    return tmp_path


@pytest.fixture
def repository(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def texts(name: str) -> dict[str, bytes]:
    return {found.text.name: found.text.data for found in git.read(name) if found.text is not None}


def skipped(name: str) -> list[str]:
    return [found.skipped for found in git.read(name) if found.text is None]


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("git:v1:shop", ["big.yaml.gz", "deep/er/api.json", "link.yaml", "web.yaml"]),
        ("git:v1:shop/", ["big.yaml.gz", "deep/er/api.json", "link.yaml", "web.yaml"]),
        ("git:v1:shop/deep", ["deep/er/api.json"]),
        ("git:main:shop/web.yaml", ["web.yaml"]),
        ("git:main@{0}:shop/web.yaml", ["web.yaml"]),
        ("git:HEAD@{2099-01-01 10:00}:shop/web.yaml", ["web.yaml"]),
        ("git:v1:shop/.hidden", [".hidden/x.yaml"]),  # who names it, means it
        ("git:v1:shop/.x.yaml", [".x.yaml"]),
    ],
)
def test_what_is_read(repository: Path, name: str, files: list[str]) -> None:
    revision = git.revision_of(name)
    found = texts(name)
    assert list(found) == [f"{revision}:shop/{file}" for file in files]
    assert set(found.values()) <= {POD.encode(), b'{"kind": "Pod"}'}


def test_a_file_of_any_name_is_read_if_it_is_named(repository: Path) -> None:
    assert texts("git:v1:plain.txt") == {"v1:plain.txt": POD.encode()}


def test_all_of_a_revision(repository: Path) -> None:
    assert "v1:odd/na me\u00e9.yml" in texts("git:v1")
    assert not any("chart" in name or "overlay" in name or "README" in name for name in texts("git:v1"))


def test_what_is_passed_over_is_named(repository: Path) -> None:
    found = skipped("git:v1")
    assert [words.split(",")[0] for words in found] == [
        "v1:chart is a Helm chart",
        "v1:overlay is a kustomization",
        "v1:shop/away.yaml is a link that leads to no file of the repository",
        "v1:shop/lost.yaml is a link that leads to no file of the repository",
    ]
    assert skipped("git:v1:chart/Chart.yaml") == [found[0]]


def test_a_path_from_the_working_directory(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "shop")
    assert list(texts("git:v1:./deep")) == ["v1:shop/deep/er/api.json"]
    assert list(texts("git:v1:.")) == list(texts("git:v1:shop"))
    assert list(texts("git:v1:shop/deep")) == ["v1:shop/deep/er/api.json"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("git:", "give a revision"),
        ("git::shop", "give a revision"),
        ("git:nope", "no revision nope"),
        ("git:--help", "no revision --help"),
        ("git:v1:nope", "no such file or folder in v1"),
        ("git:v1:shop/web", "no such file or folder in v1"),
        ("git:v1:../shop", ".. in it"),
        ("git:v1:shop/*.yaml", "no such file or folder"),
    ],
)
def test_wrong_names(repository: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words.replace(".", r"\.").replace("*", r"\*")):
        list(git.read(name))


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(InputError, match="git:main: not a git repository"):
        list(git.read("git:main"))


def test_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="needs git"):
        list(git.read("git:main"))


def test_too_much(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "_MOST_BYTES", 10)
    with pytest.raises(InputError, match="bytes of manifests are more than"):
        list(git.read("git:main:shop"))


def test_hooks_and_helpers_of_the_repository_do_not_run(repository: Path) -> None:
    ran = repository / "ran"
    script = repository / ".git" / "hooks" / "post-checkout"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    run(repository, "config", "core.fsmonitor", str(script))
    run(repository, "config", "filter.x.smudge", str(script))
    (repository / ".gitattributes").write_text("* filter=x\n")
    before = (repository / ".git" / "index").read_bytes()
    assert texts("git:main:shop")
    assert not ran.exists()
    assert (repository / ".git" / "index").read_bytes() == before


def test_owners_at_a_revision(repository: Path) -> None:
    (repository / "CODEOWNERS").write_text("* @somebody-else\n")
    owners = Owners(revisions=["v1"])
    assert owners.of(ObjectMeta(), "v1:shop/web.yaml") == "@shop"
    assert owners.of(ObjectMeta(), "v1:shop/deep/er/api.json") == "shop/deep/er"
    assert owners.of(ObjectMeta(), "v1:plain.yaml") is None
    assert owners.of(ObjectMeta(annotations={"podwall.io/owner": "me"}), "v1:shop/web.yaml") == "me"
