"""All rules there are, found by their files."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import cast

from podwall.check import rules
from podwall.check.rule import Rule

__all__ = ["all_rules", "documentation"]


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by id."""
    return tuple(sorted((_rule(module) for module in _modules()), key=lambda rule: rule.id))


def documentation(rule: Rule) -> str:
    """What the rule's file says of it, as Markdown: why it matters, what others get wrong, what to do."""
    return next(module.__doc__ or "" for module in _modules() if _rule(module) is rule).strip()


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(rules.__path__):
        yield importlib.import_module(f"{rules.__name__}.{info.name}")


def _rule(module: ModuleType) -> Rule:
    return cast("Rule", module.RULE)
