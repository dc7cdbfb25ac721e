"""The words of a mistake, taken apart again."""

from __future__ import annotations

import pytest

from podwall.admission.finding import advised, invalid, required

MESSAGES = [
    (invalid("80", "must be a name", "write port: 80"), ('Invalid value: "80": must be a name', "write port: 80")),
    (required("must specify a peer"), ("Required value: must specify a peer", "")),
    (required(advice="write it"), ("Required value", "write it")),
    (
        invalid("x", "a label must consist of letters (e.g. 'a'; regex used for validation is '[a-z]')"),
        ("Invalid value: \"x\": a label must consist of letters (e.g. 'a'; regex used for validation is '[a-z]')", ""),
    ),
    ("expected a string, got a number; put it in quotes", ("expected a string, got a number", "put it in quotes")),
]


@pytest.mark.parametrize(("message", "parts"), MESSAGES)
def test_a_message_has_two_parts(message: str, parts: tuple[str, str]) -> None:
    assert advised(message) == parts
