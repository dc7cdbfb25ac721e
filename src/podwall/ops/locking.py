"""podwall lockdown: the needs of the input, the policies for them, and the proof, read back from what is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, structs

from podwall.api.kinds import KubernetesObject
from podwall.author.earlier import Earlier, PolicyName
from podwall.author.lockdown import Plan, plan
from podwall.author.replaced import with_written, without_named, without_own
from podwall.author.resolver import with_dns
from podwall.author.scope import Scope, scope_of
from podwall.author.standing import addresses_allowed
from podwall.author.tightness import Tightness, open_pairs, tightness
from podwall.cluster.hosts import node_endpoints
from podwall.cluster.objects import Cluster, Located, name_of
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
from podwall.needs.placeless import asked_about
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


_HEAD = (
    "# Written by `podwall lockdown`, each time anew: what is open and closed once its policies are applied and its "
    "bracket is gone. "
)


class Wanted(Struct, frozen=True):
    """What the flags say: one workload only, a file of answers, and whether a bracket that was lifted is put back.

    `command` is how it was asked for; `earlier` is what an earlier lockdown wrote into the folder, with no bracket any
    more where that was lifted on purpose.
    """

    command: str
    only: str | None = None
    answers: str | None = None
    earlier: tuple[Text, ...] = ()
    bracket: bool = False


class Locked(Struct, frozen=True):
    """What came of it: the texts of manifests by file, the assertions, and all that the report is made of."""

    opened: Opened
    texts: dict[str, str]
    expectations: str
    settled: Settled
    plan: Plan
    gone: tuple[PolicyName, ...]
    others: tuple[PolicyName, ...]
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
    untold = _untold(opened)
    topology = topology_of(opened)
    base = _base(opened, inputs, wanted)
    known, assumed = with_dns(base)
    site = _site(opened, known)
    application = Application(site, topology)
    found = with_uncalled(application, asked_about(find(application), node_endpoints(base)))
    settled = answered(site, _drafted(site, found), file)
    own = {(ns, name, kind): one.selector for one in application.workloads for kind, ns, name in [one.about]}
    scope = scope_of(site, own, inputs.only, wanted.only)
    settled = structs.replace(settled, found=_within(scope, settled.found))
    earlier = Earlier.of(opened.model.cluster, _decoded(wanted.earlier))
    pictures = [] if wanted.bracket else [_site(opened, cluster) for cluster in earlier.pictures]
    made = plan(site, scope, settled.found.needs, pictures)
    made = structs.replace(made, notes=(*made.notes, *([assumed] if assumed else ()), *untold))
    within = scope.namespaces[0] if scope.only else inputs.only
    return _proved(_Started(opened, base, site, settled, earlier, within), made, wanted.command)


def _untold(opened: Opened) -> list[str]:
    """What is said of snapshots that needs cannot be looked for in. Raises CannotWrite where there is nothing else."""
    said = "was taken without --with-topology: what its workloads need could not be looked for"
    if opened.untold and not opened.texts and len(opened.untold) == len(opened.kept):
        raise CannotWrite(f"{', '.join(opened.untold)} {said}; take it again with it, or give the manifests with -f")
    return [f"{name} {said}" for name in opened.untold]


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


def _base(opened: Opened, inputs: Inputs, wanted: Wanted) -> Cluster:
    """The cluster with the policies of others; of one workload alone, those for other workloads stay as well."""
    cluster = opened.model.cluster
    if wanted.only is None:
        return without_own(cluster, inputs.only)
    one = scope_of(Site(opened.model, given=True), {}, None, wanted.only)
    return without_named(cluster, one.namespaces[0], one.names or frozenset())


def _site(opened: Opened, cluster: Cluster) -> Site:
    old = opened.model
    return Site(Model(cluster, old.profile, opened.pod_cidrs, old.namespace, old.resolutions), given=True)


class _Started(Struct, frozen=True):
    """All there is before anything is written; `within` is the namespace that is asked about, None for all."""

    opened: Opened
    base: Cluster
    site: Site
    settled: Settled
    earlier: Earlier
    within: str | None


def _proved(started: _Started, made: Plan, command: str) -> Locked:
    opened, base, site = started.opened, started.base, started.site
    texts = {
        f"{part.stage}-{part.home}.yaml": "---\n".join(manifest(p.object, p.about, command) for p in part.policies)
        for part in made.parts
    }
    written = _read_back(texts)
    after = _site(opened, with_written(site.model.cluster, written))
    within = [e for work in made.scope.works for e in work.party.endpoints]
    needs = started.settled.found.needs
    asked, wrong = closed(after, [*needs, *_dns_needs(made)])
    found = tightness(after, within, needs, made.dns)
    pairs, before = open_pairs(site, within)
    final = after if base is site.model.cluster else _site(opened, with_written(base, written))
    assertions = draft(World(final.model), Ends(final.model), made.scope.namespaces[0] if _is_one(made) else None)
    return Locked(
        opened=opened,
        texts=texts,
        expectations="".join(draft_text(assertions, _HEAD)),
        settled=started.settled,
        plan=made,
        gone=tuple(_gone(started, made)),
        others=tuple(_others(base, made)),
        closed=tuple(wrong),
        tightness=found,
        asked=asked,
        pairs=pairs,
        before=before,
        after=open_pairs(after, within)[1],
    )


def _gone(started: _Started, made: Plan) -> list[PolicyName]:
    metas = (policy.object["metadata"] for part in made.parts for policy in part.policies)
    written = ((meta["namespace"], meta["name"]) for meta in metas)
    return started.earlier.gone(written, started.within, made.scope.names)


def _others(base: Cluster, made: Plan) -> Iterator[PolicyName]:
    """The policies of others that the proof rests on: those of the cluster, and of the namespaces in scope."""
    yield from sorted(("", name_of(located.object.metadata)) for located in base.cluster_policies)
    for name in made.scope.namespaces:
        yield from ((name, name_of(located.object.metadata)) for located in base.namespaces[name].policies)


def _is_one(made: Plan) -> bool:
    return len(made.scope.namespaces) == 1


def _dns_needs(made: Plan) -> Iterator[Need]:
    for work in made.scope.works:
        yield from (Need(work.party, grant.peers, grant.ports) for grant in made.dns)


def _read_back(texts: Mapping[str, str]) -> list[Located[KubernetesObject]]:
    """What the files say, read as any input is. Raises CannotWrite where they cannot be."""
    return _decoded([Text(name, text.encode()) for name, text in texts.items()])


def _decoded(texts: Iterable[Text]) -> list[Located[KubernetesObject]]:
    decoder = Decoder()
    for text in texts:
        decoder.read(text)
    wrong = [*map(str, decoder.problems), *(m.message for m in (*decoder.mistakes, *decoder.warnings))]
    if wrong:
        raise CannotWrite(f"a file of a lockdown cannot be read: {wrong[0]}")
    return decoder.objects
