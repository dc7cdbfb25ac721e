"""DNS for every pod of a namespace: UDP and TCP, to the cluster's DNS pods at the port where these listen.

The DNS pods are found by the Service that leads to them, with their own labels and ports (a policy sees the port of the
pod, not that of the Service). A node-local cache is found as well, or named with --node-local. Where the DNS pods are
isolated, their side is written, too. Without input, what installers set up is taken: k8s-app=kube-dns, port 53.

The policy isolates whom it selects: a pod that may ask for names, and nothing else, may do nothing else.
"""

from __future__ import annotations

from podwall.author.recipe import Asked, Draft, Flag, Recipe
from podwall.author.resolver import allow_dns
from podwall.needs.addresses import blocks
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    return allow_dns(site, site.everyone(), blocks(asked.texts("node_local")))


RECIPE = Recipe(
    name="dns",
    says="DNS for every pod of a namespace",
    draft=_draft,
    examples=(
        "podwall new dns -n shop -f dump/",
        "podwall new dns -n shop -f dump/ --node-local 169.254.20.10",
    ),
    flags=(Flag("--node-local", "Address of the DNS cache on each node; repeatable.", "texts", "ADDRESS"),),
    needs_input=False,
)
