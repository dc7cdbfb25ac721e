"""Reads tests/cases/*.yaml, the table of cases that every runner shares; the format is in tests/cases/README.md.

A runner of the product may read only the headers with this and the objects with the product's own reader.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent.parent / "cases"
HEADER = {"case", "covers", "options", "needs", "expect", "problems", "warnings", "complete"}
OPTIONS = {"cni", "channel", "podCIDRs", "namespace", "admitted", "resolutions"}
LINE = re.compile(r"(?P<src>\S+) -> (?P<dst>\S+?)(?: (?P<family>ipv4|ipv6))? (?P<want>allow|deny|error)")
GOAL = re.compile(r"(?P<dst>\[[^]]+\]|[^:]+)(?::(?P<port>[^/:]+)(?:/(?P<protocol>\w+))?)?")


class BadCase(Exception):
    """A case file that does not keep the format."""


@dataclass(frozen=True)
class Line:
    """One expectation: FROM -> TO:PORT[/PROTOCOL] [ipv4|ipv6] allow|deny|error."""

    text: str
    src: str
    dst: str  # without brackets
    port: int | str | None  # None: no port is asked, only in a line that expects an error
    protocol: str
    family: int | None
    want: str


@dataclass(frozen=True)
class Said:
    """A mistake or a warning: the field's path ("" stands for any) and a part of its message ("" for any)."""

    path: str
    says: str


@dataclass(frozen=True)
class Case:
    """One file: what is asked of which objects."""

    file: Path
    name: str
    covers: tuple[str, ...]
    cni: str
    channel: str | None  # of the cluster policies' schemas; None: the profile's (D17)
    pod_cidrs: tuple[str, ...]
    namespace: str
    admitted: bool  # an API server accepted the objects: they are read tolerantly, never an error (D14, V10)
    resolutions: dict[str, tuple[str, ...]]  # the addresses that are known of domain names (C12)
    needs: tuple[str, ...]  # kinds and options that a runner must know; one that does not skips the case by name
    expect: tuple[Line, ...]
    problems: tuple[Said, ...]
    warnings: tuple[Said, ...]
    complete: dict[str, bool]  # D18: whether a namespace counts as given
    objects: tuple[dict[str, Any], ...] = field(repr=False)


@functools.cache
def load_cases(folder: Path = CASES) -> list[Case]:
    """Every case of a folder, sorted by file name; BadCase says which file breaks the format and how."""
    return [load_case(path) for path in sorted(folder.glob("*.yaml"))]


def load_case(path: Path) -> Case:
    """One case file."""
    header, *objects = yaml.load_all(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    options = header.get("options") or {}
    if set(header) - HEADER or set(options) - OPTIONS:
        raise BadCase(f"{path.name}: unknown keys {sorted({*header, *options} - HEADER - OPTIONS)}")
    if ("problems" in header) == ("expect" in header):
        raise BadCase(f"{path.name}: either problems or expect")
    return Case(
        file=path,
        name=header["case"],
        covers=tuple(header["covers"]),
        cni=options.get("cni", "kubernetes"),
        channel=options.get("channel"),
        pod_cidrs=tuple(options.get("podCIDRs", ["10.244.0.0/16"])),
        namespace=options.get("namespace", "default"),
        admitted=options.get("admitted", False),
        resolutions={name: tuple(known) for name, known in options.get("resolutions", {}).items()},
        needs=tuple(header.get("needs", ())),
        expect=tuple(parse_line(text) for text in header.get("expect", ())),
        problems=said(header.get("problems", ())),
        warnings=said(header.get("warnings", ())),
        complete=dict(header.get("complete", {})),
        objects=tuple(o for o in objects if o is not None),
    )


def said(listed: Sequence[dict[str, str]]) -> tuple[Said, ...]:
    """The mistakes or warnings of a header."""
    return tuple(Said(entry["path"], entry["says"]) for entry in listed)


def parse_line(text: str) -> Line:
    """Reads an expectation; BadCase where it is none."""
    match = LINE.fullmatch(text)
    if match is None:
        raise BadCase(f"not an expectation: {text!r}")
    goal = bare_goal(match["dst"])
    if goal["port"] is None and match["want"] != "error":
        raise BadCase(f"only an error does without a port: {text!r}")
    port = goal["port"]
    return Line(
        text=text,
        src=match["src"].strip("[]"),
        dst=(goal["dst"] or "").strip("[]"),
        port=int(port) if port is not None and port.isdecimal() else port,
        protocol=goal["protocol"] or "TCP",
        family={"ipv4": 4, "ipv6": 6, None: None}[match["family"]],
        want=match["want"],
    )


def bare_goal(text: str) -> dict[str, str | None]:
    """Destination, port and protocol; an IPv6 address with a port stands in brackets."""
    try:
        return {"dst": str(ipaddress.ip_address(text)), "port": None, "protocol": None}
    except ValueError:
        match = GOAL.fullmatch(text)
    if match is None:
        raise BadCase(f"not a destination: {text!r}")
    return match.groupdict()
