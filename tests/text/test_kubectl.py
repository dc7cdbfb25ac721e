"""kubectl itself as the oracle, for the table of scalars and for manifests with slips in them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from podwall.errors import InvalidText
from podwall.text.yaml import documents
from tests.text import kubectl, mutate

pytestmark = pytest.mark.skipif(not kubectl.AVAILABLE, reason="kubectl is not installed")

TABLE = json.loads(Path(__file__).with_name("scalars.json").read_text())


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(("kind", "line"), [("values", "v: {}"), ("keys", "{}: k")])
def test_the_table_of_scalars(kind: str, line: str, tmp_path: Path) -> None:
    rows = TABLE[kind]
    texts = [
        (kubectl.HEADER.format(n) + "spec:\n  " + line.replace("{}", row[0]) + "\n").encode()
        for n, row in enumerate(rows)
    ]
    answers = kubectl.read(texts, tmp_path)
    wrong = []
    for n, (text, expected) in enumerate(rows):
        found = answers[n][0].get("spec") if n in answers else None
        if _text(found) != _text(expected):
            wrong.append((text, expected, found))
    assert not wrong


def _slipped(seed: int, count: int) -> list[bytes]:
    chance = random.Random(seed)
    texts = []
    for n in range(count):
        text = chance.choice(mutate.BODIES)
        for _ in range(chance.choice((1, 1, 2, 3))):
            text = mutate.slip(text, chance)
        texts.append((kubectl.HEADER.format(n) + text).encode())
    return texts


def test_slips_are_read_as_kubectl_reads_them(tmp_path: Path) -> None:
    texts = _slipped(seed=20, count=600)
    answers = kubectl.read(texts, tmp_path)
    compared, wrong = 0, []
    for n, text in enumerate(texts):
        try:
            ours = list(documents(text, "f.yaml"))
        except InvalidText:
            continue
        if n in answers:
            compared += 1
            # Behind a `---` that slipped in stands an object without a kind, which kubectl refuses.
            if _text(ours[0].value) != _text(answers[n][0]):
                wrong.append((text, ours[0].value, answers[n][0]))
    assert not wrong
    assert compared > 200


WHOLE_FILES = {
    "begins with ---": b"---\n%s",
    "begins with --- twice": b"---\n---\n%s",
    "ends with ---": b"%s---\n",
    "ends with --- and no newline": b"%s---",
    "two": b"%s---\n%s",
    "comments around": b"# a\n---\n# b\n%s\n--- # c\n# d\n---\n%s",
    "null between": b"%s---\nnull\n---\n%s",
    "spaces behind ---": b"%s--- \t\n%s",
    "CRLF": b"%s\r\n---\r\n%s",
    "ends with ...": b"%s...\n",
    "UTF-8 mark": b"\xef\xbb\xbf%s",
    "UTF-8 mark in the second": b"%s---\n\xef\xbb\xbf%s",
    "UTF-8 mark and ---": b"\xef\xbb\xbf---\n%s",
    "block scalar at the end": b"%sdata: |\n  a",
    "folded scalar at the end": b"%sdata: >\n  a\n\n",
    "indented ---": b"%sdata: |\n  a\n  ---\n  b\n",
}


def test_whole_files(tmp_path: Path) -> None:
    names = list(WHOLE_FILES)
    texts = [
        WHOLE_FILES[name].replace(b"%s", kubectl.HEADER.format(n).encode() + b"spec: {a: b}\n")
        for n, name in enumerate(names)
    ]
    for encoding in ("utf-16-le", "utf-16-be"):
        names.append(encoding)
        text = "\ufeff" + kubectl.HEADER.format(len(texts)) + "spec: é\n"
        texts.append(text.encode(encoding))
    answers = kubectl.read(texts, tmp_path)
    for n, name in enumerate(names):
        ours = [document.value for document in documents(texts[n], "f.yaml")]
        assert _text(ours) == _text(answers[n]), name
