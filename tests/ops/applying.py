"""Applying the files of a lockdown one object after the other, as `kubectl apply -f` does, and asking in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from podwall.cluster.objects import Cluster
from podwall.engine.model import Model
from podwall.needs.met import Closed, closed
from podwall.needs.need import Need
from podwall.needs.site import Site
from podwall.ops.inputs import Inputs, open_texts
from podwall.ops.locking import Locked
from podwall.sources.files import Text, read

__all__ = ["closed_on_the_way", "texts_of"]


def texts_of(*paths: Path | str) -> list[Text]:
    """What is in files and folders."""
    return [one.text for path in paths for one in read(str(path)) if one.text is not None]


def closed_on_the_way(before: list[Text], locked: Locked) -> dict[str, list[Closed]]:
    """Needs that are closed at a moment and were not before: at each object applied, then at each bracket deleted."""
    needs = locked.settled.found.needs
    known = {_pair(one) for one in _closed(before, needs)}
    out = {}
    for step, texts in _steps(before, locked.texts):
        wrong = [one for one in _closed(texts, needs) if _pair(one) not in known]
        if wrong:
            out[step] = wrong
    return out


def _steps(before: list[Text], files: Mapping[str, str]) -> Iterator[tuple[str, list[Text]]]:
    applied: dict[str, str] = {}
    brackets = []
    for name, text in sorted(files.items()):
        for number, document in enumerate(text.split("---\n")):
            key = f"{name}#{number}"
            applied[key] = document
            yield f"with {key}", [*before, *_texts(applied)]
            if "podwall.io/bracket" in yaml.safe_load(document)["metadata"]["labels"]:
                brackets.append(key)
    for key in brackets:
        del applied[key]
        yield f"without {key}", [*before, *_texts(applied)]


def _texts(applied: Mapping[str, str]) -> Iterator[Text]:
    yield from (Text(name, text.encode()) for name, text in applied.items())


def _closed(texts: list[Text], needs: tuple[Need, ...]) -> list[Closed]:
    opened = open_texts(Inputs(keep_mistakes=True), texts)
    return closed(_site(opened.model.cluster, opened.model), needs)[1]


def _site(cluster: Cluster, model: Model) -> Site:
    return Site(Model(cluster, model.profile, (), model.namespace), given=True)


def _pair(one: Closed) -> tuple[str, str, str, int]:
    return one.src, one.dst, one.protocol, one.port
