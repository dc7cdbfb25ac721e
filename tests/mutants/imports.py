"""Podwall imported anew with some of its source changed: in memory, nothing is written, and what stays the same is
compiled once. For worker processes only: whoever holds a module of the Podwall before keeps that one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from tests.mutants.table import PACKAGE

# Podwall, and ours that import it: modules and packages that are imported anew.
ANEW = (
    "podwall",
    "tests.dataplane",
    "tests.mutants.checks",
    "tests.mutants.dataplane_checks",
    "tests.mutants.map_checks",
    "tests.truth.compare",
    "tests.truth.engine",
)


class _Compiled(SourceFileLoader):
    """Runs this code, whatever compiled form of the file there is."""

    def __init__(self, fullname: str, path: str, code: CodeType) -> None:
        super().__init__(fullname, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType | None:
        return self._code


class Tree(MetaPathFinder):
    """Finds Podwall in this project, wherever else one is installed."""

    def __init__(self) -> None:
        self._changed: Mapping[Path, str] = {}
        self._codes: dict[str, CodeType] = {}  # of the files as they are

    def checks(self, changed: Mapping[Path, str], name: str = "tests.mutants.checks") -> ModuleType:
        """The module of this name on a Podwall with these files changed."""
        self._changed = changed
        for held in [held for held in sys.modules if held in ANEW or held.startswith(tuple(f"{one}." for one in ANEW))]:
            del sys.modules[held]
        return importlib.import_module(name)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "podwall":
            return None
        spec = PathFinder.find_spec(fullname, [str(PACKAGE.parent)] if path is None else path, target)
        if spec is not None and spec.origin:
            spec.loader = _Compiled(fullname, spec.origin, self._code(spec.origin))
        return spec

    def _code(self, path: str) -> CodeType:
        text = self._changed.get(Path(path))
        if text is not None:
            return compile(text, path, "exec", dont_inherit=True)
        if path not in self._codes:
            self._codes[path] = compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
        return self._codes[path]
