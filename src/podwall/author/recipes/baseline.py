"""The baseline of a namespace: default deny in both directions, and DNS.

With --cluster it holds for every namespace, those to come as well, but the system's and those of --except:

  cnp      a ClusterNetworkPolicy of the Baseline tier
  kyverno  a policy that generates both NetworkPolicies, and keeps them

Where there are NetworkPolicies, they decide instead of the Baseline tier. A ClusterNetworkPolicy cannot deny what comes
from outside the cluster; that is left to a default deny in each namespace, which the Kyverno policy makes.
"""

from __future__ import annotations

import msgspec

from podwall.author.closing import directions, left_out, refuse_system, shut
from podwall.author.clusterwide import baseline_policy, generated
from podwall.author.recipe import Asked, Draft, Flag, Recipe
from podwall.author.resolver import allow_dns
from podwall.errors import CannotWrite
from podwall.needs.addresses import blocks
from podwall.needs.site import Site

__all__ = ["RECIPE"]


def _draft(site: Site, asked: Asked) -> Draft:
    cache = blocks(asked.texts("node_local"))
    if asked.yes("cluster"):
        spared = left_out(asked.texts("except"))
        write = generated if asked.text("engine", "cnp") == "kyverno" else baseline_policy
        return write(site, spared, cache)
    if asked.texts("except") or asked.text("engine"):
        raise CannotWrite("--engine and --except go with --cluster")
    party = site.everyone()
    refuse_system(party.namespace)
    out = shut(party, directions("both")) + allow_dns(site, party, cache)
    return msgspec.structs.replace(out, sudden=False)


RECIPE = Recipe(
    name="baseline",
    says="default deny and DNS, for a namespace or for all of them",
    draft=_draft,
    examples=(
        "podwall new baseline -n shop -f dump/",
        "podwall new baseline --cluster -f dump/",
        "podwall new baseline --cluster --engine kyverno --except monitoring",
    ),
    flags=(
        Flag("--cluster", "For every namespace, present and future.", "yes"),
        Flag("--engine", "With --cluster: cnp (default) or kyverno.", metavar="ENGINE", choices=("cnp", "kyverno")),
        Flag("--except", "With --cluster: a namespace that is left out; repeatable.", "texts", "NS"),
        Flag("--node-local", "Address of the DNS cache on each node; repeatable.", "texts", "ADDRESS"),
    ),
    needs_input=False,
)
