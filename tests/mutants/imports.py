"""Podwall imported anew with some of its source changed: in memory, nothing is written, and other files keep their
compiled form. For worker processes only: whoever holds a module of the Podwall before keeps that one.
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

# Ours that import Podwall, so they are imported anew with it.
CHECKS = ("tests.mutants.checks", "tests.mutants.map_checks")


class _Changed(SourceFileLoader):
    """Compiles the changed text, whatever compiled form of the file there is."""

    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType | None:
        return compile(self._text, self.path, "exec", dont_inherit=True)


class Tree(MetaPathFinder):
    """Finds Podwall in this project, wherever else one is installed, with the files of `changed` as they say there."""

    def __init__(self) -> None:
        self.changed: Mapping[Path, str] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "podwall":
            return None
        spec = PathFinder.find_spec(fullname, [str(PACKAGE.parent)] if path is None else path, target)
        if spec is not None and spec.origin and (text := self.changed.get(Path(spec.origin))) is not None:
            spec.loader = _Changed(fullname, spec.origin, text)
        return spec

    def checks(self, changed: Mapping[Path, str]) -> ModuleType:
        """tests.mutants.checks on a Podwall with these files changed."""
        self.changed = changed
        for name in [n for n in sys.modules if n.partition(".")[0] == "podwall" or n in CHECKS]:
            del sys.modules[name]
        return importlib.import_module(CHECKS[0])
