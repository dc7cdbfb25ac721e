"""Identities that a cloud gives to workloads, and its metadata endpoints, where their marks are seen.

EKS, a role of the ServiceAccount     sts, by name                                    a question
EKS Pod Identity                      169.254.170.23 and fd00:ec2::23, TCP 80
instance metadata (AWS, Azure …)      169.254.169.254 and fd00:ec2::254, TCP 80
GKE Workload Identity, its metadata   169.254.169.254, TCP 80 and 8080 (Dataplane V2); 169.254.169.252, TCP 987-988
Azure Workload Identity               login.microsoftonline.com, by name              a question
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from podwall.api.access import ServiceAccount
from podwall.api.notes import ConfigMap
from podwall.cluster.mistake import Named
from podwall.cluster.objects import Located
from podwall.cluster.topology import named
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.need import Evidence, Grant, Need, Question, Sureness
from podwall.needs.party import Party
from podwall.needs.proxies import labels_of, selectable
from podwall.needs.running import Running
from podwall.needs.starting import config_maps, words
from podwall.needs.telling import told

__all__ = ["FINDER"]

_HTTP, _HTTPS = PortSet.of("TCP", 80), PortSet.of("TCP", 443)
_METADATA = "metadata"
_GOOGLE = (
    Grant(Party(_METADATA, cidrs=("169.254.169.252/32",)), PortSet.of("TCP", 987, 988)),
    Grant(Party(_METADATA, cidrs=("169.254.169.254/32",)), _HTTP | PortSet.of("TCP", 8080)),
)
# What a text says → where it leads. A block (169.254.169.254/32) is a rule about the address, and no use of it.
_MARKS: tuple[tuple[re.Pattern[str], tuple[Grant, ...]], ...] = tuple(
    (re.compile(rf"(?<![\w.:-]){pattern}(?!/\d|[\w.]*\w)"), grants)
    for pattern, grants in (
        (r"169\.254\.169\.254", (Grant(Party(_METADATA, cidrs=("169.254.169.254/32",)), _HTTP),)),
        (r"\[?fd00:ec2::254\]?", (Grant(Party(_METADATA, cidrs=("fd00:ec2::254/128",)), _HTTP),)),
        (r"169\.254\.170\.23", (Grant(Party("pod-identity", cidrs=("169.254.170.23/32",)), _HTTP),)),
        (r"\[?fd00:ec2::23\]?", (Grant(Party("pod-identity", cidrs=("fd00:ec2::23/128",)), _HTTP),)),
        (r"metadata\.google\.internal", _GOOGLE),
    )
)
_ANY = re.compile(r"169\.254\.|fd00:ec2::|metadata\.google")  # before each of them is looked for
_Read = dict[Named, list[tuple[Grant, Evidence]]]
_NOT_CALLED = re.compile(r"no_?proxy", re.IGNORECASE)
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_EKS, _GKE = "eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account"
_AZURE, _AZURE_HOST = "azure.workload.identity/use", "login.microsoftonline.com"
_CHINA = "arn:aws-cn:"


def _find(application: Application) -> Iterator[Need | Question]:
    read: _Read = {}
    for workload in selectable(application):
        yield from _of_account(application, workload)
        yield from _of_label(application, workload)
        yield from _of_texts(application, workload, read)


def _of_account(application: Application, workload: Running) -> Iterator[Need | Question]:
    name = workload.spec.serviceAccountName or "default"
    located = application.topology.get(ServiceAccount, workload.namespace, name)
    annotations = (located.object.metadata.annotations if located else None) or {}
    if located and annotations.get(_EKS):
        evidence = told(located, f"annotation {_EKS}", "metadata", "annotations", _EKS)
        yield _asks(workload, _sts(workload, annotations[_EKS]), evidence)
    if located and annotations.get(_GKE):
        evidence = told(located, f"annotation {_GKE}", "metadata", "annotations", _GKE)
        for grant in _GOOGLE:
            yield Need(workload.party, grant.peers, grant.ports, (evidence,))


def _sts(workload: Running, role: str) -> str:
    """Where roles are taken on: of the region, where that is told."""
    regions = (word.text for word in words(workload) if word.name in _REGIONS and word.text)
    host = ".".join(("sts", *([region] if (region := next(regions, "")) else []), "amazonaws.com"))
    return f"{host}.cn" if role.startswith(_CHINA) else host


def _of_label(application: Application, workload: Running) -> Iterator[Question]:
    if labels_of(application, workload).get(_AZURE) == "true":
        evidence = workload.evidence(f"label {_AZURE}: true", *workload.path[:-1], "metadata", "labels", _AZURE)
        yield _asks(workload, _AZURE_HOST, evidence)


def _asks(workload: Running, host: str, evidence: Evidence) -> Question:
    asks = f"{workload.namespace}/{workload.party.name} takes its cloud identity from {host}, whose addresses change"
    return Question(workload.party, Direction.EGRESS, host, _HTTPS, asks, (evidence,))


def _of_texts(application: Application, workload: Running, read: _Read) -> Iterator[Need]:
    seen: set[Grant] = set()
    for grant, evidence in (*_in_words(workload), *_in_files(application, workload, read)):
        if grant not in seen:
            yield Need(workload.party, grant.peers, grant.ports, (evidence,), Sureness.NAMED)
        seen.add(grant)


def _in_words(workload: Running) -> Iterator[tuple[Grant, Evidence]]:
    for word in words(workload):
        for grant in _named(word.text, word.name):
            yield grant, workload.evidence(word.says, *word.path)


def _in_files(application: Application, workload: Running, read: _Read) -> Iterator[tuple[Grant, Evidence]]:
    """What its ConfigMaps name; each of these is read once for all."""
    for located in config_maps(application, workload):
        key = named(located.object)
        if key not in read:
            read[key] = list(_in_file(located))
        yield from read[key]


def _in_file(located: Located[ConfigMap]) -> Iterator[tuple[Grant, Evidence]]:
    for key, text in sorted((located.object.data or {}).items()):
        for line in (text or "").splitlines() if _ANY.search(text or "") else ():
            if not line.lstrip().startswith("#"):
                for grant in _named(line, key):
                    yield grant, told(located, line.strip(), "data", key)


def _named(text: str, name: str) -> Iterator[Grant]:
    """Where a line leads that is not about what is asked without a proxy."""
    if _ANY.search(text) and not _NOT_CALLED.search(f"{name} {text}"):
        for pattern, grants in _MARKS:
            if pattern.search(text):
                yield from grants


FINDER = Finder(name="cloud", says="cloud identities and metadata", find=_find)
