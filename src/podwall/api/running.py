"""Workloads as needs are read from: how their containers are started, and what is mounted and injected.

`workloads` has the same kinds with what the network sees of them; these are decoded only where needs are looked for.
"""

from __future__ import annotations

from msgspec import Struct

from podwall.api.core import ContainerPort
from podwall.api.meta import LabelSelector, ObjectMeta

__all__ = [
    "EnvFrom",
    "EnvVar",
    "FieldRef",
    "KeyRef",
    "NameRef",
    "Projected",
    "Projection",
    "RunningContainer",
    "RunningControllerSpec",
    "RunningCronJob",
    "RunningDaemonSet",
    "RunningDeployment",
    "RunningJob",
    "RunningPod",
    "RunningPodSpec",
    "RunningPort",
    "RunningReplicaSet",
    "RunningReplicationController",
    "RunningSpec",
    "RunningStatefulSet",
    "RunningTemplate",
    "RunningWorkload",
    "SecretVolume",
    "TokenProjection",
    "ValueFrom",
    "Volume",
]


class KeyRef(Struct, frozen=True, gc=False):
    """A key of a ConfigMap or Secret."""

    name: str = ""
    key: str = ""
    optional: bool | None = None


class NameRef(Struct, frozen=True, gc=False):
    """A ConfigMap or Secret as a whole."""

    name: str = ""
    optional: bool | None = None


class FieldRef(Struct, frozen=True, gc=False):
    """A field of the Pod itself: `status.hostIP`."""

    fieldPath: str = ""


class ValueFrom(Struct, frozen=True, gc=False):
    """Where a variable's value comes from."""

    configMapKeyRef: KeyRef | None = None
    secretKeyRef: KeyRef | None = None
    fieldRef: FieldRef | None = None


class EnvVar(Struct, frozen=True, gc=False):
    """One environment variable."""

    name: str = ""
    value: str | None = None
    valueFrom: ValueFrom | None = None


class EnvFrom(Struct, frozen=True, gc=False):
    """All keys of a ConfigMap or Secret as variables, each behind the prefix."""

    prefix: str | None = None
    configMapRef: NameRef | None = None
    secretRef: NameRef | None = None


class RunningPort(ContainerPort, frozen=True, gc=False):
    """A port of a container, and the one of its host that leads there."""

    hostPort: int | None = None


class RunningContainer(Struct, frozen=True, gc=False):
    """A container and how it is started."""

    name: str = ""
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[EnvVar] | None = None
    envFrom: list[EnvFrom] | None = None
    ports: list[RunningPort] | None = None


class SecretVolume(Struct, frozen=True, gc=False):
    """A Secret as files."""

    secretName: str = ""


class TokenProjection(Struct, frozen=True, gc=False):
    """A ServiceAccount's token as a file, for the API server where it names no audience."""

    audience: str | None = None


class Projection(Struct, frozen=True, gc=False):
    """One source of a projected volume."""

    configMap: NameRef | None = None
    secret: NameRef | None = None
    serviceAccountToken: TokenProjection | None = None


class Projected(Struct, frozen=True, gc=False):
    """A projected volume."""

    sources: list[Projection] | None = None


class Volume(Struct, frozen=True, gc=False):
    """A volume, as far as it may hold configuration."""

    name: str = ""
    configMap: NameRef | None = None
    secret: SecretVolume | None = None
    projected: Projected | None = None


class RunningPodSpec(Struct, frozen=True, gc=False):
    """A PodSpec."""

    containers: list[RunningContainer] | None = None
    initContainers: list[RunningContainer] | None = None
    volumes: list[Volume] | None = None
    serviceAccountName: str | None = None
    automountServiceAccountToken: bool | None = None
    hostNetwork: bool | None = None


class RunningTemplate(Struct, frozen=True, gc=False):
    """A PodTemplateSpec."""

    metadata: ObjectMeta = ObjectMeta()
    spec: RunningPodSpec | None = None


class RunningSpec(Struct, frozen=True, gc=False):
    """What the controllers' specs have in common; `serviceName` is a StatefulSet's."""

    template: RunningTemplate | None = None
    selector: LabelSelector | None = None
    serviceName: str | None = None


class RunningControllerSpec(Struct, frozen=True, gc=False):
    """A ReplicationController's spec, whose selector is a plain map."""

    template: RunningTemplate | None = None
    selector: dict[str, str] | None = None


class RunningPod(Struct, frozen=True, gc=False, tag_field="kind", tag="Pod"):
    """core/v1 Pod."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RunningPodSpec | None = None


class RunningDeployment(Struct, frozen=True, gc=False, tag_field="kind", tag="Deployment"):
    """apps/v1 Deployment."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RunningSpec | None = None


class RunningStatefulSet(Struct, frozen=True, gc=False, tag_field="kind", tag="StatefulSet"):
    """apps/v1 StatefulSet."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RunningSpec | None = None


class RunningDaemonSet(Struct, frozen=True, gc=False, tag_field="kind", tag="DaemonSet"):
    """apps/v1 DaemonSet."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RunningSpec | None = None


class RunningReplicaSet(Struct, frozen=True, gc=False, tag_field="kind", tag="ReplicaSet"):
    """apps/v1 ReplicaSet."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RunningSpec | None = None


class RunningReplicationController(Struct, frozen=True, gc=False, tag_field="kind", tag="ReplicationController"):
    """core/v1 ReplicationController."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RunningControllerSpec | None = None


class RunningJob(Struct, frozen=True, gc=False, tag_field="kind", tag="Job"):
    """batch/v1 Job; a Helm hook is one as well."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RunningSpec | None = None


class RunningJobTemplate(Struct, frozen=True, gc=False):
    """batch/v1 JobTemplateSpec."""

    spec: RunningSpec | None = None


class RunningCronJobSpec(Struct, frozen=True, gc=False):
    """A CronJob's spec."""

    jobTemplate: RunningJobTemplate | None = None


class RunningCronJob(Struct, frozen=True, gc=False, tag_field="kind", tag="CronJob"):
    """batch/v1 CronJob."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RunningCronJobSpec | None = None


RunningWorkload = (
    RunningDeployment
    | RunningStatefulSet
    | RunningDaemonSet
    | RunningReplicaSet
    | RunningReplicationController
    | RunningJob
    | RunningCronJob
    | RunningPod
)
