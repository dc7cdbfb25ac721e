"""Services as references (D7): their addresses, the pods behind them, their ports and where these go."""

from __future__ import annotations

import msgspec
import pytest

from podwall.api.core import EndpointSlice, Service, ServicePort
from podwall.cluster.endpoints import Endpoint, PortName
from podwall.cluster.objects import Bucket, Located, Origin
from podwall.cluster.services import SliceAddress, addresses_of, port_of, selects, slice_addresses, target_numbers
from podwall.errors import UnknownReference
from tests.truth.vocabulary import Object


def service(spec: Object | None = None, **rest: object) -> Service:
    return msgspec.convert({"kind": "Service", "metadata": {"name": "s"}, "spec": spec, **rest}, Service)


@pytest.mark.parametrize(
    ("spec", "rest", "addresses"),
    [
        (None, {}, []),
        ({}, {}, []),
        ({"clusterIP": "None"}, {}, []),
        ({"clusterIP": "None", "clusterIPs": ["None"]}, {}, []),
        ({"clusterIP": "10.96.0.1"}, {}, ["10.96.0.1"]),
        ({"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00::1"]}, {}, ["10.96.0.1", "fd00::1"]),
        ({"externalIPs": ["203.0.113.1"]}, {}, ["203.0.113.1"]),
        (
            {"clusterIP": "10.96.0.1"},
            {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.2"}, {"hostname": "lb.example"}]}}},
            ["10.96.0.1", "203.0.113.2"],
        ),
        ({}, {"status": {"loadBalancer": {}}}, []),
        ({}, {"status": {}}, []),
    ],
)
def test_addresses(spec: Object | None, rest: Object, addresses: list[str]) -> None:
    assert list(addresses_of(service(spec, **rest))) == addresses


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ({"app": "web"}, {"app": "web", "tier": "front"}, True),
        ({"app": "web", "tier": "front"}, {"app": "web"}, False),
        ({"app": ""}, {}, False),
        ({"app": ""}, {"app": ""}, True),
        ({}, {"app": "web"}, False),  # no selector selects nothing
        (None, {"app": "web"}, False),
    ],
)
def test_selects(selector: dict[str, str] | None, labels: dict[str, str], expected: bool) -> None:
    assert selects(service({"selector": selector}), Endpoint("Pod", "x", "p", labels)) is expected


PORTS: list[Object] = [
    {"name": "web", "port": 80, "targetPort": "http"},
    {"name": "secure", "port": 443, "targetPort": 8443},
    {"name": "dns", "port": 53, "protocol": "UDP"},
    {"name": "dns-tcp", "port": 53},
]


@pytest.mark.parametrize(
    ("protocol", "port", "name"),
    [
        ("TCP", 80, "web"),
        ("TCP", "web", "web"),
        ("UDP", 53, "dns"),
        ("TCP", 53, "dns-tcp"),
        ("UDP", "dns", "dns"),
    ],
)
def test_port_by_number_or_name(protocol: str, port: int | str, name: str) -> None:
    assert port_of(service({"ports": PORTS}), "s", protocol, port).name == name


@pytest.mark.parametrize(
    ("protocol", "port"),
    [
        ("TCP", 81),
        ("UDP", 80),
        ("TCP", "dns"),
        ("TCP", 8443),
        ("TCP", "http"),
    ],
)
def test_a_port_that_is_not_there_is_an_error_that_lists_the_others(protocol: str, port: int | str) -> None:
    with pytest.raises(UnknownReference, match=r"80/TCP \(web\), 443/TCP \(secure\), 53/UDP \(dns\)"):
        port_of(service({"ports": PORTS}), "s", protocol, port)


@pytest.mark.parametrize("spec", [None, {}, {"ports": []}])
def test_a_service_without_ports(spec: Object | None) -> None:
    with pytest.raises(UnknownReference, match="none"):
        port_of(service(spec), "s", "TCP", 80)


POD = Endpoint(
    "Pod",
    "x",
    "p",
    {},
    ports=(PortName("http", "TCP", 8080), PortName("http", "TCP", 9090), PortName("dns", "UDP", 5353)),
)


@pytest.mark.parametrize(
    ("port", "numbers"),
    [
        ({"port": 80}, [80]),
        ({"port": 80, "targetPort": None}, [80]),
        ({"port": 80, "targetPort": 0}, [80]),
        ({"port": 80, "targetPort": ""}, [80]),
        ({"port": 80, "targetPort": 8081}, [8081]),
        ({"port": 80, "targetPort": "8081"}, [8081]),
        ({"port": 80, "targetPort": "http"}, [8080]),  # the first container's
        ({"port": 53, "protocol": "UDP", "targetPort": "dns"}, [5353]),
        ({"port": 53, "targetPort": "dns"}, []),
        ({"port": 80, "targetPort": "nothing"}, []),
    ],
)
def test_where_a_port_goes(port: Object, numbers: list[int]) -> None:
    assert target_numbers(msgspec.convert(port, ServicePort), POD) == numbers


# EndpointSlices


def slice_of(of: str, addresses: list[str], ports: list[Object] | None, kind: str = "IPv4") -> Located[EndpointSlice]:
    made = {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{of}-1", "labels": {"kubernetes.io/service-name": of}},
        "addressType": kind,
        "endpoints": [{"addresses": [a]} for a in addresses],
        "ports": ports,
    }
    return Located(msgspec.convert(made, EndpointSlice), Origin("f"))


def found(*slices: Located[EndpointSlice], port: Object | None) -> list[SliceAddress]:
    bucket = Bucket("x", {}, None, slices=slices)
    return slice_addresses(bucket, service({}), msgspec.convert(port, ServicePort) if port else None)


HTTP: Object = {"name": "http", "port": 80}


def test_slices_are_those_of_the_service() -> None:
    slices = (
        slice_of("s", ["10.0.0.2", "10.0.0.1"], [{"name": "http", "port": 8080}]),
        slice_of("other", ["10.0.0.3"], [{"name": "http", "port": 8080}]),
        slice_of("s", ["a.example"], [{"name": "http", "port": 8080}], "FQDN"),
        slice_of("s", ["fd00::1"], [{"name": "http", "port": 8081}], "IPv6"),
    )
    assert found(*slices, port=HTTP) == [
        SliceAddress("10.0.0.1", 8080),
        SliceAddress("10.0.0.2", 8080),
        SliceAddress("fd00::1", 8081),
    ]


@pytest.mark.parametrize(
    ("listed", "port", "numbers"),
    [
        ([{"name": "http", "port": 8080}, {"name": "metrics", "port": 9090}], HTTP, [8080]),
        ([{"name": "http", "port": 8080, "protocol": "UDP"}], HTTP, []),
        ([{"name": "http"}], HTTP, [None]),  # the Service's own number
        ([{"port": 8080}], {"port": 80}, [8080]),  # a Service of one port need not name it
        ([{"name": "", "port": 8080}], {"port": 80}, [8080]),
        ([{"name": "http", "port": 8080}], {"port": 80}, []),
        (None, HTTP, []),
        ([], HTTP, []),
        ([{"name": "http", "port": 8080}], None, [None]),  # whatever the port
    ],
)
def test_ports_of_slices(listed: list[Object] | None, port: Object | None, numbers: list[int | None]) -> None:
    assert [a.port for a in found(slice_of("s", ["10.0.0.1"], listed), port=port)] == numbers


def test_an_address_of_two_slices_is_one() -> None:
    slices = [slice_of("s", ["10.0.0.1", "10.0.0.1"], [{"name": "http", "port": 8080}]) for _ in range(2)]
    assert found(*slices, port=HTTP) == [SliceAddress("10.0.0.1", 8080)]


@pytest.mark.parametrize("endpoints", [None, [], [{"addresses": None}], [{}]])
def test_empty_slices(endpoints: object) -> None:
    one = {"kind": "EndpointSlice", "metadata": {"labels": {"kubernetes.io/service-name": "s"}}, "endpoints": endpoints}
    assert found(Located(msgspec.convert(one, EndpointSlice), Origin("f")), port=HTTP) == []
