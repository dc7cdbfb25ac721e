"""Egress to the API server, for a workload or every pod of a namespace.

It is found where the Service default/kubernetes leads (its EndpointSlice), else by its pods, else by the nodes of the
control plane; --address names it where the input does not tell. A policy sees its own address and port, never those of
the Service, since these are rewritten before.
"""

from __future__ import annotations

from podwall.author.compose import connect
from podwall.author.controlplane import api_servers
from podwall.author.recipe import Argument, Asked, Draft, Flag, Recipe
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    reference = asked.text("workload")
    sources = site.party(reference) if reference else site.everyone()
    out = Draft(sudden=False)
    for grant in api_servers(site, asked.texts("address")):
        out += connect(site, sources, grant.peers, grant.ports, both=asked.yes("both"))
    if out.policies:
        return out
    note = "nobody isolates it for egress, so the API server is reached already (--both writes the policy nevertheless)"
    return Draft(needs=out.needs, notes=(note,))


RECIPE = Recipe(
    name="apiserver",
    says="egress to the API server",
    draft=_draft,
    examples=(
        "podwall new apiserver monitoring/prometheus -f dump/",
        "podwall new apiserver -n argocd --address 172.20.0.2:6443 -f dump/",
    ),
    arguments=(Argument("workload", "who needs it; without it, every pod of the namespace", optional=True),),
    flags=(
        Flag("--address", "Where the API server listens; repeatable.", "texts", "ADDRESS[:PORT]"),
        Flag("--both", "Also where that isolates the pods.", "yes"),
    ),
)
