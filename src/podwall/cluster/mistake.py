"""What is wrong with an object of the input, as whoever read it says it, before a line is looked up."""

from __future__ import annotations

import enum
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.objects import Origin
from podwall.text.where import Path

__all__ = ["Mistake", "Named", "Sort"]

Named: TypeAlias = tuple[str, str, str]
"""An object's kind, namespace ("" for the whole cluster) and name, each "" where it does not say."""


class Sort(enum.Enum):
    """What somebody has to do about a mistake."""

    INVALID = "the API server refuses it, or with `warning` takes it though it can hardly be meant"
    UNKNOWN_FIELD = "the API server drops the field (D21)"
    DUPLICATE = "two objects of one name differ (D16)"


class Mistake(Struct, frozen=True):
    """Something wrong with an object; `other` is an object that it is about, too.

    `about` names the object, which is not in the cluster where it is invalid. `meant` is the value that was probably
    meant, or the key of an unknown field.
    """

    origin: Origin
    path: Path
    message: str
    other: Origin | None = None
    sort: Sort = Sort.INVALID
    about: Named = ("", "", "")
    warning: bool = False
    meant: str | int | None = None
