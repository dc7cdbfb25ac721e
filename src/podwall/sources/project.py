"""The project file `.podwall.yaml`: what a repository says once instead of with flags each time.

It is found upwards from the working directory. Here it is read and its paths are resolved; flags win over it, which is
settled by `ops`.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from podwall.admission.names import dns_label
from podwall.cluster.profile import PROFILES
from podwall.cluster.wellknown import Definition
from podwall.errors import InputError, InvalidInput, InvalidText, Problem
from podwall.sources.shapes import fitted
from podwall.text.where import Path as Field
from podwall.text.where import field

__all__ = ["API_VERSION", "FILE", "Check", "PathRules", "Project", "Settings", "find", "read", "schema"]

FILE = ".podwall.yaml"
API_VERSION = "podwall.io/v1"
KIND = "Project"
SEVERITIES = ("error", "warning", "info")
FAIL_ON = (*SEVERITIES, "never")
_UNKNOWN = "unknown key"

_Ids = Annotated[list[str], Meta(description="Ids of checks, as PW150, or how they begin, as PW1.")]
# For editors only: what the file says is checked below, so that each mistake has its line.
_Severity = Annotated[str, Meta(extra_json_schema={"enum": list(SEVERITIES)})]

_FailOn = Annotated[str, Meta(extra_json_schema={"enum": list(FAIL_ON)})]


class PathRules(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for the files of one pattern."""

    ignore: _Ids = []
    severities: Annotated[dict[str, _Severity], Meta(description="Another severity for a check there, by its id.")] = {}


class Check(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={
        "fail_on": "failOn",
        "no_suppress": "noSuppress",
        "unused_days": "unusedDays",
        "without_dns": "withoutDNS",
    },
):
    """Settings of `podwall check`."""

    select: Annotated[_Ids, Meta(description="Only these checks.")] = []
    ignore: Annotated[_Ids, Meta(description="Not these checks.")] = []
    severities: Annotated[dict[str, _Severity], Meta(description="Another severity for a check, by its id.")] = {}
    fail_on: Annotated[_FailOn, Meta(description="The least severity that makes the exit code 1.")] | None = None
    baseline: Annotated[str, Meta(description="File of findings that are known already.")] | None = None
    no_suppress: Annotated[_Ids, Meta(description="Checks that no annotation and no baseline may suppress.")] = []
    unused_days: Annotated[int, Meta(description="As --unused-days: PW180.", extra_json_schema={"minimum": 1})] = 30
    without_dns: Annotated[list[str], Meta(description="Namespaces whose workloads need no DNS.")] = []
    paths: Annotated[dict[str, PathRules], Meta(description="Settings for files, by pattern as in CODEOWNERS.")] = {}


class Settings(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={
        "api_version": "apiVersion",
        "pod_cidrs": "podCIDRs",
        "skip_invalid": "skipInvalid",
        "ignore_kinds": "ignoreKinds",
    },
):
    """The keys of `.podwall.yaml`. Paths start from the folder that the file is in."""

    api_version: Annotated[str, Meta(extra_json_schema={"const": API_VERSION})] = API_VERSION
    kind: Annotated[str, Meta(extra_json_schema={"const": KIND})] = KIND
    inputs: Annotated[list[str], Meta(description="Files and folders, where no -f, -k or --snapshot is given.")] = []
    kustomize: Annotated[str, Meta(description="As -k: a folder that `kubectl kustomize` builds.")] | None = None
    snapshot: Annotated[str, Meta(description="As --snapshot: a file that `podwall snapshot` wrote.")] | None = None
    namespace: Annotated[str, Meta(description="Namespace of objects and names without one.")] | None = None
    profile: Annotated[str, Meta(description="As --cni: how the network plugin decides.")] | None = None
    pod_cidrs: Annotated[list[str], Meta(description="As --pod-cidr: one of each family.")] = []
    skip_invalid: Annotated[bool, Meta(description="As --skip-invalid.")] = False
    strict: Annotated[bool, Meta(description="As --strict.")] = False
    ignore_kinds: Annotated[bool, Meta(description="As --ignore-kinds.")] = False
    sets: Annotated[dict[str, Definition], Meta(description="Well-known sets by name: dns, monitoring …")] = {}
    check: Annotated[Check, Meta(description="Settings of `podwall check`.")] = Check()
    expectations: Annotated[list[str], Meta(description="Files of assertions for `podwall test`.")] = []


class Project(Struct, frozen=True):
    """A project file: what messages call it, the folder that its paths start from, and what it says."""

    name: str
    folder: Path
    settings: Settings

    def path(self, given: str) -> str:
        """A path of the file, seen from the working directory."""
        return os.path.relpath(self.folder / given)


def schema() -> bytes:
    """The JSON Schema of the file, for editors."""
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Settings)}
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def find(folder: Path, home: Path | None) -> Path | None:
    """The nearest project file upwards: up to the repository's root, the home folder or the root of all."""
    for here in (folder, *folder.parents):
        if (here / FILE).is_file():
            return here / FILE
        if (here / ".git").exists() or here == home:
            return None
    return None


def read(path: Path) -> Project:
    """A project file. Raises InputError where it cannot be read, InvalidInput with every mistake in it."""
    from podwall.text import yaml  # `positions` says why here

    name = os.path.relpath(path) if path.is_absolute() else str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None
    documents = list(yaml.documents(data, name))
    if len(documents) > 1:
        raise InvalidText(name, documents[1].line, "a project file has one document; join the two")
    value, index = (documents[0].value, documents[0].index) if documents else ({}, 0)
    if not isinstance(value, dict):
        raise InvalidText(name, documents[0].line, "expected the keys of a project file, as `inputs: [manifests/]`")
    clean, slips = fitted(value, Settings, unknown=_UNKNOWN)
    wrong = [(slip.path, slip.message) for slip in slips]
    settings = Settings() if wrong else msgspec.convert(clean, Settings)
    wrong += _mistakes(settings)
    if wrong:
        lines = yaml.locate_all(data, name, {index: [place for place, _ in wrong]})
        raise InvalidInput([Problem(f"{name}:{lines[index, place]}", field(place), said) for place, said in wrong])
    return Project(name, path.parent, settings)


def _mistakes(settings: Settings) -> Iterator[tuple[Field, str]]:
    """What is of the right sort, but cannot be."""
    if settings.api_version != API_VERSION:
        yield ("apiVersion",), f"expected {API_VERSION}"
    if settings.kind != KIND:
        yield ("kind",), f"expected {KIND}"
    if settings.profile is not None and settings.profile not in PROFILES:
        yield ("profile",), f"there is no profile {settings.profile}; there are {', '.join(sorted(PROFILES))}"
    if settings.namespace is not None and (wrong := dns_label(settings.namespace)):
        yield ("namespace",), f"not the name of a namespace: {wrong[0]}"
    if "-" in settings.inputs:
        yield ("inputs", settings.inputs.index("-")), "standard input is given with -f -, not in a file"
    yield from _network(settings)
    yield from _checks(settings.check)


def _network(settings: Settings) -> Iterator[tuple[Field, str]]:
    families: dict[int, str] = {}
    for number, cidr in enumerate(settings.pod_cidrs):
        place = ("podCIDRs", number)
        try:
            version = ipaddress.ip_network(cidr).version
        except ValueError as error:
            yield place, str(error)
            continue
        if families.setdefault(version, cidr) is not cidr:
            yield place, f"there is {families[version]} already; give one of each family"


def _checks(check: Check) -> Iterator[tuple[Field, str]]:
    yield from _severities(("check",), check.severities)
    for pattern, rules in check.paths.items():
        yield from _severities(("check", "paths", pattern), rules.severities)
    if check.unused_days < 1:
        yield ("check", "unusedDays"), "expected at least 1"
    for number, name in enumerate(check.without_dns):
        if wrong := dns_label(name):
            yield ("check", "withoutDNS", number), f"not the name of a namespace: {wrong[0]}"
    if check.fail_on is not None and check.fail_on not in FAIL_ON:
        yield ("check", "failOn"), f"{check.fail_on} is not one of {', '.join(FAIL_ON)}"


def _severities(place: Field, severities: Mapping[str, str]) -> Iterator[tuple[Field, str]]:
    for key, severity in severities.items():
        if severity not in SEVERITIES:
            yield (*place, "severities", key), f"{severity} is not one of {', '.join(SEVERITIES)}"
