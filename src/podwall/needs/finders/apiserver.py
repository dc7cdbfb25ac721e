"""Users of the API server: whose ServiceAccount is given a role and mounted, and who names the API server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from podwall.api.access import ClusterRoleBinding, RoleBinding, ServiceAccount, Subject
from podwall.cluster.objects import Located, name_of
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet
from podwall.needs.application import Application
from podwall.needs.controlplane import found_api_servers
from podwall.needs.finder import Finder
from podwall.needs.need import Evidence, Need, Question, Sureness
from podwall.needs.proxies import selectable
from podwall.needs.running import Running
from podwall.needs.starting import words
from podwall.needs.telling import told

__all__ = ["FINDER"]

_Binding = RoleBinding | ClusterRoleBinding
_Bound = Mapping[tuple[str, str], list[tuple[Evidence, Sureness]]]
_VARIABLE = "KUBERNETES_SERVICE_HOST"
_NAMED = re.compile(rf"{_VARIABLE}|(?<![\w.-])kubernetes\.default(?:\.svc(?:\.[\w.-]+)?)?(?![\w.-]*\w)")
_GROUP = "system:serviceaccounts"
_OWN = "system:"  # the bindings that Kubernetes and OpenShift make for everybody
_PEER = "kubernetes.default"
_HOW = "`kubectl get svc,endpointslices -n default -o yaml` does"
_PORTS = PortSet.of("TCP", 443) | PortSet.of("TCP", 6443)


def _find(application: Application) -> Iterator[Need | Question]:
    bound, grants = _bound(application), found_api_servers(application.site)
    for workload in selectable(application):
        found = [*_by_role(application, workload, bound), *_by_name(workload)]
        if not found:
            continue
        evidence, sureness = tuple(one for one, _ in found), max(sure for _, sure in found)
        for grant in grants:
            yield Need(workload.party, grant.peers, grant.ports, evidence, sureness)
        if not grants:
            who = f"{workload.namespace}/{workload.party.name}"
            asks = f"{who} uses the API server, and the input does not tell where that is ({_HOW})"
            yield Question(workload.party, Direction.EGRESS, _PEER, _PORTS, asks, evidence)


# Roles


def _by_role(application: Application, workload: Running, bound: _Bound) -> list[tuple[Evidence, Sureness]]:
    """The bindings of its ServiceAccount, where its token is mounted."""
    home, name = workload.namespace, workload.spec.serviceAccountName or "default"
    if not _mounted(application, workload, name):
        return []
    return [*bound.get((home, name), ()), *bound.get((home, ""), ()), *bound.get(("", ""), ())]


def _mounted(application: Application, workload: Running, name: str) -> bool:
    """Whether the pods have a token for the API server: what the pod says of it comes before the ServiceAccount."""
    account = application.topology.get(ServiceAccount, workload.namespace, name)
    for said in (workload.spec.automountServiceAccountToken, account and account.object.automountServiceAccountToken):
        if said is not None:
            return said or _by_hand(workload)
    return True


def _by_hand(workload: Running) -> bool:
    """Whether a volume has a token that is for nobody else."""
    projected = (volume.projected for volume in workload.spec.volumes or () if volume.projected)
    tokens = (source.serviceAccountToken for one in projected for source in one.sources or ())
    return any(token is not None and not token.audience for token in tokens)


def _bound(application: Application) -> _Bound:
    """What binds roles: to a ServiceAccount by namespace and name, to all of a namespace, to all of them."""
    kinds: tuple[type[_Binding], ...] = (ClusterRoleBinding, RoleBinding)
    out: dict[tuple[str, str], list[tuple[Evidence, Sureness]]] = {}
    for located in application.topology.every(*kinds):
        for number, subject in enumerate(located.object.subjects or ()):
            key = _key(located, subject)
            if key is not None:
                says = f"role {located.object.roleRef.name} of {subject.kind} {subject.name}"
                sureness = Sureness.NAMED if key[1] else Sureness.INFERRED
                out.setdefault(key, []).append((told(located, says, "subjects", number), sureness))
    return out


def _key(located: Located[_Binding], subject: Subject) -> tuple[str, str] | None:
    meta = located.object.metadata
    if subject.kind == "ServiceAccount":
        return subject.namespace or meta.namespace or "", subject.name
    if subject.kind != "Group" or name_of(meta).startswith(_OWN):
        return None
    group, colon, namespace = subject.name.partition(f"{_GROUP}:")
    if colon and not group:
        return namespace, ""
    return ("", "") if subject.name == _GROUP else None


# Texts


def _by_name(workload: Running) -> Iterator[tuple[Evidence, Sureness]]:
    for word in words(workload):
        if _NAMED.search(word.text) or word.name == _VARIABLE:
            yield workload.evidence(word.says, *word.path), Sureness.NAMED


FINDER = Finder(name="apiserver", says="users of the API server", find=_find)
