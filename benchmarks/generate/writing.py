"""How generated objects get into a file: one by one, so that memory does not grow with the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import msgspec

from benchmarks.generate.objects import Object

__all__ = ["write_json", "write_lines", "write_yaml"]


def write_json(objects: Iterable[Object], stream: BinaryIO, indent: int = 0) -> None:
    """One `kind: List`, keys sorted; with `indent=4` laid out as `kubectl get -o json` does."""
    start, gap, end = b"\n" * (indent > 0), b" " * indent, b"," + b"\n" * (indent > 0)
    colon = b": " if indent else b":"
    stream.write(b"{" + start + gap + b'"apiVersion"' + colon + b'"v1"' + end + gap + b'"items"' + colon + b"[")
    for number, item in enumerate(objects):
        text = msgspec.json.encode(item, order="sorted")
        if indent:
            text = (b"\n" + msgspec.json.format(text, indent=indent)).replace(b"\n", b"\n" + gap * 2)
        stream.write(b"," + text if number else text)
    stream.write(start + gap + b"]" + end + gap + b'"kind"' + colon + b'"List"' + start + b"}\n")


def write_yaml(objects: Iterable[Object], stream: BinaryIO) -> None:
    """Multi-document YAML."""
    stream.writelines(
        (b"---\n" if number else b"") + msgspec.yaml.encode(item, order="sorted") for number, item in enumerate(objects)
    )


def write_lines(objects: Iterable[Object], stream: BinaryIO) -> None:
    """JSON Lines."""
    stream.writelines(msgspec.json.encode(item, order="sorted") + b"\n" for item in objects)
