"""Which ConfigMaps and Secrets a pod has as files."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.running import NameRef, RunningPodSpec

__all__ = ["config_maps", "mounted"]


def mounted(spec: RunningPodSpec) -> Iterator[tuple[str, tuple[str | int, ...], NameRef]]:
    """Each ConfigMap and Secret of a pod's volumes: its kind, where in the spec it stands, and the reference."""
    for number, volume in enumerate(spec.volumes or ()):
        path = ("volumes", number)
        if volume.configMap is not None:
            yield "ConfigMap", (*path, "configMap"), volume.configMap
        if volume.secret is not None:
            yield "Secret", (*path, "secret"), NameRef(volume.secret.secretName)
        for at, source in enumerate((volume.projected.sources if volume.projected else None) or ()):
            below = (*path, "projected", "sources", at)
            if source.configMap is not None:
                yield "ConfigMap", (*below, "configMap"), source.configMap
            if source.secret is not None:
                yield "Secret", (*below, "secret"), source.secret


def config_maps(spec: RunningPodSpec) -> list[str]:
    """The names of the ConfigMaps among them, each once."""
    return list(dict.fromkeys(ref.name for kind, _, ref in mounted(spec) if kind == "ConfigMap"))
