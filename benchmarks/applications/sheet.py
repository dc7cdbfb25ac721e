"""What the template of one workload says, while statements are written on it; at the end, objects."""

from __future__ import annotations

from random import Random

from benchmarks.applications.application import Object
from benchmarks.applications.files import FILES, Entry, rendered
from benchmarks.applications.world import Workload

__all__ = ["Sheet"]


class Sheet:
    """The containers of a workload and its configuration.

    `containers` begins with the one that listens. Files of one format are kept together, each entry in the order in
    which it came; a ConfigMap holds them.
    """

    def __init__(self, rng: Random, workload: Workload) -> None:
        self.rng = rng
        self.workload = workload
        self.containers: list[Object] = [self._container(workload.name)]
        self.init: list[Object] = []
        self.volumes: list[Object] = []
        self.annotations: dict[str, str] = {}
        self.extra: list[Object] = []
        self.unseen: set[tuple[str, str, str]] = set()
        self.files: dict[str, list[Entry | str]] = {}
        self.account = ""
        self.variables: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.prefix = rng.choice(("", "", "APP_"))
        self._main_ports()

    def _container(self, name: str) -> Object:
        return {"name": name, "image": f"registry.example/{self.workload.name}:{self.rng.randint(1, 9)}.4.2"}

    def _main_ports(self) -> None:
        ports = [
            {
                **({"name": at.name} if at.name else {}),
                "containerPort": at.number,
                **({"protocol": at.protocol} if at.protocol != "TCP" or self.rng.random() < 0.3 else {}),
            }
            for at in self.workload.listeners
        ]
        if ports:
            self.containers[0]["ports"] = ports

    def a_container(self) -> Object:
        """The container that something is said in: mostly the main one, else a sidecar or one that initializes."""
        chance = self.rng.random()
        if chance < 0.75:
            return self.containers[0]
        kept, name = (self.containers[1:], "sidecar") if chance < 0.88 else (self.init, "init")
        return self.rng.choice(kept) if kept else self.another(name)

    def another(self, name: str) -> Object:
        """One more container; those called init… initialize."""
        kept = self.init if name.startswith("init") else self.containers
        container = self._container(f"{name}-{len(kept)}")
        kept.append(container)
        return container

    def variable(self, container: Object, name: str, value: str | Object) -> None:
        """An environment variable; what is no text is where its value comes from."""
        said: Object = {"value": value} if isinstance(value, str) else {"valueFrom": value}
        container.setdefault("env", []).append({"name": name, **said})

    def config_map(self, name: str, data: dict[str, str]) -> None:
        """A ConfigMap of the workload's namespace."""
        meta = {"name": name, "namespace": self.workload.namespace}
        self.extra.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})

    def finish(self) -> None:
        """Everything that was kept is written: ConfigMaps and what refers to them."""
        if self.variables:
            name = f"{self.workload.name}-env"
            self.config_map(name, self.variables)
            source: Object = {"configMapRef": {"name": name}, **({"prefix": self.prefix} if self.prefix else {})}
            self.containers[0].setdefault("envFrom", []).append(source)
        if self.settings:
            self.config_map(f"{self.workload.name}-settings", self.settings)
        if self.files:
            self._mount()
        for container in (*self.containers, *self.init):
            entries = container.get("env", [])
            if not any("$(" in str(entry.get("value")) for entry in entries):
                self.rng.shuffle(entries)

    def _mount(self) -> None:
        name = f"{self.workload.name}-config"
        self.config_map(name, {FILES[sort]: rendered(sort, said, self.rng) for sort, said in self.files.items()})
        source: Object = {"configMap": {"name": name}}
        if self.rng.random() < 0.2:
            source = {"projected": {"sources": [{"configMap": {"name": name}}]}}
        self.mount({"name": "config", **source}, "/etc/app")

    def mount(self, volume: Object, path: str) -> None:
        """A volume in the main container."""
        self.volumes.append(volume)
        where = {"name": volume["name"], "mountPath": path}
        self.containers[0].setdefault("volumeMounts", []).append(where)
