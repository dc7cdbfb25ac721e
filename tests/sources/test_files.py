"""Files, directories, standard input and kustomizations as texts, and what is named and passed over."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
from pathlib import Path

import pytest

from podwall.errors import InputError
from podwall.sources import files
from podwall.sources.files import Text, is_json, kustomize, read


def texts(filename: str | Path) -> list[Text]:
    return [found.text for found in read(str(filename)) if found.text is not None]


def skipped(filename: str | Path) -> list[str]:
    return [found.skipped for found in read(str(filename)) if found.text is None]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_directory_is_read_to_its_depth_in_order_of_name(here: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "sub/deep/d.yaml", "sub/e.json.gz", ".hidden.yaml", ".git/x.yaml"):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"{}") if name.endswith(".gz") else b"a: 1\n")
    for name in ("README.md", "notes.txt", "archive.gz", "yaml"):
        (here / name).write_bytes(b"no manifest")
    found = texts(".")
    assert [t.name for t in found] == ["a.yml", "b.yaml", "c.json", "sub/deep/d.yaml", "sub/e.json.gz"]
    assert found[-1].data == b"{}"
    assert all(t.walked for t in found)


def test_a_file_that_is_named_may_be_called_anything(here: Path) -> None:
    (here / ".hidden").write_bytes(b"a: 1\n")
    (found,) = texts(".hidden")
    assert (found.name, found.data, found.walked) == (".hidden", b"a: 1\n", False)


def test_names_are_those_of_the_user_or_shorter(here: Path) -> None:
    (here / "m").mkdir()
    (here / "m" / "a.yaml").write_bytes(b"")
    assert [t.name for t in texts("m")] == ["m/a.yaml"]
    assert [t.name for t in texts("./m/a.yaml")] == ["m/a.yaml"]
    assert [t.name for t in texts(here / "m")] == ["m/a.yaml"]
    os.chdir(here / "m")
    assert [t.name for t in texts("../m")] == ["../m/a.yaml"]


@pytest.mark.skipif(os.sep != "/", reason="needs POSIX file names")
def test_names_can_be_printed_whatever_they_hold(here: Path) -> None:
    try:
        (here / os.fsdecode(b"\xff.yaml")).write_bytes(b"a: 1\n")
    except OSError:
        pytest.skip("this file system has no such names")
    (found,) = texts(".")
    assert (found.name, found.data) == ("?.yaml", b"a: 1\n")
    assert found.reread() == b"a: 1\n"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: \xff\n")))
    assert texts("-") == [Text("<stdin>", b"a: \xff\n")]


def test_a_text_is_read_again_from_its_file_only(here: Path) -> None:
    (here / "a.yaml").write_bytes(b"a: 1\n")
    (here / "b.yaml.gz").write_bytes(gzip.compress(b"b: 1\n"))
    for found, data in zip(texts("."), (b"a: 1\n", b"b: 1\n"), strict=True):
        assert found.again().data == b""
        assert found.again().reread() == data
    held = Text("<stdin>", b"c: 1\n")
    assert held.again() is held
    assert held.reread() == b"c: 1\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_gives_its_text_once(here: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"a: 1\n")
    os.close(writing)
    if not Path(f"/dev/fd/{reading}").exists():
        pytest.skip("needs /dev/fd")
    (found,) = texts(f"/dev/fd/{reading}")
    os.close(reading)
    assert found.again().reread() == b"a: 1\n"


@pytest.mark.parametrize("marker", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_kustomizations_are_named_and_skipped(here: Path, marker: str) -> None:
    (here / "app" / "base").mkdir(parents=True)
    (here / "app" / marker).write_bytes(b"resources: [base]\n")
    (here / "app" / "base" / "a.yaml").write_bytes(b"a: 1\n")
    expected = ["app is a kustomization, skipped; build it: podwall … -k app"]
    for filename in ("app", ".", f"app/{marker}"):
        assert (texts(filename), skipped(filename)) == ([], expected)


def test_helm_charts_are_named_and_skipped(here: Path) -> None:
    (here / "chart" / "templates").mkdir(parents=True)
    (here / "chart" / "Chart.yaml").write_bytes(b"name: x\n")
    (here / "chart" / "templates" / "a.yaml").write_bytes(b"name: {{ .Values.x }}\n")
    (here / "b.yaml").write_bytes(b"a: 1\n")
    message = "chart is a Helm chart, skipped; render it and pipe it in: helm template chart | podwall … -f -"
    assert skipped("chart") == skipped("chart/Chart.yaml") == skipped(".") == [message]
    assert [t.name for t in texts(".")] == ["b.yaml"]


def test_links_that_go_round_are_followed_once(here: Path) -> None:
    (here / "a").mkdir()
    (here / "a" / "x.yaml").write_bytes(b"a: 1\n")
    (here / "a" / "again").symlink_to(here / "a")
    (here / "a" / "up").symlink_to(here)
    (here / "b").symlink_to(here / "a")
    assert [t.name for t in texts(".")] == ["a/x.yaml", "b/x.yaml"]


UNREADABLE = [
    ("nowhere.yaml", "nowhere.yaml: cannot be read: No such file or directory"),
    ("https://example.com/a.yaml", "curl -sSf https://example.com/a.yaml | podwall … -f -"),
    ("cut.json.gz", "cut.json.gz: is not a whole gzip file (20 bytes)"),
    ("text.yaml.gz", "text.yaml.gz: is not a whole gzip file"),
    ("broken.yaml.gz", "broken.yaml.gz: is not a whole gzip file"),
]


@pytest.mark.parametrize(("filename", "message"), UNREADABLE)
def test_what_cannot_be_read(here: Path, filename: str, message: str) -> None:
    whole = gzip.compress(b'{"kind": "List"}' * 100)
    (here / "cut.json.gz").write_bytes(whole[:20])
    (here / "text.yaml.gz").write_bytes(b"a: 1\n")
    (here / "broken.yaml.gz").write_bytes(whole[:12] + b"\xff\xff\xff" + whole[15:])
    with pytest.raises(InputError) as caught:
        texts(filename)
    assert message in str(caught.value)


def test_a_bomb_is_not_unpacked(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "bomb.json.gz").write_bytes(gzip.compress(b" " * (4 << 20)))
    monkeypatch.setattr(files, "_MAX_UNPACKED", 1 << 20)
    with pytest.raises(InputError, match=r"bomb.json.gz: unpacks to more than"):
        texts("bomb.json.gz")


def test_a_folder_that_cannot_be_listed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    (here / "closed").mkdir()
    monkeypatch.setattr(Path, "iterdir", refuse)  # modes do not keep root out
    with pytest.raises(InputError, match="closed: cannot be read: Permission denied"):
        texts("closed")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"kind": "Pod"}', True),
        (b' \n\t[\n {"kind": "Pod"}]', True),
        (b'\xef\xbb\xbf{"kind": 1}', True),
        (b"{}", True),
        (b"[]", True),
        (b"{kind: Pod}", False),
        (b"{{ if x }}", False),
        (b"kind: Pod", False),
        (b'# {"a": 1}', False),
        (b"", False),
    ],
)
def test_is_json(data: bytes, expected: bool) -> None:
    assert is_json(data) == expected


# ------------------------------------------------------------------------------------------------- kubectl kustomize
STAND_IN = """#!/bin/sh
test "$1" = kustomize || exit 9
case "$2" in
  bad) echo "error: no kustomization in $2" >&2; exit 1;;
  *) echo "kind: Pod # of $2";;
esac
"""


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for kubectl, the only program on the PATH but those of the system's shell."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


@pytest.mark.usefixtures("kubectl")
def test_kustomize() -> None:
    assert kustomize("overlays/prod") == Text("<kustomize overlays/prod>", b"kind: Pod # of overlays/prod\n")


@pytest.mark.usefixtures("kubectl")
def test_kustomize_that_fails_says_what_kubectl_says() -> None:
    with pytest.raises(InputError, match="kubectl kustomize bad failed: error: no kustomization in bad"):
        kustomize("bad")


def test_kustomize_without_kubectl(kubectl: Path) -> None:
    kubectl.unlink()
    with pytest.raises(InputError, match=r"needs kubectl.*kustomize build app \| podwall … -f -"):
        kustomize("app")
