"""apps/v1, batch/v1 and core/v1: the objects that make Pods. A template stands for replicas not in the input."""

from __future__ import annotations

from msgspec import Struct

from podwall.api.core import PodSpec
from podwall.api.meta import ObjectMeta

__all__ = [
    "CronJob",
    "CronJobSpec",
    "DaemonSet",
    "Deployment",
    "Job",
    "JobTemplate",
    "PodTemplate",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
    "Workload",
    "WorkloadSpec",
]


class PodTemplate(Struct, frozen=True, gc=False):
    """core/v1 PodTemplateSpec."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec | None = None


class WorkloadSpec(Struct, frozen=True, gc=False):
    """What the controllers' specs have in common. A Job counts its replicas in `parallelism`."""

    template: PodTemplate | None = None
    replicas: int | None = None
    parallelism: int | None = None


class Deployment(Struct, frozen=True, gc=False, tag_field="kind", tag="Deployment"):
    """apps/v1 Deployment."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkloadSpec | None = None


class StatefulSet(Struct, frozen=True, gc=False, tag_field="kind", tag="StatefulSet"):
    """apps/v1 StatefulSet."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkloadSpec | None = None


class DaemonSet(Struct, frozen=True, gc=False, tag_field="kind", tag="DaemonSet"):
    """apps/v1 DaemonSet: one Pod a node."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkloadSpec | None = None


class ReplicaSet(Struct, frozen=True, gc=False, tag_field="kind", tag="ReplicaSet"):
    """apps/v1 ReplicaSet, most often made by a Deployment."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkloadSpec | None = None


class ReplicationController(Struct, frozen=True, gc=False, tag_field="kind", tag="ReplicationController"):
    """core/v1 ReplicationController."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkloadSpec | None = None


class Job(Struct, frozen=True, gc=False, tag_field="kind", tag="Job"):
    """batch/v1 Job, perhaps made by a CronJob."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkloadSpec | None = None


class JobTemplate(Struct, frozen=True, gc=False):
    """batch/v1 JobTemplateSpec."""

    spec: WorkloadSpec | None = None


class CronJobSpec(Struct, frozen=True, gc=False):
    """A CronJob's spec, as far as its Pods go."""

    jobTemplate: JobTemplate | None = None


class CronJob(Struct, frozen=True, gc=False, tag_field="kind", tag="CronJob"):
    """batch/v1 CronJob."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: CronJobSpec | None = None


Workload = Deployment | StatefulSet | DaemonSet | ReplicaSet | ReplicationController | Job | CronJob
