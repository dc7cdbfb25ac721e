"""Providers' published files: their shapes, filters, and a policy brought up to date in place. All data is made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podwall.author.ranges import published
from podwall.author.refresh import filters, said
from podwall.errors import CannotWrite
from tests.cli.program import podwall

AWS = {
    "syncToken": "1",
    "createDate": "2026-01-01-00-00-00",
    "prefixes": [
        {"ip_prefix": "198.51.100.0/25", "region": "eu-west-1", "service": "S3", "network_border_group": "eu-west-1"},
        {"ip_prefix": "198.51.100.128/25", "region": "eu-west-1", "service": "S3", "network_border_group": "eu-west-1"},
        {"ip_prefix": "198.51.100.0/24", "region": "eu-west-1", "service": "AMAZON", "network_border_group": "x"},
        {"ip_prefix": "203.0.113.0/24", "region": "us-east-1", "service": "S3", "network_border_group": "us-east-1"},
    ],
    "ipv6_prefixes": [
        {"ipv6_prefix": "2001:db8:1::/48", "region": "eu-west-1", "service": "S3", "network_border_group": "eu-west-1"}
    ],
}
GOOGLE = {
    "syncToken": "1",
    "creationTime": "2026-01-01T00:00:00.000000",
    "prefixes": [
        {"ipv4Prefix": "198.51.100.0/24", "service": "Google Cloud", "scope": "europe-west1"},
        {"ipv6Prefix": "2001:db8::/44", "service": "Google Cloud", "scope": "us-east1"},
    ],
}
GOOG = {"prefixes": [{"ipv4Prefix": "198.51.100.0/24"}, {"ipv6Prefix": "2001:db8::/44"}]}
AZURE = {
    "changeNumber": 1,
    "cloud": "Public",
    "values": [
        {
            "name": name,
            "id": name,
            "properties": {"region": region, "systemService": system, "addressPrefixes": prefixes, "platform": "Azure"},
        }
        for name, region, system, prefixes in (
            ("Storage", "", "AzureStorage", ["198.51.100.0/24", "203.0.113.0/24"]),
            ("Storage.WestEurope", "westeurope", "AzureStorage", ["198.51.100.0/24"]),
            ("ActionGroup", "", "ActionGroup", ["192.0.2.0/28", "2001:db8:3::/48"]),
        )
    ],
}
GITHUB = {
    "verifiable_password_authentication": False,
    "ssh_keys": ["ssh-ed25519 AAAA"],
    "hooks": ["192.0.2.0/28", "2001:db8::/32"],
    "web": ["192.0.2.0/28", "203.0.113.0/24"],
    "domains": {"website": ["*.github.com"]},
}

CHOSEN = [
    (AWS, "AWS", ("S3",), ("eu-west-1",), ["198.51.100.0/24", "2001:db8:1::/48"]),
    (AWS, "AWS", ("s3",), (), ["198.51.100.0/24", "203.0.113.0/24", "2001:db8:1::/48"]),
    (AWS, "AWS", ("S3", "AMAZON"), ("us-east-1,eu-west-1",), ["198.51.100.0/24", "203.0.113.0/24", "2001:db8:1::/48"]),
    (AWS, "AWS", (), ("us-east-1",), ["203.0.113.0/24"]),
    (GOOGLE, "Google", (), ("europe-west1",), ["198.51.100.0/24"]),
    (GOOGLE, "Google", ("google cloud",), ("us-east1",), ["2001:db8::/44"]),
    (GOOG, "Google", (), (), ["198.51.100.0/24", "2001:db8::/44"]),
    (AZURE, "Azure", ("Storage",), ("westeurope",), ["198.51.100.0/24"]),
    (AZURE, "Azure", ("Storage.WestEurope",), (), ["198.51.100.0/24"]),
    (AZURE, "Azure", ("AzureStorage",), (), ["198.51.100.0/24", "203.0.113.0/24"]),
    (GITHUB, "GitHub", ("hooks",), (), ["192.0.2.0/28", "2001:db8::/32"]),
    (GITHUB, "GitHub", (), (), ["192.0.2.0/28", "203.0.113.0/24", "2001:db8::/32"]),
]


@pytest.mark.parametrize(("file", "provider", "services", "regions", "cidrs"), CHOSEN)
def test_the_ranges_of_a_service_in_a_region(
    file: object, provider: str, services: tuple[str, ...], regions: tuple[str, ...], cidrs: list[str]
) -> None:
    found = published(json.dumps(file).encode(), "x.json")
    assert (found.provider, found.chosen(services, regions).cidrs()) == (provider, cidrs)
    again = filters(said(provider, services, regions))
    assert found.chosen(*again[1:]).cidrs() == cidrs


WRONG = [
    (b"", "not JSON"),
    (b"[]", "neither"),
    (b"{}", "neither"),
    (b'{"prefixes": [], "ipv6_prefixes": []}', "neither"),
    (b'{"prefixes": [{"ip_prefix": "everything", "service": "S3"}], "ipv6_prefixes": []}', "'everything' is no CIDR"),
]


@pytest.mark.parametrize(("data", "says"), WRONG)
def test_what_is_no_such_file_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(CannotWrite, match=says):
        published(data, "x.json")


def test_an_unknown_service_is_refused_with_what_there_is() -> None:
    found = published(json.dumps(AWS).encode(), "x.json")
    with pytest.raises(CannotWrite, match="did you mean S3"):
        found.chosen(("S33",), ())
    with pytest.raises(CannotWrite, match="did you mean eu-west-1"):
        found.chosen((), ("eu-west-9",))
    with pytest.raises(CannotWrite, match="no range for that service in that region"):
        found.chosen(("AMAZON",), ("us-east-1",))


@pytest.fixture
def aws(tmp_path: Path) -> Path:
    path = tmp_path / "ip-ranges.json"
    path.write_text(json.dumps(AWS), "utf-8")
    return path


def test_an_update_changes_the_blocks_and_nothing_else(tmp_path: Path, aws: Path) -> None:
    words = ("new", "external", "--ranges", aws, "--service", "S3", "--region", "eu-west-1", "-n", "shop")
    assert podwall(*words, "-d", tmp_path / "out").code == 0
    (file,) = (tmp_path / "out").iterdir()
    mine = file.read_text("utf-8").replace("spec:\n", "spec: # reviewed by me\n") + "# the end\n"
    file.write_text(mine, "utf-8")
    again = podwall("new", "external", "--update", file, "--ranges", aws)
    assert (again.code, again.out, file.read_text("utf-8")) == (0, f"{file}: 0 blocks added, 0 removed\n", mine)
    grown = {**AWS, "prefixes": [{**AWS["prefixes"][0], "ip_prefix": "192.0.2.0/24"}]}  # type: ignore[dict-item]
    aws.write_text(json.dumps(grown), "utf-8")
    done = podwall("new", "external", "--update", file, "--ranges", aws)
    assert done.out == f"{file}: 1 block added, 1 removed\n"
    assert file.read_text("utf-8") == mine.replace("198.51.100.0/24", "192.0.2.0/24")


def test_an_update_needs_a_policy_made_from_ranges(tmp_path: Path, aws: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(podwall("new", "external", "203.0.113.0/24").out, "utf-8")
    done = podwall("new", "external", "--update", file, "--ranges", aws)
    assert (done.code, "no policy with the annotation" in done.err) == (2, True)
    assert podwall("new", "external", "--update", file).code == 2


@pytest.mark.parametrize("more", [("--service", "S3"), ("--port", "80"), ("203.0.113.0/24",)])
def test_an_update_takes_no_other_wish(tmp_path: Path, aws: Path, more: tuple[str, ...]) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(podwall("new", "external", "--ranges", aws, "--service", "S3").out, "utf-8")
    before = file.read_bytes()
    done = podwall("new", "external", "--update", file, "--ranges", aws, *more)
    assert (done.code, file.read_bytes()) == (2, before)
    assert "--update takes all but the blocks from the file" in done.err


def test_a_policy_of_another_provider_is_not_touched(tmp_path: Path, aws: Path) -> None:
    file, other = tmp_path / "x.yaml", tmp_path / "meta.json"
    other.write_text(json.dumps(GITHUB), "utf-8")
    file.write_text(podwall("new", "external", "--ranges", aws, "--service", "S3").out, "utf-8")
    before = file.read_bytes()
    done = podwall("new", "external", "--update", file, "--ranges", other)
    assert (done.code, file.read_bytes()) == (2, before)
    assert "its ranges are AWS's, and the file given is GitHub's" in done.err


def test_the_path_of_the_file_stays_out_of_the_policy(aws: Path) -> None:
    out = podwall("new", "external", "--ranges", aws, "--service", "S3").out
    assert "--ranges ip-ranges.json" in out
    assert str(aws.parent) not in out
