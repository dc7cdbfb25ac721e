"""Ingress from Prometheus to the ports that it scrapes.

Scrape ports are found in a namespace (-n) or for single workloads: container ports whose name says metrics, and the
annotation prometheus.io/port of a workload's template; --port adds one. Prometheus is found by its labels or name, or
named with --prometheus. What cannot be scraped yet is opened at both ends, where they are isolated.
"""

from __future__ import annotations

from podwall.author.compose import connect
from podwall.author.recipe import Argument, Asked, Draft, Flag, Recipe
from podwall.errors import CannotWrite
from podwall.needs.finding import scraped, scrapers
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    sources = _scrapers(site, asked.text("prometheus"))
    chosen = [site.party(reference) for reference in asked.texts("workload")] or [site.everyone()]
    out = Draft()
    found = 0
    for party in chosen:
        for workload, ports in scraped(site, party, asked.texts("port")):
            found += 1
            for source in sources:
                if source.keys != workload.keys:
                    out += connect(site, source, workload, ports, both=asked.yes("both"))
    if not found:
        where = ", ".join(f"{p.namespace}/{'*' if p.whole else p.name}" for p in chosen)
        raise CannotWrite(f"{where} has no scrape port that can be seen: name one with --port (9090, metrics)")
    if not out.policies:
        note = "scraped already: no end is isolated against it (--both writes the policies nevertheless)"
        return Draft(needs=out.needs, notes=(note,))
    return out


def _scrapers(site: Site, given: str) -> list[Party]:
    if given:
        return [site.party(given)]
    found = scrapers(site)
    if not found:
        raise CannotWrite("the input holds no Prometheus that Podwall knows: name it with --prometheus")
    return found


RECIPE = Recipe(
    name="monitoring",
    says="Prometheus and the ports that it scrapes",
    draft=_draft,
    examples=(
        "podwall new monitoring -n shop -f dump/",
        "podwall new monitoring shop/api --port 9102 -f dump/",
    ),
    arguments=(Argument("workload", "who is scraped; without it, all of the namespace", many=True, optional=True),),
    flags=(
        Flag("--prometheus", "Who scrapes.", metavar="WORKLOAD"),
        Flag("--port", "A scrape port that cannot be found; repeatable.", "texts", "PORT"),
        Flag("--both", "At both ends, also where that isolates one.", "yes"),
    ),
)
