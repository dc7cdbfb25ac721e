"""libyaml's events, with the types that it really gives: PyYAML's stubs allow None where there never is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from yaml import Event, Mark
from yaml._yaml import CParser


def scanner(data: bytes) -> Callable[[], Event]:
    """What gives the next event at each call; it raises YAMLError where the text is not YAML."""
    return cast("Callable[[], Event]", CParser(data).get_event)


def begin(event: Event) -> Mark:
    """Where the event's text begins: `index` in characters, `line` and `column`, all from 0."""
    return cast("Mark", event.start_mark)
