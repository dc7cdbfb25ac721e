"""kubectl as an oracle for YAML: many texts in one call, each a file of its own, so that an error spoils one only."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

AVAILABLE = shutil.which("kubectl") is not None

HEADER = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {{name: n{}}}\n"


def _integer(text: str) -> int | float:
    """kubectl holds what 64 bits cannot as a float and prints it without an exponent."""
    value = int(text)
    return value if -(1 << 63) <= value < 1 << 63 else float(text)


def read(texts: list[bytes], folder: Path) -> dict[int, list[dict[str, object]]]:
    """The objects that kubectl makes of each text it accepts, by the text's position.

    Every object of a text must be named `n<position>`. The annotation that the call adds is taken away again.
    """
    for position, text in enumerate(texts):
        (folder / f"{position}.yaml").write_bytes(text)
    command = ["kubectl", "annotate", "--local", "-f", str(folder), "oracle=1", "-o", "json"]
    out = subprocess.run(command, capture_output=True, check=False, timeout=60).stdout.decode()
    found: dict[int, list[dict[str, object]]] = {}
    decoder, at = json.JSONDecoder(parse_int=_integer), 0
    while at < len(out.rstrip()):
        value, at = decoder.raw_decode(out, at)
        at += len(out[at:]) - len(out[at:].lstrip())
        del value["metadata"]["annotations"]["oracle"]
        if not value["metadata"]["annotations"]:
            del value["metadata"]["annotations"]
        found.setdefault(int(value["metadata"]["name"].removeprefix("n")), []).append(value)
    return found
