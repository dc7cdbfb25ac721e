"""YAML as a rule's examples have it → the facts that rules ask."""

from __future__ import annotations

from podwall.check.facts import Facts, Options
from podwall.cluster.profile import KUBERNETES, Profile
from podwall.engine.model import Model
from podwall.ops.mistakes import ignoring
from podwall.sources.assemble import assemble
from podwall.sources.decode import Decoder
from podwall.sources.evidence import read_topology
from podwall.sources.files import Text

__all__ = ["facts_of"]


def facts_of(objects: str, options: Options, profile: Profile = KUBERNETES) -> Facts:
    """The facts of one file of objects; what is invalid in it is known as mistakes."""
    decoder = Decoder()
    text = Text("example.yaml", objects.encode())
    decoder.read(text)
    assert not decoder.problems
    assembled = assemble(decoder.objects, "default")
    mistakes = (*decoder.mistakes, *assembled.mistakes, *decoder.warnings, *assembled.warnings)
    read = lambda: read_topology([text], (), "default")  # noqa: E731
    return Facts(Model(assembled.cluster, profile), options, mistakes, dict(ignoring(assembled)), read)
