"""A policy made from a provider's published ranges, brought up to date in place.

The annotation podwall.io/ranges says which ranges are meant. Only the list of blocks is written anew, and only where
it changed; what else stands in the file stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from podwall.author.edit import Edit, edited
from podwall.author.prove import rules_of
from podwall.author.ranges import Published
from podwall.cluster.objects import Origin
from podwall.engine.rules import Block
from podwall.engine.sets import AddrSet
from podwall.errors import CannotWrite
from podwall.text import yaml

__all__ = ["RANGES", "Refreshed", "filters", "refreshed", "said"]

RANGES = "podwall.io/ranges"


class Refreshed(Struct, frozen=True):
    """The new text, and how many blocks came and went."""

    text: bytes
    added: int
    removed: int


def said(provider: str, services: tuple[str, ...], regions: tuple[str, ...]) -> str:
    """The annotation: `AWS; service=S3; region=eu-west-1,eu-west-2`."""
    words = [provider]
    for key, names in (("service", services), ("region", regions)):
        listed = sorted({part for name in names for part in name.split(",")})
        words += [f"{key}={','.join(listed)}"] if listed else []
    return "; ".join(words)


def filters(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Provider, services and regions of an annotation."""
    provider, *words = text.split("; ")
    found = dict(word.partition("=")[::2] for word in words)
    return provider, *((found[key],) if found.get(key) else () for key in ("service", "region"))  # type: ignore[return-value]


def refreshed(data: bytes, source: str, ranges: Published) -> Refreshed:
    """The file with the blocks of each policy that is made from such ranges as they are published now.

    Raises CannotWrite where there is no such policy, or a rule has other peers beside its blocks.
    """
    text, added, removed, found = data, 0, 0, False
    for document in yaml.documents(data, source):
        value = document.value
        annotation = _annotation(value)
        if annotation is None or not isinstance(value, dict):
            continue
        provider, services, regions = filters(annotation)
        if provider != ranges.provider:
            raise CannotWrite(f"{source}: its ranges are {provider}'s, and the file given is {ranges.provider}'s")
        found = True
        wanted = ranges.chosen(services, regions)
        key, direction = _rule(value, source)
        old = {peer["ipBlock"]["cidr"] for peer in value["spec"][direction][0][key]}
        new = [{"ipBlock": {"cidr": cidr}} for cidr in wanted.cidrs()]
        added += len(set(wanted.cidrs()) - old)
        removed += len(old - set(wanted.cidrs()))
        if old != set(wanted.cidrs()):
            origin = Origin(source, document.index)
            edit = Edit(origin, "replace", ("spec", direction, 0, key), new)
            text = edited({source: text}, [edit]).get(source, text)
            _check(text, source, document.index, wanted)
    if not found:
        raise CannotWrite(f"{source}: no policy with the annotation {RANGES}: write it with --ranges first")
    return Refreshed(text, added, removed)


def _annotation(value: object) -> str | None:
    match value:
        case {"kind": "NetworkPolicy", "metadata": {"annotations": {"podwall.io/ranges": str(text)}}}:
            return text
    return None


def _rule(value: dict[str, Any], source: str) -> tuple[str, str]:
    """Where the blocks stand: the one rule that the recipe writes."""
    for key, direction in (("to", "egress"), ("from", "ingress")):
        rules = value["spec"].get(direction)
        peers = rules[0].get(key) if isinstance(rules, list) and len(rules) == 1 else None
        if peers and all(isinstance(peer, dict) and peer.keys() == {"ipBlock"} for peer in peers):
            return key, direction
    raise CannotWrite(f"{source}: the policy has other rules than the one with the blocks: update it by hand")


def _check(text: bytes, source: str, document: int, wanted: AddrSet) -> None:
    """The blocks of the new policy, as the engine reads them, are what is published."""
    item = next(d.value for d in yaml.documents(text, source) if d.index == document)
    if not isinstance(item, dict) or AddrSet(tuple(_spans(item))) != wanted:
        raise CannotWrite(f"{source}: what was written is not what is published, so the file stays as it is")


def _spans(item: dict[str, Any]) -> Iterator[tuple[int, int]]:
    blocks = (peer.addresses for rule in rules_of(item).rules for peer in rule.peers if isinstance(peer, Block))
    yield from sorted(span for addresses in blocks for span in addresses.spans)
