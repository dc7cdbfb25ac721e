"""Ingress from the ingress controller to workloads that it serves.

The controller is found by its labels or name (ingress-nginx, Traefik, HAProxy, Kong, Contour's Envoy, Istio's gateway
and the like) in whichever namespace it runs, or named with --controller. On its host's network it comes from the nodes'
addresses. A BACKEND is a workload or Service with its port: shop/web:8080, shop/service/web:http.
"""

from __future__ import annotations

from podwall.author.compose import connect
from podwall.author.recipe import Argument, Asked, Draft, Flag, Recipe
from podwall.engine.questions import split_port
from podwall.errors import CannotWrite
from podwall.needs.finding import workloads_named
from podwall.needs.site import Site

__all__ = ["RECIPE"]

_CONTROLLERS = (
    "contour-envoy",
    "envoy-gateway",
    "haproxy-ingress",
    "ingress-controller",
    "ingress-nginx",
    "istio-ingressgateway",
    "kong",
    "kubernetes-ingress",
    "nginx-ingress",
    "traefik",
)


def _draft(site: Site, asked: Asked) -> Draft:
    given = asked.text("controller")
    sources = [site.party(given)] if given else workloads_named(site, _CONTROLLERS)
    if len(sources) != 1:
        names = ", ".join(f"{s.namespace}/{s.name}" for s in sources) or "none"
        raise CannotWrite(f"the input holds {names} that look like an ingress controller: name it with --controller")
    out = Draft()
    for backend in asked.texts("backend"):
        reference, port = split_port(backend)
        if port is None:
            raise CannotWrite(f"{backend}: name the port as well, as {backend}:8080")
        destinations = site.party(reference)
        out += connect(
            site, sources[0], destinations, site.ports(port, reference, destinations), both=asked.yes("both")
        )
    if not out.policies:
        note = "allowed already: no end is isolated against it (--both writes the policies nevertheless)"
        return Draft(needs=out.needs, notes=(note,))
    return out


RECIPE = Recipe(
    name="ingress-controller",
    says="workloads that the ingress controller serves",
    draft=_draft,
    examples=(
        "podwall new ingress-controller shop/web:8080 -f dump/",
        "podwall new ingress-controller shop/service/web:http -f dump/",
    ),
    arguments=(Argument("backend", "shop/web:8080, shop/service/web:http", many=True),),
    flags=(
        Flag("--controller", "The ingress controller.", metavar="WORKLOAD"),
        Flag("--both", "At both ends, also where that isolates one.", "yes"),
    ),
)
