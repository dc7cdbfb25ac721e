"""The variables of a container as it finds them: in Kubernetes' order, `$(VAR)` replaced. Secrets are left out."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping

from msgspec import Struct

from podwall.api.notes import ConfigMap
from podwall.api.running import EnvFrom, EnvVar, KeyRef, RunningContainer
from podwall.needs.application import Application
from podwall.needs.need import Evidence
from podwall.needs.running import Running
from podwall.text.where import Path

__all__ = ["MAX_TEXT", "Variable", "Variables", "expanded"]

MAX_TEXT = 1 << 16
"""What references may make of one text; as long as it likes is only what is written out."""
_REFERENCE = re.compile(r"\$(?:\$|\(([A-Za-z_][\w.\-]{0,252})\))")
_OWN_ADDRESS = "127.0.0.1"  # as good as: nobody needs a policy to reach itself


class Variable(Struct, frozen=True):
    """One variable, and where its value stands."""

    name: str
    text: str
    evidence: Evidence


def expanded(text: str, known: Mapping[str, str]) -> str:
    """A text with `$(VAR)` replaced as far as it is known; `$$` stands for a dollar."""
    if "$" not in text:
        return text
    left = MAX_TEXT

    def replaced(match: re.Match[str]) -> str:
        nonlocal left
        if match[1] is None:
            return "$"
        value = known.get(match[1], match[0])
        left -= len(value)
        return value if left >= 0 else match[0]

    return _REFERENCE.sub(replaced, text)


class Variables:
    """What the containers of an application find in their environment."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._links: dict[str, dict[str, str]] = {}

    def of(self, running: Running, path: Path, container: RunningContainer) -> dict[str, Variable]:
        """The variables that are set for a container, by name; of two of one name the later one."""
        found: dict[str, Variable] = {}
        for source in container.envFrom or ():
            for one in self._all_of(running, source):
                found[one.name] = one
        known = {one.name: one.text for one in found.values()}
        links = self.links(running.namespace) if any("$(" in (v.value or "") for v in container.env or ()) else {}
        for number, variable in enumerate(container.env or ()):
            read = self._one(running, (*path, "env", number), variable, ChainMap(known, links))
            found.pop(variable.name, None)
            known.pop(variable.name, None)
            if read is not None:
                found[read.name], known[read.name] = read, read.text
        return found

    def _all_of(self, running: Running, source: EnvFrom) -> Iterator[Variable]:
        if source.configMapRef is None:
            return
        located = self._application.topology.get(ConfigMap, running.namespace, source.configMapRef.name)
        for key, text in sorted((located.object.data or {}).items()) if located else ():
            name = f"{source.prefix or ''}{key}"
            if text is not None:
                yield Variable(name, text, self._in_map(running, KeyRef(source.configMapRef.name, key), name))

    def _one(self, running: Running, path: Path, variable: EnvVar, known: Mapping[str, str]) -> Variable | None:
        said = f"env {variable.name}="
        if variable.value:
            here = running.evidence(said, *path, "value")
            return Variable(variable.name, expanded(variable.value, known), here)
        source = variable.valueFrom
        if source is not None and source.configMapKeyRef is not None:
            text = self._text(running.namespace, source.configMapKeyRef)
            if text is None:
                return None
            return Variable(variable.name, text, self._in_map(running, source.configMapKeyRef, variable.name))
        text = _field(running, source.fieldRef.fieldPath) if source is not None and source.fieldRef else None
        return None if text is None else Variable(variable.name, text, running.evidence(said, *path, "valueFrom"))

    def _text(self, namespace: str, key: KeyRef) -> str | None:
        located = self._application.topology.get(ConfigMap, namespace, key.name)
        return (located.object.data or {}).get(key.key) if located else None

    def _in_map(self, running: Running, key: KeyRef, name: str) -> Evidence:
        located = self._application.topology.get(ConfigMap, running.namespace, key.name)
        about = "ConfigMap", running.namespace, key.name
        origin = located.origin if located else running.origin
        return Evidence(about, ("data", key.key), f"env {name}=", origin)

    def links(self, namespace: str) -> dict[str, str]:
        """The variables that the kubelet adds for each Service of a namespace, with its name for its address."""
        if namespace not in self._links:
            self._links[namespace] = dict(self._linked(namespace))
        return self._links[namespace]

    def _linked(self, namespace: str) -> Iterator[tuple[str, str]]:
        bucket = self._application.site.bucket(namespace)
        for service in (located.object for located in (bucket.services if bucket else ())):
            name, ports = service.metadata.name or "", (service.spec.ports if service.spec else None) or []
            if not ports or (namespace, name) == ("default", "kubernetes"):
                continue
            prefix = name.upper().replace("-", "_")
            yield f"{prefix}_SERVICE_HOST", name
            yield f"{prefix}_SERVICE_PORT", str(ports[0].port)
            yield f"{prefix}_PORT", f"{(ports[0].protocol or 'TCP').lower()}://{name}:{ports[0].port}"
            for port in ports:
                base = f"{prefix}_PORT_{port.port}_{port.protocol or 'TCP'}"
                yield base, f"{(port.protocol or 'TCP').lower()}://{name}:{port.port}"
                yield f"{base}_ADDR", name
                yield f"{base}_PORT", str(port.port)
                if port.name:
                    yield f"{prefix}_SERVICE_PORT_{port.name.upper().replace('-', '_')}", str(port.port)


def _field(running: Running, path: str) -> str | None:
    """What a field of the Pod will be, where that is known: pods of a StatefulSet differ in their number only."""
    if path == "metadata.namespace":
        return running.namespace
    if path in ("status.podIP", "status.podIPs"):
        return _OWN_ADDRESS
    if path == "metadata.name" and running.about[0] == "StatefulSet":
        return f"{running.party.name}-0"
    return None
