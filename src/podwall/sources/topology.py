"""What `--with-topology` adds to a snapshot: how workloads say whom they call, and what leads to them from outside.

Plain objects, reduced to the fields that are listed here. A Secret is never read: of one, only its name can be in it,
where a container refers to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from podwall.api.kinds import group_of
from podwall.errors import InvalidText
from podwall.sources.entries import Entry, entries
from podwall.sources.files import Text
from podwall.sources.reduced import ANNOTATIONS

__all__ = ["topology"]

_Shape = dict[str, "_Shape | None"]  # the fields that are kept of a mapping, or of each in a list; None: all below

_GATEWAY = "gateway.networking.k8s.io"
_PROBE: _Shape = {
    "httpGet": {"host": None, "path": None, "port": None, "scheme": None},
    "tcpSocket": None,
    "grpc": None,
}
_CONTAINER: _Shape = {
    **dict.fromkeys(("name", "env", "envFrom", "command", "args", "ports")),
    **dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), _PROBE),
}
_META: _Shape = dict.fromkeys(("name", "generateName", "namespace", "annotations"))
_POD: _Shape = {"containers": _CONTAINER, "initContainers": _CONTAINER, "serviceAccountName": None}
_TEMPLATE: _Shape = {"template": {"metadata": _META, "spec": _POD}}
_WHOLE: _Shape = {"spec": None}
_KINDS: dict[tuple[str, str], _Shape] = {
    ("", "ConfigMap"): {"data": None},
    ("", "Pod"): {"spec": _POD},
    ("", "ReplicationController"): {"spec": _TEMPLATE},
    **{("apps", kind): {"spec": _TEMPLATE} for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")},
    ("batch", "CronJob"): {"spec": {"jobTemplate": {"spec": _TEMPLATE}}},
    ("batch", "Job"): {"spec": _TEMPLATE},
    ("networking.k8s.io", "Ingress"): _WHOLE,
    **{(_GATEWAY, kind): _WHOLE for kind in ("Gateway", "GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute")},
}
_READ = (*ANNOTATIONS, "prometheus.io/")


def topology(texts: Iterable[Text], namespace: str) -> Iterator[bytes]:
    """The objects of these texts that say something, reduced, as JSON; `namespace` as in D12."""
    for text in texts:
        for entry in _entries(text):
            found = _reduced(entry, namespace)
            if found is not None:
                yield msgspec.json.encode(found, order="deterministic")


def _entries(text: Text) -> Iterator[Entry]:
    refused: list[InvalidText] = []  # said already, when the text was read for its policies
    yield from entries(Text(text.name, text.reread()), refused)


def _reduced(entry: Entry, namespace: str) -> dict[str, object] | None:
    value = entry.plain()
    if not isinstance(value, dict):
        return None
    kind, version = value.get("kind", entry.default.kind), value.get("apiVersion", entry.default.apiVersion)
    shape = _KINDS.get((group_of(str(version)), str(kind)))
    if shape is None:
        return None
    found = _kept(value, {"metadata": _META, **shape})
    metadata = found.get("metadata")
    found["metadata"] = {"namespace": namespace, **(metadata if isinstance(metadata, dict) else {})}
    return {**found, "apiVersion": version, "kind": kind}


def _kept(value: dict[str, object], shape: _Shape) -> dict[str, object]:
    out: dict[str, object] = {}
    for name, below in shape.items():
        found = value.get(name)
        if name == "annotations" and isinstance(found, dict):
            out[name] = {key: said for key, said in found.items() if key.startswith(_READ)}
        elif below is None and found is not None:
            out[name] = found
        elif isinstance(found, dict):
            out[name] = _kept(found, below or {})
        elif isinstance(found, list):
            out[name] = [_kept(one, below or {}) for one in found if isinstance(one, dict)]
    return out
