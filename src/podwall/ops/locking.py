"""podwall lockdown: the needs of the input, the policies for them, and the proof, read back from what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, structs

from podwall.api.kinds import KubernetesObject
from podwall.author.lockdown import BRACKET_STAGE, Plan, plan
from podwall.author.replaced import with_written, without_own
from podwall.author.resolver import with_dns
from podwall.author.scope import Scope, scope_of
from podwall.author.standing import addresses_allowed
from podwall.author.tightness import Tightness, open_pairs, tightness
from podwall.cluster.objects import Cluster, Located
from podwall.engine.model import Model
from podwall.engine.rules import Direction
from podwall.errors import CannotWrite
from podwall.expect.draft import draft
from podwall.expect.ends import Ends
from podwall.expect.world import World
from podwall.needs.answers import Settled
from podwall.needs.application import Application
from podwall.needs.met import Closed, closed
from podwall.needs.need import Found, Need
from podwall.needs.registry import find
from podwall.needs.site import Site
from podwall.needs.uncalled import with_uncalled
from podwall.ops.answering import answered, read_answers
from podwall.ops.inputs import Inputs, Opened, open_cluster
from podwall.ops.needing import topology_of
from podwall.report.draft import draft_text
from podwall.report.manifest import manifest
from podwall.sources.decode import Decoder
from podwall.sources.files import Text

__all__ = ["Locked", "Wanted", "lock"]


class Wanted(Struct, frozen=True):
    """What the flags say: one workload only, a file of answers, and whether the bracket has been lifted.

    `command` is how it was asked for; `lifted` are the namespaces, or NS.WORKLOAD, whose bracket was taken away on
    purpose.
    """

    command: str
    only: str | None = None
    answers: str | None = None
    lifted: frozenset[str] = frozenset()


class Locked(Struct, frozen=True):
    """What came of it: the texts of manifests by file, the assertions, and all that the report is made of."""

    opened: Opened
    texts: dict[str, str]
    expectations: str
    settled: Settled
    plan: Plan
    closed: tuple[Closed, ...]
    tightness: Tightness
    asked: int
    pairs: int
    before: int
    after: int

    @property
    def home(self) -> str:
        """What files are called after where it is about one namespace or one workload."""
        return self.plan.scope.home(self.plan.scope.namespaces[0])


def lock(inputs: Inputs, wanted: Wanted) -> Locked:
    """All of it. Raises CannotWrite where nothing can be written, and what `open_cluster` raises."""
    file = read_answers(wanted.answers)
    opened = open_cluster(inputs)
    topology = topology_of(opened)
    base = without_own(opened.model.cluster, _home(inputs, wanted))
    known, assumed = with_dns(base)
    site = _site(opened, known)
    application = Application(site, topology)
    settled = answered(site, _drafted(site, with_uncalled(application, find(application))), file)
    own = {(ns, name, kind): one.selector for one in application.workloads for kind, ns, name in [one.about]}
    scope = scope_of(site, own, inputs.only, wanted.only)
    settled = structs.replace(settled, found=_within(scope, settled.found))
    made = plan(site, scope, settled.found.needs)
    made = structs.replace(made, notes=(*made.notes, *([assumed] if assumed else ())))
    return _proved(opened, base, site, settled, _lifted(made, wanted), wanted.command)


def _drafted(site: Site, found: Found) -> Found:
    """The questions with what policies allow already as an answer to look at."""
    questions = []
    for one in found.questions:
        egress = one.direction is Direction.EGRESS
        allowed = addresses_allowed(site, one.subject.endpoints, one.ports) if egress else ()
        questions.append(structs.replace(one, drafted=tuple(dict.fromkeys((*one.drafted, *allowed)))))
    return structs.replace(found, questions=tuple(questions))


def _within(scope: Scope, found: Found) -> Found:
    """What concerns a workload in scope."""
    namespaces = {"", *scope.namespaces}
    return Found(
        tuple(need for need in found.needs if scope.concerns(need.sources) or scope.concerns(need.destinations)),
        tuple(one for one in found.questions if scope.concerns(one.subject)),
        tuple(one for one in found.unseen if one.evidence.about[1] in namespaces),
    )


def _home(inputs: Inputs, wanted: Wanted) -> str | None:
    """The one namespace that is asked about."""
    return wanted.only.partition("/")[0] if wanted.only and "/" in wanted.only else inputs.only


def _site(opened: Opened, cluster: Cluster) -> Site:
    old = opened.model
    return Site(Model(cluster, old.profile, opened.pod_cidrs, old.namespace, old.resolutions), given=True)


def _lifted(made: Plan, wanted: Wanted) -> Plan:
    """Without the brackets that somebody has lifted: a new run must not open again what is enforced."""
    parts = tuple(p for p in made.parts if not (p.stage == BRACKET_STAGE and p.home in wanted.lifted))
    return structs.replace(made, parts=parts)


def _proved(  # noqa: PLR0913, PLR0917 - everything there is comes together here
    opened: Opened, base: Cluster, site: Site, settled: Settled, made: Plan, command: str
) -> Locked:
    texts = {
        f"{part.stage}-{part.home}.yaml": "---\n".join(manifest(p.object, p.about, command) for p in part.policies)
        for part in made.parts
    }
    written = _read_back(texts)
    after = _site(opened, with_written(site.model.cluster, written))
    within = [e for work in made.scope.works for e in work.party.endpoints]
    needs = settled.found.needs
    asked, wrong = closed(after, [*needs, *_dns_needs(made)])
    found = tightness(after, within, needs, made.dns)
    pairs, before = open_pairs(site, within)
    final = after if base is site.model.cluster else _site(opened, with_written(base, written))
    assertions = draft(World(final.model), Ends(final.model), made.scope.namespaces[0] if _is_one(made) else None)
    return Locked(
        opened=opened,
        texts=texts,
        expectations="".join(draft_text(assertions)),
        settled=settled,
        plan=made,
        closed=tuple(wrong),
        tightness=found,
        asked=asked,
        pairs=pairs,
        before=before,
        after=open_pairs(after, within)[1],
    )


def _is_one(made: Plan) -> bool:
    return len(made.scope.namespaces) == 1


def _dns_needs(made: Plan) -> Iterator[Need]:
    for work in made.scope.works:
        yield from (Need(work.party, grant.peers, grant.ports) for grant in made.dns)


def _read_back(texts: Mapping[str, str]) -> list[Located[KubernetesObject]]:
    """What the files say, read as any input is. Raises CannotWrite where they cannot be."""
    decoder = Decoder()
    for name, text in texts.items():
        decoder.read(Text(name, text.encode()))
    wrong = [*map(str, decoder.problems), *(m.message for m in (*decoder.mistakes, *decoder.warnings))]
    if wrong:
        raise CannotWrite(f"what would be written cannot be read: {wrong[0]}")
    return decoder.objects
