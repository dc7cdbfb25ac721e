"""The ports by which members of a mesh call each other, beside those that they are called at."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwall.engine.sets import PortSet
from podwall.needs.meshes import carried
from podwall.needs.need import Found, Need
from podwall.needs.party import EVERYONE, Party
from podwall.ops.inputs import Inputs
from tests.needs.objects import application, needs, workload

AMBIENT, NOT_AMBIENT = "istio.io/dataplane-mode: ambient", "istio.io/dataplane-mode: none"
SIDECAR = 'sidecar.istio.io/inject: "true"'
LINKERD = "linkerd.io/inject: enabled"
CASES = {
    "no mesh": ({}, {}, "8080/TCP"),
    "one end only": ({"labels": AMBIENT}, {}, "8080/TCP"),
    "the other end only": ({}, {"annotations": LINKERD}, "8080/TCP"),
    "both left out": ({"labels": NOT_AMBIENT}, {"labels": NOT_AMBIENT}, "8080/TCP"),
    "ambient": ({"labels": AMBIENT}, {"labels": AMBIENT}, "8080/TCP,15008/TCP"),
    "ambient to a sidecar": ({"labels": AMBIENT}, {"labels": SIDECAR}, "8080/TCP,15008/TCP"),
    "a sidecar to ambient": ({"labels": SIDECAR}, {"labels": AMBIENT}, "8080/TCP,15008/TCP"),
    "sidecars": ({"labels": SIDECAR}, {"labels": SIDECAR}, "8080/TCP"),
    "Linkerd": ({"annotations": LINKERD}, {"annotations": LINKERD}, "4143/TCP,8080/TCP"),
    "two meshes": ({"annotations": LINKERD}, {"labels": AMBIENT}, "8080/TCP"),
}


def parties(folder: Path, *texts: str) -> tuple[dict[str, Party], Inputs]:
    file = folder / "f.yaml"
    file.write_text("".join(texts))
    inputs = Inputs(filenames=(str(file),))
    return {one.party.name: one.party for one in application(inputs).workloads}, inputs


@pytest.mark.parametrize("case", CASES)
def test_ports(case: str, tmp_path: Path) -> None:
    source, destination, ports = CASES[case]
    found, inputs = parties(tmp_path, workload("a", **source), workload("b", **destination))
    need = Need(found["a"], found["b"], PortSet.of("TCP", 8080))
    out = carried(application(inputs), Found((need,)))
    assert needs(out.needs) == {f"shop/a -> shop/b {ports}"}
    assert bool(out.needs[0].evidence) == ("," in ports), "it is said where the port comes from"


def test_what_goes_by_no_proxy(tmp_path: Path) -> None:
    found, inputs = parties(tmp_path, workload("a", labels=AMBIENT), workload("b", labels=AMBIENT))
    udp = Need(found["a"], found["b"], PortSet.of("UDP", 53))
    outside = Need(EVERYONE, found["b"], PortSet.of("TCP", 80))
    away = Need(found["a"], Party("x", cidrs=("192.0.2.0/24",)), PortSet.of("TCP", 80))
    assert carried(application(inputs), Found((udp, outside, away))) == Found((udp, outside, away))
