"""The pages of the checks are those that the files of the checks make, and their links lead somewhere."""

from __future__ import annotations

import re

from tests.docs.make_rules import FOLDER, pages


def test_pages_are_up_to_date() -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert found == pages(), "run `make docs`"


def test_links_lead_somewhere() -> None:
    made = pages()
    assert {name for page in made.values() for name in re.findall(r"\]\((PW\d+\.md)\)", page)} == made.keys() - {
        "README.md"
    }
