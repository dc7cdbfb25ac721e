"""Published address ranges: the files of AWS, Google, Azure and GitHub, filtered by service and region.

Known by their shape: AWS has `ip_prefix`, Google `ipv4Prefix`, Azure `values` of tags with `addressPrefixes`, GitHub's
meta answer a list of CIDRs for each of its services.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import reduce
from operator import or_

import msgspec
from msgspec import Struct

from podwall.engine.sets import NO_ADDRESSES, AddrSet
from podwall.errors import CannotWrite

__all__ = ["Published", "Range", "published"]


class Range(Struct, frozen=True):
    """One block, with every name that its service goes by."""

    cidr: str
    services: tuple[str, ...] = ()
    region: str = ""


class Published(Struct, frozen=True):
    """A file's ranges, and whose they are."""

    provider: str
    ranges: tuple[Range, ...]

    def chosen(self, services: Iterable[str], regions: Iterable[str]) -> AddrSet:
        """All addresses of any of the services in any of the regions; none named is all. Names in any case.

        Raises CannotWrite for a name that the file does not have, and where nothing is left.
        """
        wanted, places = _folded(services), _folded(regions)
        _check("service", wanted, {s for r in self.ranges for s in r.services})
        _check("region", places, {r.region for r in self.ranges if r.region})
        found = [
            r.cidr
            for r in self.ranges
            if (not wanted or any(s.casefold() in wanted for s in r.services))
            and (not places or r.region.casefold() in places)
        ]
        if not found:
            raise CannotWrite(f"{self.provider} publishes no range for that service in that region")
        return reduce(or_, map(AddrSet.of, found), NO_ADDRESSES)


def published(data: bytes, source: str) -> Published:
    """A provider's file. Raises CannotWrite for what is none, or holds something that is no CIDR."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CannotWrite(f"--ranges {source}: not JSON: {error}") from None
    found = _read(value) if isinstance(value, dict) else None
    if found is None or not found.ranges:
        raise CannotWrite(f"--ranges {source}: neither a file of AWS, Google or Azure nor GitHub's meta answer")
    for one in found.ranges:
        if not _is_cidr(one.cidr):
            raise CannotWrite(f"--ranges {source}: {one.cidr!r} is no CIDR")
    return found


def _read(value: dict[str, object]) -> Published | None:
    first = next(iter(_objects(value.get("prefixes"))), {})
    if "ip_prefix" in first or "ipv6_prefixes" in value:
        return Published("AWS", tuple(_aws(value)))
    if "ipv4Prefix" in first or "ipv6Prefix" in first:
        return Published("Google", tuple(_google(value)))
    if any("properties" in tag for tag in _objects(value.get("values"))):
        return Published("Azure", tuple(_azure(value)))
    return Published("GitHub", tuple(_github(value)))


def _aws(value: dict[str, object]) -> Iterator[Range]:
    for key, field in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
        for entry in _objects(value.get(key)):
            yield Range(str(entry.get(field, "")), (_text(entry, "service"),), _text(entry, "region"))


def _google(value: dict[str, object]) -> Iterator[Range]:
    for entry in _objects(value.get("prefixes")):
        service = _text(entry, "service")
        cidr = _text(entry, "ipv4Prefix") or _text(entry, "ipv6Prefix")
        yield Range(cidr, (service,) if service else (), _text(entry, "scope"))


def _azure(value: dict[str, object]) -> Iterator[Range]:
    """A tag goes by its name (Storage.WestEurope), by the part before the region, and by its system service."""
    for tag in _objects(value.get("values")):
        properties = tag.get("properties")
        if isinstance(properties, dict):
            name = _text(tag, "name")
            names = dict.fromkeys((name, name.partition(".")[0], _text(properties, "systemService")))
            services = tuple(one for one in names if one)
            for cidr in properties.get("addressPrefixes") or ():
                yield Range(str(cidr), services, _text(properties, "region"))


def _github(value: dict[str, object]) -> Iterator[Range]:
    """Lists of something else, as keys and domains, stand among those of addresses."""
    for service, listed in value.items():
        if isinstance(listed, list) and listed and all(isinstance(one, str) and _is_cidr(one) for one in listed):
            yield from (Range(cidr, (service,)) for cidr in listed)


def _objects(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(entry: dict[str, object], key: str) -> str:
    found = entry.get(key)
    return found if isinstance(found, str) else ""


def _is_cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _folded(names: Iterable[str]) -> set[str]:
    return {part.casefold() for name in names for part in name.split(",")}


def _check(what: str, wanted: set[str], known: set[str]) -> None:
    folded = {name.casefold(): name for name in sorted(known)}
    for name in sorted(wanted - folded.keys()):
        near = [folded[one] for one in get_close_matches(name, folded, n=3)] or sorted(known)[:8]
        hint = f"; did you mean {', '.join(near)}?" if near else "; it has none"
        raise CannotWrite(f"the file has no {what} {name}{hint}")
