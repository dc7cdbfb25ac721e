"""Whose policy it is: what it says itself, then CODEOWNERS, then its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwall.api.meta import ObjectMeta
from podwall.errors import InputError
from podwall.sources.owners import OWNER, Owners

NOBODY = ObjectMeta(name="p")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    for name in ("a.yaml", "apps/shop/b.yaml", "apps/shop/np/c.yaml", "docs/d.yaml", "docs/x/e.yaml", "my apps/f.yaml"):
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path / "repository")
    return tmp_path / "repository"


def test_the_object_says_it_first(project: Path) -> None:
    (project / "CODEOWNERS").write_text("* @all\n")
    annotated = ObjectMeta(name="p", annotations={OWNER: "team-a"}, labels={OWNER: "team-b"})
    assert Owners().of(annotated, "a.yaml") == "team-a"
    assert Owners().of(ObjectMeta(name="p", labels={OWNER: "team-b"}), "<stdin>") == "team-b"
    assert Owners().of(ObjectMeta(name="p", annotations={OWNER: ""}), "a.yaml") == "@all"


@pytest.mark.parametrize("place", ["CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"])
def test_codeowners_is_found_where_forges_look(project: Path, place: str) -> None:
    (project / place).parent.mkdir(exist_ok=True)
    (project / place).write_text("*.yaml @all\n")
    owners = Owners()
    assert owners.of(NOBODY, "apps/shop/b.yaml") == "@all"
    assert owners.of(NOBODY, str(project / "a.yaml")) == "@all"


PATTERNS = [
    ("* @x", "apps/shop/b.yaml", "@x"),
    ("*.yaml @x @y", "apps/shop/np/c.yaml", "@x @y"),
    ("*.yml @x", "apps/shop/np/c.yaml", None),
    ("/a.yaml @x", "a.yaml", "@x"),
    ("/b.yaml @x", "apps/shop/b.yaml", None),
    ("b.yaml @x", "apps/shop/b.yaml", "@x"),
    ("shop/ @x", "apps/shop/np/c.yaml", "@x"),
    ("shop @x", "apps/shop/np/c.yaml", "@x"),
    ("sho @x", "apps/shop/np/c.yaml", None),
    ("/shop/ @x", "apps/shop/b.yaml", None),
    ("/apps/ @x", "apps/shop/b.yaml", "@x"),
    ("apps/shop @x", "apps/shop/b.yaml", "@x"),
    ("shop/np @x", "apps/shop/np/c.yaml", None),
    ("docs/* @x", "docs/d.yaml", "@x"),
    ("docs/* @x", "docs/x/e.yaml", None),
    ("docs/** @x", "docs/x/e.yaml", "@x"),
    ("**/np @x", "apps/shop/np/c.yaml", "@x"),
    ("apps/**/c.yaml @x", "apps/shop/np/c.yaml", "@x"),
    ("apps/**/b.yaml @x", "apps/shop/b.yaml", "@x"),
    ("apps/*/np/ @x", "apps/shop/np/c.yaml", "@x"),
    ("?.yaml @x", "a.yaml", "@x"),
    ("a?yaml @x", "a.yaml", "@x"),
    ("a.yam @x", "a.yaml", None),
    (r"/my\ apps/ @x", "my apps/f.yaml", "@x"),
    ("* @x\n/apps/ @y\n", "apps/shop/b.yaml", "@y"),
    ("/apps/ @y\n* @x\n", "apps/shop/b.yaml", "@x"),
    ("* @x\n/apps/shop/np/\n", "apps/shop/np/c.yaml", None),
    ("# * @x\n\n* @y # why\n", "a.yaml", "@y"),
    ("[Shop]\n^[Other][2] @z\n* @y\n", "a.yaml", "@y"),
]


@pytest.mark.parametrize(("text", "file", "owner"), PATTERNS)
def test_patterns(project: Path, text: str, file: str, owner: str | None) -> None:
    (project / "CODEOWNERS").write_text(f"{text}\n")
    folder = str(Path(file).parent) if "/" in file else "repository"
    assert Owners().of(NOBODY, file) == (owner or folder)


def test_the_nearest_codeowners_counts(project: Path) -> None:
    (project / "CODEOWNERS").write_text("* @far\n")
    (project / "apps" / "CODEOWNERS").write_text("shop/np/ @near\n")
    owners = Owners()
    assert owners.of(NOBODY, "apps/shop/np/c.yaml") == "@near"
    assert owners.of(NOBODY, "apps/shop/b.yaml") == "apps/shop"
    assert owners.of(NOBODY, "docs/d.yaml") == "@far"


def test_a_repository_is_the_limit(project: Path) -> None:
    (project.parent / "CODEOWNERS").write_text("* @outside\n")
    assert Owners().of(NOBODY, "docs/d.yaml") == "docs"


@pytest.mark.parametrize(
    ("source", "owner"),
    [
        ("docs/x/e.yaml", "docs/x"),
        ("a.yaml", "repository"),
        ("<stdin>", None),
        ("<kustomize x>", None),
        ("gone.yaml", None),
    ],
)
@pytest.mark.usefixtures("project")
def test_the_folder_is_the_last_resort(source: str, owner: str | None) -> None:
    assert Owners().of(NOBODY, source) == owner


def test_a_codeowners_that_cannot_be_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    (project / "CODEOWNERS").write_text("* @x\n")
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(InputError, match="CODEOWNERS: cannot be read: Permission denied"):
        Owners().of(NOBODY, "a.yaml")
