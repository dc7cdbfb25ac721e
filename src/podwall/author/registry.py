"""All recipes there are, found by their files."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import cast

from podwall.author import recipes
from podwall.author.recipe import Recipe

__all__ = ["all_recipes", "documentation", "recipe"]


@cache
def all_recipes() -> tuple[Recipe, ...]:
    """Every recipe, by name."""
    names = (info.name for info in pkgutil.iter_modules(recipes.__path__))
    return tuple(sorted((recipe(name.replace("_", "-")) for name in names), key=lambda one: one.name))


@cache
def recipe(name: str) -> Recipe:
    """One recipe; its file has its name. Raises ModuleNotFoundError."""
    return cast("Recipe", importlib.import_module(_module(name)).RECIPE)


def documentation(name: str) -> str:
    """What the recipe's file says of it: what it writes, what it finds by itself, what it leaves open."""
    return (importlib.import_module(_module(name)).__doc__ or "").strip()


def _module(name: str) -> str:
    return f"{recipes.__name__}.{name.replace('-', '_')}"
