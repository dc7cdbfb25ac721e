"""Labels that do not last: controllers put them on Pods, and the next rollout, run or replica has others."""

from __future__ import annotations

__all__ = ["EPHEMERAL"]

# apps/v1, batch/v1 and the well-known labels, and how long each lasts.
EPHEMERAL = {
    "apps.kubernetes.io/pod-index": "picks one replica",
    "batch.kubernetes.io/controller-uid": "is one Job's alone",
    "batch.kubernetes.io/job-completion-index": "picks one Pod of a Job",
    "batch.kubernetes.io/job-name": "is one run's alone where a CronJob makes the Jobs",
    "controller-revision-hash": "changes with every rollout",
    "controller-uid": "is one Job's alone",
    "job-name": "is one run's alone where a CronJob makes the Jobs",
    "pod-template-generation": "changes with every rollout",
    "pod-template-hash": "changes with every rollout",
    "statefulset.kubernetes.io/pod-name": "picks one replica",
}
