"""Custom resources: what their OpenAPI schema and its CEL rules refuse, in the API server's words (semantics.md, 2.2).

To these schemas a null field is an absent one; a null item of a list is a mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from podwall.admission.finding import Finding, Findings, duplicate, invalid, required, unsupported, within

__all__ = [
    "PORTS",
    "choice_of",
    "choice_problems",
    "each_item",
    "given",
    "name_problems",
    "number_problems",
    "one_field_problems",
    "repeated",
    "required_field",
    "violated",
]

PORTS = range(1, 65536)

_NAME_LIMIT = 100  # characters of a rule's name


def given(item: Struct) -> list[str]:
    """The API's names of the fields that an object has."""
    names = zip(item.__struct_fields__, item.__struct_encode_fields__, strict=True)
    return [name for field, name in names if getattr(item, field) is not None]


def one_field_problems(item: Struct, advice: str = "") -> Findings:
    """`minProperties: 1` and `maxProperties: 1`: subjects, peers, ports and protocols."""
    fields = given(item)
    if len(fields) == 1:
        return ()
    if fields:
        both = f"it has {' and '.join(fields)}; one object has one of them"
        return (Finding((), invalid(len(fields), "should have at most 1 properties", both)),)
    choices = f"write one of {', '.join(item.__struct_encode_fields__)}"
    return (Finding((), invalid(0, "should have at least 1 properties", advice or choices)),)


def each_item(
    items: Sequence[object] | None, counts: range, check: Callable[[Any], Findings], sort: str = "object"
) -> Findings:
    """A list, and every item of it; `counts` are the numbers of items that it may have. An absent list is fine."""
    if items is None:
        return ()
    found = [Finding((), message) for message in _count_messages(len(items), counts)]
    null = (Finding((), invalid("null", f"must be of type {sort}", "remove it")),)
    for i, item in enumerate(items):
        found += within(null if item is None else check(item), i)
    return found


def repeated(items: Sequence[str | None]) -> Findings:
    """A list that is a set holds nothing twice."""
    if len(set(items)) == len(items):
        return ()
    again = (i for i, item in enumerate(items) if item is not None and item in items[:i])
    return [Finding((i,), duplicate(items[i] or "", "remove it")) for i in again]


def required_field(field: str, value: object, advice: str = "") -> Findings:
    """A field that must be there."""
    return (Finding((field,), required(advice=advice)),) if value is None else ()


def choice_problems(field: str, value: str | None, supported: Sequence[str]) -> Findings:
    """A required word of a closed list."""
    if value is None:
        return required_field(field, value, f"write {', '.join(supported[:-1])} or {supported[-1]}")
    return choice_of(field, value, supported)


def choice_of(field: str, value: str, supported: Sequence[str]) -> Findings:
    """A word of a closed list."""
    return () if value in supported else (Finding((field,), unsupported(value, supported)),)


def number_problems(field: str, value: int | None, allowed: range) -> Findings:
    """A required number within bounds."""
    if value is None:
        return required_field(field, value, f"write a number from {allowed[0]} to {allowed[-1]}")
    if value < allowed[0]:
        return (Finding((field,), invalid(value, f"should be greater than or equal to {allowed[0]}")),)
    if value > allowed[-1]:
        return (Finding((field,), invalid(value, f"should be less than or equal to {allowed[-1]}")),)
    return ()


def name_problems(name: str | None) -> Findings:
    """A rule's name, which may be anything but long."""
    if name is None or len(name) <= _NAME_LIMIT:
        return ()
    return (Finding(("name",), f"Too long: may not be more than {_NAME_LIMIT} characters"),)


def violated(message: str, advice: str = "") -> str:
    """A CEL rule that an object breaks."""
    return invalid("object", message, advice)


def _count_messages(count: int, counts: range) -> Iterator[str]:
    if count < counts[0]:
        yield invalid(count, f"should have at least {counts[0]} items")
    if count > counts[-1]:
        yield f"Too many: {count}: must have at most {counts[-1]} items"
