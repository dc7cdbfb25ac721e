"""Everything but the cloud's metadata service, which hands out the credentials of the node.

For a namespace (-n), as a NetworkPolicy: every pod may reach every pod and every address but 169.254.169.254 and
fd00:ec2::254. Policies add up, so another one that allows these addresses still does; and a pod that another policy
isolates for egress gets all else by this one: not for namespaces with a default deny for egress, where nothing is open
anyway.

With --cluster as a ClusterNetworkPolicy of the Admin tier, which comes before all others and can only deny: nobody
reaches the metadata service, and nothing else changes. Pods that get their own credentials from it (GKE's workload
identity, kube2iam) need it: leave their namespaces out with --except.
"""

from __future__ import annotations

from podwall.author.closing import left_out
from podwall.author.clusterwide import but, wide
from podwall.author.compose import IGNORE, Said, permit
from podwall.author.recipe import Asked, Claim, Draft, Flag, Policy, Recipe
from podwall.cluster.wellknown import METADATA
from podwall.engine.rules import Direction
from podwall.engine.sets import ALL_PORTS
from podwall.errors import CannotWrite
from podwall.needs.need import Grant
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["RECIPE"]

_ALL = ("0.0.0.0/0", "::/0")
_WHY = "it takes the metadata service away from pods that may reach everything else"
_ALL_BUT = Party("everything but the metadata service", everywhere=True, cidrs=_ALL, excepts=METADATA)


def _draft(site: Site, asked: Asked) -> Draft:
    if asked.yes("cluster"):
        return _everywhere(asked)
    if asked.texts("except"):
        raise CannotWrite("--except goes with --cluster")
    party = site.everyone()
    denied = [e for e in party.endpoints if site.isolated(e, Direction.EGRESS)]
    if denied:
        name = site.end(denied[0]).name
        raise CannotWrite(
            f"{name} is isolated for egress already, and this would open all but the metadata service to it"
        )
    about = f"Every pod of {party.namespace} may reach everything but the cloud's metadata service."
    said = Said("block-metadata", (about,), {IGNORE: f"PW150: {_WHY}\nPW151: {_WHY}"})
    out = permit(site, Direction.EGRESS, party, (Grant(_ALL_BUT, ALL_PORTS),), said)
    return Draft(out.policies, out.claims, sudden=False)


def _everywhere(asked: Asked) -> Draft:
    spared = left_out(asked.texts("except"))
    rule = {"name": "deny-metadata", "action": "Deny", "to": [{"networks": list(METADATA)}]}
    spec = {"tier": "Admin", "priority": 100, "subject": {"namespaces": but(spared)}, "egress": [rule]}
    about = f"No pod reaches the cloud's metadata service. Not in {', '.join(sorted(spared))}."
    grants = (Grant(Party("everything else", cidrs=_ALL, excepts=METADATA), ALL_PORTS),)
    claim = Claim(Direction.EGRESS, Party("every pod", everywhere=True, spared=spared), grants)
    return Draft((Policy(wide("podwall-block-metadata", spec), (about,)),), (claim,), sudden=False)


RECIPE = Recipe(
    name="metadata-block",
    says="everything but the cloud's metadata service",
    draft=_draft,
    examples=("podwall new metadata-block -n shop", "podwall new metadata-block --cluster --except cert-manager"),
    flags=(
        Flag("--cluster", "For every namespace, as a ClusterNetworkPolicy.", "yes"),
        Flag("--except", "With --cluster: a namespace that is left out; repeatable.", "texts", "NS"),
    ),
    needs_input=False,
)
