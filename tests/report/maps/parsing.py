"""The formats of the map read back: what each of them says is open, as (source, destination) → ports in words.

Written from what the formats promise, with none of the code that writes them but the words for ports and external sets.
"""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from podwall.report.maps.external import labels
from podwall.report.maps.words import port_words
from podwall.report.public import External, Port

Json = dict[str, Any]
Pairs = dict[tuple[str, str], str]
ANYWHERE = "any external address"
ANYTHING = "any external address or domain name"


def in_words(ports: Iterable[Port]) -> str:
    return ", ".join(port_words(list(ports)))


def from_json(whole: Json) -> Pairs:
    """What all others are held against."""
    return {
        (c["src"], c["dst"]): in_words(
            Port(*(p[k] for k in ("protocol", "port", "endPort", "family") if k in p)) for p in c["ports"]
        )
        for c in whole["connections"]
    }


class Ends:
    """What the names in a format stand for: ends by themselves, by their labels, and all of a namespace at once."""

    def __init__(self, whole: Json) -> None:
        self.namespace = {e["name"]: e["namespace"] for e in whole["endpoints"]}
        self.cells = {x["name"] for x in whole["external"] if "domains" not in x}
        self.domains = {x["name"] for x in whole["external"] if "domains" in x}
        shown = labels(msgspec.convert(whole["external"], list[External]))
        self.of_label = {label.shown: name for name, label in shown.items()}

    def expand(self, src: str, dst: str) -> Iterator[tuple[str, str]]:
        for one in self.all_of(src):
            for other in self.all_of(dst):
                if one != other or src == dst == one:
                    yield one, other

    def all_of(self, name: str) -> list[str]:
        if name in ("*", ANYWHERE):
            return sorted(self.cells)
        if name == ANYTHING:
            return sorted({*self.cells, *self.domains})
        if name.endswith("/*"):
            return [n for n, namespace in self.namespace.items() if f"{namespace}/*" == name]
        return [self.of_label.get(name, name)]

    def pairs(self, rows: Iterable[tuple[str, str, str]]) -> Pairs:
        """Rows with everything in them that they stand for; no pair may come twice."""
        found: Pairs = {}
        for src, dst, ports in rows:
            for pair in self.expand(src, dst):
                assert pair not in found
                found[pair] = ports
        return found


def token(text: str) -> Port:
    """`TCP/80-90/IPv4`."""
    protocol, numbers, *family = text.split("/")
    first, _, last = numbers.partition("-")
    return Port(protocol, int(first), int(last or first), *(int(f.removeprefix("IPv")) for f in family))


def tokens(text: str) -> str:
    return in_words(token(each) for each in text.split(","))


def from_wide(text: str) -> Pairs:
    head, *lines = text.splitlines()
    assert head.split()[:5] == ["SRC", "SRC-KIND", "DST", "DST-KIND", "PORTS"]
    rows = [line.split() for line in lines]
    assert {len(row) for row in rows} <= {len(head.split())}
    return {(row[0], row[2]): tokens(row[4]) for row in rows}


def from_csv(text: str) -> Pairs:
    assert not text.replace("\r\n", "").count("\n")
    ports: dict[tuple[str, str], list[Port]] = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        family = [int(row["family"])] if row["family"] else []
        port = Port(row["protocol"], int(row["port"]), int(row["endPort"]), *family)
        ports.setdefault((row["src"], row["dst"]), []).append(port)
    return {pair: in_words(found) for pair, found in ports.items()}


def table(text: str, title: str) -> list[dict[str, str]]:
    """One table of a Markdown text, its cells as they would be shown."""
    section = text.partition(f"### {title}\n\n")[2].partition("\n\n")[0]
    rows = [[shown(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in section.splitlines()]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def shown(cell: str) -> str:
    text = cell.strip()
    return text[1:-1].replace(r"\|", "|") if re.fullmatch("`[^`]*`", text) else re.sub(r"\\(.)", r"\1", text)


def from_md(text: str, ends: Ends) -> Pairs:
    return ends.pairs((row["From"], row["To"], row["Ports"]) for row in table(text, "Connections"))


def from_text(text: str, ends: Ends) -> Pairs:
    """Paragraphs of a source with its destinations, their ports in the last column."""
    found: Pairs = {}
    for paragraph in text.split("\n\n")[1:]:
        if paragraph.startswith("from "):
            lines = paragraph.splitlines()
            body = next(n for n, line in enumerate(lines) if re.match(" {2}[^ ]", line))
            head = " ".join(line.strip() for line in lines[:body]).removeprefix("from ")
            inside = re.fullmatch(r"(\S+) \((?:not isolated|isolated: .*)\)", head)
            sources = [inside[1]] if inside else [name for each in head.split(", ") for name in ends.all_of(each)]
            for other, ports in text_rows(lines[body:]):
                for pair in (pair for source in sources for pair in counted(ends, source, other)):
                    assert pair not in found
                    found[pair] = ports
    return found


def text_rows(lines: Iterable[str]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for line in lines:
        if line == "  nobody":
            continue
        if line[:3].strip():
            apart = line[42:44] == "  "
            rows.append((line[2:44].strip(), line[44:]) if apart else (line.strip(), ""))
        else:
            assert line.startswith(" " * 44)
            rows[-1] = rows[-1][0], f"{rows[-1][1]} {line.strip()}".strip()
    return rows


def counted(ends: Ends, source: str, other: str) -> Iterator[tuple[str, str]]:
    """`ns/* (3)` are all of a namespace but the source, unless it is counted as well."""
    whole = re.fullmatch(r"(.*/\*) \((\d+)\)", other)
    names = ends.all_of(whole[1] if whole else other)
    if whole and len(names) != int(whole[2]):
        names = [name for name in names if name != source]
        assert len(names) == int(whole[2])
    yield from ((source, name) for name in names)


_QUOTED = r'"((?:[^"\\]|\\.)*)"'


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)


def from_dot(text: str, ends: Ends) -> Pairs:
    assert text.count("{") == text.count("}")
    rows = re.findall(rf"^  {_QUOTED} -> {_QUOTED} \[label={_QUOTED}\]$", text, re.MULTILINE)
    nodes = set(map(unquoted, re.findall(rf"^    {_QUOTED} \[label=", text, re.MULTILINE)))
    assert {unquoted(end) for src, dst, _ in rows for end in (src, dst)} <= nodes
    return ends.pairs((unquoted(src), unquoted(dst), unquoted(ports)) for src, dst, ports in rows)


def from_mermaid(text: str, ends: Ends) -> Pairs:
    names: dict[str, str] = {}
    namespace = ""
    rows = []
    for line in text.splitlines():
        if found := re.fullmatch(r'  subgraph s\d+\["(.*)"\]', line):
            namespace = "" if found[1] == "outside of the cluster" else found[1]
        elif found := re.fullmatch(r'    (n\d+)\["(.*)"\]', line):
            label = found[2]
            names[found[1]] = (
                label if not namespace else f"{namespace}/{'*' if label == f'all of {namespace}' else label}"
            )
        elif found := re.fullmatch(r'  (n\d+) -->\|"(.*)"\| (n\d+)', line):
            rows.append((names[found[1]], names[found[3]], found[2]))
    return ends.pairs(rows)


def picture(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - it is our own


def squares(text: str) -> list[dict[str, str]]:
    """The `data-` attributes of every shape of a picture that has some."""
    found = ({k: v for k, v in shape.attrib.items() if k.startswith("data-")} for shape in picture(text).iter())
    return [each for each in found if each]


def from_matrix(text: str) -> Pairs:
    return {(each["data-src"], each["data-dst"]): tokens(each["data-ports"]) for each in squares(text)}


def from_neighbors(text: str) -> Pairs:
    found: Pairs = {}
    (center,) = (each for each in squares(text) if "data-center" in each)
    name = center["data-center"]
    if "data-ports" in center:
        found[name, name] = tokens(center["data-ports"])
    for each in squares(text):
        ports = tokens(each["data-ports"]) if "data-ports" in each else ""
        found |= {(other, name): ports for other in each.get("data-from", "").split()}
        found |= {(name, other): ports for other in each.get("data-to", "").split()}
    return found
