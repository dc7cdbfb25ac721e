"""pyproject.toml, the locked requirements, the changelog and the licence say the same."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import podwall

ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
LOCKS = ("runtime.txt", "dev.txt")


def locked(name: str) -> dict[str, str]:
    """Package → its pinned version, of one locked file."""
    pins: dict[str, str] = {}
    for line in (ROOT / "requirements" / name).read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix("\\"))
            pins[canonicalize_name(requirement.name)] = str(requirement.specifier)
    return pins


def group(name: str) -> list[Requirement]:
    """The requirements of a dependency group, with those of the groups that it includes."""
    wanted: list[Requirement] = []
    for entry in PYPROJECT["dependency-groups"][name]:
        wanted += group(entry["include-group"]) if isinstance(entry, dict) else [Requirement(entry)]
    return wanted


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_requirement_is_one_version_with_hashes(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    entries = re.findall(r"^[\w.\[\]-]+==.*(?:\n    --hash=.*)*", text, flags=re.MULTILINE)
    assert len(entries) == len(locked(name)) > 0
    assert [entry.split()[0] for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}$", entry)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_says_where_packages_come_from(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert [line for line in text.splitlines() if "://" in line or "@" in line or line.startswith("-")] == []


def test_both_locks_have_the_same_versions() -> None:
    assert locked("runtime.txt").items() <= locked("dev.txt").items()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("runtime.txt", [Requirement(text) for text in PROJECT["dependencies"]]),
        ("dev.txt", group("dev")),
        ("dev.txt", [Requirement(text) for text in PYPROJECT["build-system"]["requires"]]),
    ],
    ids=["dependencies", "dev", "build-system"],
)
def test_a_lock_has_what_is_declared(name: str, wanted: list[Requirement]) -> None:
    pins = locked(name)
    for requirement in wanted:
        pinned = Version(pins[canonicalize_name(requirement.name)].removeprefix("=="))
        assert requirement.specifier.contains(pinned), requirement


def test_every_core_dependency_has_a_lower_bound() -> None:
    bounds = {Requirement(text).name: str(Requirement(text).specifier) for text in PROJECT["dependencies"]}
    assert set(bounds) == {"click", "msgspec", "numpy", "PyYAML"}
    assert all(bound.startswith(">=") for bound in bounds.values())


def test_all_is_the_union_of_the_other_extras() -> None:
    extras = PROJECT["optional-dependencies"]
    assert set(extras) == {"flows", "web", "spark", "clickhouse", "all"}
    (union,) = (Requirement(text) for text in extras["all"])
    assert union.name == PROJECT["name"]
    assert union.extras == set(extras) - {"all"}


def test_the_installed_version_is_the_one_in_the_source() -> None:
    try:
        installed = metadata("podwall")
    except PackageNotFoundError:
        pytest.skip("podwall is not installed here (`make test` installs it)")
    assert installed["Version"] == podwall.__version__
    assert installed["License-Expression"] == "Apache-2.0"


def test_the_changelog_has_the_current_version_on_top() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    assert headings[:2] == ["Unreleased", podwall.__version__]


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert PROJECT["license"] == "Apache-2.0"
    assert text.split()[:5] == ["Apache", "License", "Version", "2.0,", "January"]
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_types_are_published() -> None:
    assert (ROOT / "src" / "podwall" / "py.typed").is_file()
