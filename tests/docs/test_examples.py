"""What the documentation shows is what the program prints."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from click.testing import CliRunner

from podwall.cli.main import app
from tests.docs.examples import blocks, runs, write_files

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "$ podwall " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(DOCS)) for path in PAGES])
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page.read_text(encoding="utf-8")
    write_files(text, tmp_path)
    monkeypatch.chdir(tmp_path)
    used = set()
    for run in runs(text):
        used.update(run.arguments)
        try:
            done = CliRunner().invoke(app, run.arguments, prog_name="podwall")
        finally:
            gc.enable()  # which a command leaves off
        assert done.exit_code in (0, 1), done.output
        assert done.output.rstrip("\n") + "\n" == run.printed, run.command
    assert {path.name for path in tmp_path.iterdir()} <= used  # no example that nothing is said about


def test_there_are_pages() -> None:
    assert "what-policies-mean.md" in [page.name for page in PAGES]
    assert all(list(blocks(page.read_text(encoding="utf-8"), "console")) for page in PAGES)
