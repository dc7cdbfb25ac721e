"""Addresses outside of the cluster: egress to them, or with --ingress from them, at some ports (443 if none is named).

With --ranges, the CIDRs are those that a provider publishes (AWS ip-ranges.json, Google cloud.json, Azure ServiceTags,
GitHub's /meta), filtered by --service and --region, in the fewest blocks. The policy remembers the filter, and with
--update FILE its blocks are brought up to date in that file; nothing else in it changes.

A host name is refused: a NetworkPolicy knows addresses only. A block that is as good as everyone (wider than /8, or /16
for IPv6) needs --reason; of 0.0.0.0/0 and ::/0, private networks and the metadata service are left out.
"""

from __future__ import annotations

import ipaddress
from functools import reduce
from operator import or_

from podwall.author.compose import IGNORE, Said, named, permit, ports_word
from podwall.author.ranges import published
from podwall.author.recipe import Argument, Asked, Draft, Flag, Object, Recipe
from podwall.author.refresh import RANGES, refreshed, said
from podwall.cluster.services import addresses_of
from podwall.cluster.wellknown import PRIVATE
from podwall.engine.rules import Direction
from podwall.engine.sets import ALL_PORTS, NO_ADDRESSES, NO_PORTS, AddrSet, PortSet
from podwall.errors import CannotWrite
from podwall.needs.addresses import blocks
from podwall.needs.need import Grant
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["RECIPE"]

_WIDEST = {4: 8, 6: 16}  # as PW150 has it
_MANY = 500


def _draft(site: Site, asked: Asked) -> Draft:
    reference = asked.text("from")
    pods = site.party(reference) if reference else site.everyone()
    outside, annotations = _outside(asked)
    _check_inside(site, outside.addresses)
    ports = _ports(asked)
    inward = asked.yes("ingress")
    who = f"every pod of {pods.namespace}" if pods.whole else f"{pods.namespace}/{pods.name}"
    about = f"Lets {outside.name} reach {who} at {ports_word(ports)}."
    if not inward:
        about = f"Lets {who} reach {outside.name} at {ports_word(ports)}."
    own = "all" if pods.whole else pods.name
    name = asked.text("name") or named(own, "from" if inward else "to", _short(outside, annotations))
    direction = Direction.INGRESS if inward else Direction.EGRESS
    out = permit(site, direction, pods, (Grant(outside, ports),), Said(name, (about,), annotations or None))
    many = len(outside.cidrs)
    note = f"{many:,} blocks: some network plugins bear no more than a few hundred; narrow it with --service, --region"
    return out + Draft(notes=(note,) if many > _MANY else ())


def _outside(asked: Asked) -> tuple[Party, Object]:
    """The addresses that are meant, and the annotations that say why and where they come from."""
    given = blocks(asked.texts("cidr"))
    filtered = next((name for name in ("service", "region") if asked.texts(name)), None)
    if filtered and "ranges" not in asked.files:
        raise CannotWrite(f"--{filtered} goes with --ranges")
    if "ranges" in asked.files:
        if given:
            raise CannotWrite("give CIDRs or --ranges, not both: the blocks of a file are brought up to date")
        services, regions = asked.texts("service"), asked.texts("region")
        file = published(asked.files["ranges"], asked.text("ranges"))
        source = said(file.provider, services, regions)
        return Party(source, cidrs=tuple(file.chosen(services, regions).cidrs())), {RANGES: source}
    if not given:
        raise CannotWrite("name the addresses: CIDRs, or --ranges with a provider's published file")
    cidrs = tuple(reduce(or_, map(AddrSet.of, given), NO_ADDRESSES).cidrs())
    wide = [cidr for cidr in cidrs if _prefix(cidr) < _WIDEST[6 if ":" in cidr else 4]]
    excepts = PRIVATE if any(_prefix(cidr) == 0 for cidr in wide) else ()
    shown = ", ".join(cidrs[:4]) + (f" and {len(cidrs) - 4} more" if len(cidrs) > 4 else "")
    party = Party(shown + (" without what is private" if excepts else ""), cidrs=cidrs, excepts=excepts)
    if not wide:
        return party, {}
    reason = asked.text("reason")
    if not reason:
        raise CannotWrite(
            f"{wide[0]} is as good as every address: name the networks, or say why it is so with --reason"
        )
    return party, {IGNORE: f"PW150: {reason}"}


def _check_inside(site: Site, addresses: AddrSet) -> None:
    """Raises CannotWrite for blocks that mean pods or Services of the cluster: these are for selectors (as PW152)."""
    if any(_prefix(cidr) < _WIDEST[6 if ":" in cidr else 4] for cidr in addresses.cidrs()):
        return
    for endpoint in site.model.endpoints:
        for address in endpoint.addresses:
            if address in addresses and not endpoint.assumed and not endpoint.host_network:
                name = site.end(endpoint).name
                raise CannotWrite(f"{address} is the pod {name}, and changes with its next start: podwall new allow")
    for bucket in site.model.cluster.namespaces.values():
        for located in bucket.services:
            for address in addresses_of(located.object):
                if address in addresses:
                    service = f"{bucket.name}/service/{located.object.metadata.name}"
                    raise CannotWrite(
                        f"{address} is {service}, which is rewritten before a policy sees it: podwall new allow"
                    )


def _ports(asked: Asked) -> PortSet:
    if asked.texts("port") == ("any",):
        return ALL_PORTS
    return reduce(or_, map(_port, asked.texts("port") or ("443",)), NO_PORTS)


def _port(text: str) -> PortSet:
    """`443`, `53/udp`, `8000-8010`."""
    numbers, _, protocol = text.partition("/")
    first, _, last = numbers.partition("-")
    word = (protocol or "TCP").upper()
    if word not in ("TCP", "UDP", "SCTP") or not all(
        n.isdigit() and 1 <= int(n) <= 65535 for n in (first, last or first)
    ):
        raise CannotWrite(f"--port {text}: write 443, 53/udp, 8000-8010 or any")
    return PortSet.of(word, int(first), int(last or first))


def _prefix(cidr: str) -> int:
    return ipaddress.ip_network(cidr).prefixlen


def _short(outside: Party, annotations: Object) -> str:
    if RANGES in annotations:
        return str(annotations[RANGES]).replace("service=", "").replace("region=", "")
    return outside.cidrs[0] if len(outside.cidrs) == 1 else "external"


def _update(data: bytes, source: str, asked: Asked) -> tuple[bytes, str]:
    """A file with its blocks as they are published now, and what changed."""
    if "ranges" not in asked.files:
        raise CannotWrite("--update needs the provider's file: --ranges FILE")
    others = [name for name in ("cidr", "service", "region", "port", "from", "name", "reason") if name in asked.values]
    if others:
        flag = "a CIDR" if others[0] == "cidr" else f"--{others[0]}"
        raise CannotWrite(f"--update takes all but the blocks from the file: leave {flag} out, or write it anew")
    done = refreshed(data, source, published(asked.files["ranges"], asked.text("ranges")))
    return done.text, f"{done.added} block{'' if done.added == 1 else 's'} added, {done.removed} removed"


RECIPE = Recipe(
    name="external",
    says="addresses outside: CIDRs, or a provider's published ranges",
    draft=_draft,
    examples=(
        "podwall new external 203.0.113.0/24 --from shop/api -f dump/",
        "podwall new external --ranges ip-ranges.json --service S3 -n shop",
        "podwall new external --update shop.api-to-aws.yaml --ranges ip-ranges.json",
    ),
    arguments=(Argument("cidr", "addresses, as 203.0.113.0/24", many=True, optional=True),),
    flags=(
        Flag("--port", "443 (default), 53/udp, 8000-8010 or any; repeatable.", "texts", "PORT"),
        Flag("--from", "Only this workload; without it, every pod of the namespace.", metavar="WORKLOAD"),
        Flag("--ingress", "From these addresses, not to them.", "yes"),
        Flag("--ranges", "A provider's published file.", "file", "FILE"),
        Flag("--service", "With --ranges: only this service; repeatable.", "texts", "NAME"),
        Flag("--region", "With --ranges: only this region; repeatable.", "texts", "NAME"),
        Flag("--update", "Bring this policy file up to date with --ranges, in place.", "file", "FILE"),
        Flag("--reason", "Why it is as good as every address.", metavar="TEXT"),
        Flag("--name", "The name of the policy.", metavar="NAME"),
    ),
    needs_input=False,
    update=_update,
)
