"""The program as the shell sees it: pipes, signals, full disks, what it imports, and kubectl."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import ROOT, SHOP, finish, process

GOOD = SHOP / "good"


def pods(number: int) -> bytes:
    items = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{n}"}} for n in range(number)]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_reader_that_has_enough_is_no_error(tmp_path: Path, output: str) -> None:
    (tmp_path / "pods.json").write_bytes(pods(300))
    with process(
        "map", "-f", tmp_path / "pods.json", "-q", "-o", output, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        assert len(started.stdout.readline()) > 1
        started.stdout.close()
        assert started.wait(60) == 0
        assert started.stderr.read() == b""


def test_a_reader_that_has_enough_does_not_hide_differences() -> None:
    """`podwall diff … | head` under pipefail must not turn green."""
    with process("diff", SHOP / "broken", GOOD, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()
        assert started.wait(60) == 1
        assert started.stderr.read() == b""


def test_answers_come_while_questions_are_asked() -> None:
    question = b'{"src": "shop/web", "dst": "shop/cart", "port": 7070}\n'
    with process("verdict", "-f", GOOD, "--queries", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        started.stdin.write(question * 500)
        started.stdin.flush()
        assert json.loads(started.stdout.readline())["verdict"] == "allow"
        started.stdin.close()
        assert len(started.stdout.readlines()) == 499
        assert started.wait(60) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("arguments", [("map", "-f", "-"), ("verdict", "-f", str(GOOD), "--queries", "-")], ids=str)
def test_control_c(arguments: tuple[str, ...]) -> None:
    with process(*arguments, "-v", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdin is not None
        assert started.stderr is not None
        if arguments[0] == "verdict":
            started.stderr.readline()  # it has read the cluster and waits for questions
        else:
            started.stdin.write(b"{")
            started.stdin.flush()
            _wait_until_it_reads(started)
        started.send_signal(signal.SIGINT)
        assert started.wait(60) == 130
        assert b"Traceback" not in started.stderr.read()


def _wait_until_it_reads(started: subprocess.Popen[bytes]) -> None:
    """Until the process sleeps in a read of its standard input, or for what it takes elsewhere."""
    state = Path(f"/proc/{started.pid}/wchan")
    for _ in range(200):
        if state.exists() and "pipe" in state.read_text():
            return
        try:
            started.wait(0.05)
        except subprocess.TimeoutExpired:
            continue


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [("map",), ("map", "--summary"), ("map", "-o", "json")], ids=str)
def test_a_full_disk(arguments: tuple[str, ...]) -> None:
    with (
        Path("/dev/full").open("wb") as full,
        process(*arguments, "-f", GOOD, stdout=full, stderr=subprocess.PIPE) as started,
    ):
        _, err = started.communicate(timeout=60)
    assert (started.returncode, err) == (2, b"error: the answer cannot be written: No space left on device\n")


CLOSED = [
    ("podwall map -f GOOD >&-", 2, "error: the answer cannot be written: standard output is closed\n"),
    ("podwall map -f - <&-", 2, "error: -f -: standard input is closed\n"),
    ("podwall verdict -f GOOD --queries - <&-", 2, "error: --queries -: standard input is closed\n"),
    ("podwall map -f GOOD -q 2>&- >/dev/null", 0, ""),
    ("podwall map -f nowhere 2>&-", 2, ""),
]


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs sh")
@pytest.mark.parametrize(("line", "code", "err"), CLOSED)
def test_closed_streams(line: str, code: int, err: str) -> None:
    start = f"{sys.executable} -c 'from podwall.cli.main import main; main()'"
    line = line.replace("podwall", start, 1).replace("GOOD", str(GOOD))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (code, err)


def test_the_locale_changes_nothing(tmp_path: Path) -> None:
    """JSON is UTF-8 everywhere, and a name that cannot be shown is no crash."""
    data = '{"src": "a", "dst": "b", "port": 1, "note": "é…"}\n'.encode()
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = finish("verdict", "-f", GOOD, "--queries", "-", stdin=data, environment=environment)
    assert '"note":"é…"' in done.out
    done = finish("map", "-f", tmp_path / "…", environment=environment)
    assert (done.code, done.err.startswith("error: ")) == (2, True)


def test_nothing_is_colored() -> None:
    for arguments in (("map", "-f", str(GOOD)), ("map", "--help"), ("map", "-o", "x")):
        done = finish(*arguments, environment={"FORCE_COLOR": "1", "TERM": "xterm-256color"})
        assert "\x1b" not in done.out + done.err


# What takes long to import; what few inputs need; and all that does the work.
HEAVY = {"numpy", "pydantic", "rich", "typer", "yaml"}
RARE = {"gzip", "hashlib", "subprocess"}
CORE = {"podwall.engine", "podwall.ops", "podwall.report.public", "podwall.sources", "podwall.text"}


def imported(*arguments: str | Path) -> set[str]:
    """Every module that a run has imported when it ends."""
    program = (
        f"import sys\nfrom podwall.cli.main import main\nsys.argv = {['podwall', *map(str, arguments)]}\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "print(*sorted(sys.modules), file=sys.stderr)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("map", "--help"), ("explain", "-h")], ids=str)
def test_help_imports_little(arguments: tuple[str, ...]) -> None:
    assert imported(*arguments) & (HEAVY | RARE | CORE) == set()


def test_a_map_imports_what_its_input_needs(tmp_path: Path) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": {"podIP": "10.0.0.1"}}
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod]}))
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
    assert imported("map", "--summary", "-q", "-f", dump) & (HEAVY | RARE) == set()
    assert imported("map", "--summary", "-q", "-f", manifest) & (HEAVY | RARE) == {"yaml", "hashlib"}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_a_kustomization_is_built_by_kubectl(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [pod.yaml]\nnamespace: built\nnamePrefix: x-\n")
    done = finish("map", "-k", tmp_path, "-q", "-o", "json")
    assert [e["name"] for e in json.loads(done.out)["endpoints"]] == ["built/x-a"]
    done = finish("map", "-k", tmp_path / "nowhere")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: kubectl kustomize ")
