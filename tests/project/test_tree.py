"""What holds for the files of the project as a whole: sizes, places, names that must not be in them."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

# Written in pieces, because this file is searched too.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|Users|root|work|tmp/x)/\w")
HOSTS = (
    "pypi." + "org",
    "python" + "hosted.",
    "npmjs." + "org",
    "crates." + "io",
    "proxy." + "golang",
    "maven." + "org",
)
REGISTRY_HOST = re.compile("|".join(map(re.escape, HOSTS)))


def tracked_text() -> Iterator[tuple[str, str]]:
    """Name and text of every file that is, or would be, in a commit."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a clone")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in sorted(filter(None, listed.stdout.split("\0"))):
        path = ROOT / name
        if path.is_file():
            yield name, path.read_bytes().decode(errors="replace")


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY_HOST], ids=["machine path", "registry host"])
def test_no_file_names_this_machine_or_a_registry(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tracked_text()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_no_source_file_is_over_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        assert docstring.end_lineno is not None
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def test_no_function_is_over_40_lines() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {code_lines(node)} lines"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_lines(node) > 40
    ]
    assert found == []


def test_no_module_is_a_catch_all() -> None:
    found = [path for path in SOURCES if path.stem in {"utils", "util", "helpers", "common", "misc"}]
    assert found == []


def test_every_package_says_what_belongs_in_it() -> None:
    found = [path for path in SOURCES if ast.get_docstring(ast.parse(path.read_text())) is None]
    assert found == []
