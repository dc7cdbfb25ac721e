"""Edits of objects: by where they were read, items of lists included."""

from __future__ import annotations

import pytest

from podwall.author.edit import Edit, edited
from podwall.cluster.objects import Origin
from podwall.errors import CannotEdit

LIST = b"kind: List\nitems:\n- a: 1\n- a: 2 # two\n"


def test_an_object_in_a_list_is_edited_where_it_stands() -> None:
    edits = [Edit(Origin("l.yaml", 0, 1), "replace", ("a",), 3)]
    assert edited({"l.yaml": LIST, "other.yaml": b""}, edits) == {"l.yaml": LIST.replace(b"2 #", b"3 #")}


def test_a_new_object_stands_behind_the_one_that_it_is_for() -> None:
    new = Edit(Origin("l.yaml", 0, 0), "append", (), {"a": 9})
    assert edited({"l.yaml": LIST}, [new]) == {"l.yaml": LIST.replace(b"- a: 2", b"- a: 9\n- a: 2")}


def test_several_files_change_together_or_not_at_all() -> None:
    texts = {"a.yaml": b"x: 1\n", "b.yaml": b"y: 1\n"}
    first, second = Edit(Origin("a.yaml"), "replace", ("x",), 2), Edit(Origin("b.yaml"), "remove", ("z",))
    assert edited(texts, [first]) == {"a.yaml": b"x: 2\n"}
    with pytest.raises(CannotEdit):
        edited(texts, [first, second])
