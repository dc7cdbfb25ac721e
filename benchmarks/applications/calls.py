"""Who calls whom, written as texts: each call in a random form, at a random place, with its host spelled at random."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec import Struct, structs

from benchmarks.applications.application import Asked, Statement
from benchmarks.applications.commands import COMMANDS, PROXIES, Phrase, write_command, write_line
from benchmarks.applications.draft import Draft
from benchmarks.applications.forms import Target, fitting
from benchmarks.applications.places import FILED, PLACES, joined
from benchmarks.applications.sheet import Sheet
from benchmarks.applications.trades import STORES, WEB
from benchmarks.applications.world import Service, Workload

__all__ = ["add_calls", "add_questions", "add_shared"]

_ABSENT = ("ledger", "loyalty", "fraud-check", "geo", "warehouse", "tax")
_ELSEWHERE = ("vendor", "legacy")  # namespaces that are in no input
_EXTERNAL = ("api.stripe.com", "smtp.sendgrid.net", "db7.cx1.eu-west-1.rds.amazonaws.com", "hooks.slack.com")
_TRADES = tuple(trade for trade in (*WEB, *STORES) if trade.name not in ("statsd", "kafka"))


class _Text(Struct, frozen=True):
    """What is to be written: about whom, with the target as it is spelled."""

    sheet: Sheet
    name: str
    target: Target
    spelled: str


def add_calls(draft: Draft) -> None:
    """About two calls for each workload, none of them twice."""
    rng, world = draft.rng, draft.world
    for _ in range(2 * len(world.workloads)):
        source, service = rng.choice(world.workloads), rng.choice(world.services)
        if not any(one.key == source.key for one in world.behind(service)):
            _call(draft, draft.sheets[source.key], service)


def _call(draft: Draft, sheet: Sheet, service: Service) -> None:
    rng, source = draft.rng, sheet.workload
    spelled, hosts = _spelled(draft, source, service)
    port = rng.choice(service.ports).number
    text = _Text(sheet, service.name, Target(hosts, port, service.trade), spelled)
    some = draft.world.reached(source.key, service, port)
    every = draft.world.reached(source.key, service)
    if draft.is_new(every):
        said = _written(draft, text)
        draft.state(structs.replace(said, connections=every if said.form == "HOST alone" else some))


def _spelled(draft: Draft, source: Workload, service: Service) -> tuple[str, tuple[str, ...]]:
    """How the host is written, and the hosts."""
    rng, governed = draft.rng, [w for w in draft.world.behind(service) if w.governing == service.name]
    if governed and rng.random() < 0.4:
        one = governed[0]
        ending = rng.choice(_names(source, service))[1]
        return "pod of a StatefulSet", tuple(f"{one.name}-{n}.{ending}" for n in range(one.replicas))
    if service.address and not service.headless and rng.random() < 0.3:
        return "clusterIP", (service.address,)
    spelled, host = rng.choice(_names(source, service))
    return spelled, (host,)


def _names(source: Workload, service: Service) -> list[tuple[str, str]]:
    """Every name that DNS has for a Service, the short ones more often."""
    return _names_of(service.name, service.namespace, short=source.namespace == service.namespace)


def _names_of(name: str, namespace: str, *, short: bool) -> list[tuple[str, str]]:
    """How a name may be spelled, with what that is called."""
    full = f"{name}.{namespace}.svc.cluster.local"
    near = [("service", name)] * 4 if short else []
    return [
        *near,
        ("service.namespace", f"{name}.{namespace}"),
        ("service.namespace", f"{name}.{namespace}"),
        ("service.namespace.svc", f"{name}.{namespace}.svc"),
        ("fully qualified", full),
        ("with a dot at the end", f"{full}."),
    ]


def _written(draft: Draft, text: _Text, *, numbered: bool = False) -> Statement:
    """Writes it somewhere. `numbered` is for what must name its port."""
    rng, chance = draft.rng, draft.rng.random()
    if text.target.trade.protocol == "TCP" and chance < 0.15:
        phrase = _phrase(rng, text.target, COMMANDS)
        line = phrase.say(rng, text.target)
        return _stated(text, phrase.name, (write_command(rng, text.sheet, line), line), line)
    if text.target.trade.protocol == "TCP" and chance < 0.22 and text.sheet.workload.trade.name in ("web", "worker"):
        proxy = rng.choice(sorted(PROXIES))
        phrase = _phrase(rng, text.target, PROXIES[proxy])
        line = phrase.say(rng, text.target)
        return _stated(text, phrase.name, (write_line(text.sheet, proxy, line), line), line)
    forms = [form for form in fitting(text.target) if not (numbered and form.every_port)]
    form = rng.choice(forms)
    place = rng.choice([place for place in PLACES if form.filed or place not in FILED])
    said = form.say(rng, text.target)
    mark = place.write(text.sheet, draft.stem(text.name), said)
    return _stated(text, form.name, (place.name, mark), " ".join(value for _, value in said))


def _stated(text: _Text, form: str, where: tuple[str, str], written: str) -> Statement:
    place, mark = where
    return Statement(form, place, mark, text.spelled, text.sheet.workload.key, written)


def _phrase(rng: Random, target: Target, phrases: Sequence[Phrase]) -> Phrase:
    return rng.choice([phrase for phrase in phrases if phrase.fits(target)])


def add_shared(draft: Draft) -> None:
    """A ConfigMap that several workloads of a namespace take their environment from: all of them call whom it names."""
    rng, world = draft.rng, draft.world
    for home in world.namespaces:
        here = [one for one in world.workloads if one.namespace == home]
        if len(here) < 3 or rng.random() < 0.5:
            continue
        sharing = rng.sample(here, rng.randint(2, 3))
        data: dict[str, str] = {}
        for service in rng.sample(world.services, min(2, len(world.services))):
            _share(draft, sharing, service, data)
        if data:
            draft.sheets[sharing[0].key].config_map("common", data)
            for one in sharing:
                source = {"configMapRef": {"name": "common"}}
                draft.sheets[one.key].containers[0].setdefault("envFrom", []).append(source)


def _share(draft: Draft, sharing: Sequence[Workload], service: Service, data: dict[str, str]) -> None:
    rng, world = draft.rng, draft.world
    port = rng.choice(service.ports).number
    found = frozenset(c for one in sharing for c in world.reached(one.key, service, port))
    behind = {one.key for one in world.behind(service)}
    if not draft.is_new(found) or behind & {one.key for one in sharing}:
        return
    spelled, hosts = _spelled(draft, sharing[0], service)
    target = Target(hosts, port, service.trade)
    form = rng.choice([form for form in fitting(target) if not form.every_port])
    said, stem = form.say(rng, target), draft.stem(service.name)
    data |= {joined(stem, key): value for key, value in said}
    written = " ".join(value for _, value in said)
    mark = joined(stem, said[0][0])
    draft.state(Statement(form.name, "shared ConfigMap", mark, spelled, sharing[0].key, written, found))


# ---------------------------------------------------------------------------------------------------------- questions


def add_questions(draft: Draft) -> None:
    """Calls of Services that are not in the input, of ports that a Service has not, and of hosts outside."""
    rng = draft.rng
    for _ in range(rng.choice((0, 1, 2, 3))):
        sheet = draft.sheets[rng.choice(draft.world.workloads).key]
        rng.choice((_absent, _absent, _outside, _outside, _closed, _elsewhere))(draft, sheet)


def _absent(draft: Draft, sheet: Sheet) -> None:
    rng, home = draft.rng, sheet.workload.namespace
    namespace = rng.choice((home, home, *draft.world.namespaces, *_ELSEWHERE))
    here = {s.name for s in draft.world.services if s.namespace == namespace}
    elsewhere = {s.name for s in draft.world.services} - here
    name = rng.choice([*_ABSENT, *sorted(elsewhere)])
    names = _names_of(name, namespace, short=namespace == home)
    spelled, host = rng.choice(names)
    trade = rng.choice(_TRADES)
    text = _Text(sheet, name, Target((host,), rng.choice(trade.fronts), trade), spelled)
    _ask(draft, text, f"absent Service, {spelled}", frozenset(one for _, one in names) | {name})


def _outside(draft: Draft, sheet: Sheet) -> None:
    trade, host = draft.rng.choice(_TRADES), draft.rng.choice(_EXTERNAL)
    text = _Text(sheet, host.split(".")[0], Target((host,), draft.rng.choice(trade.fronts), trade), "external host")
    _ask(draft, text, "external host", frozenset((host,)))


def _elsewhere(draft: Draft, sheet: Sheet) -> None:
    """A Service that is another name for a host outside."""
    trade, host = draft.rng.choice(_TRADES), draft.rng.choice(_EXTERNAL)
    name, home = f"{host.split('.')[1]}-alias", sheet.workload.namespace
    if any(one["metadata"]["name"] == name for one in draft.objects):
        return
    meta, spec = {"name": name, "namespace": home}, {"type": "ExternalName", "externalName": host}
    draft.objects.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    spelled, alias = draft.rng.choice(_names_of(name, home, short=True))
    text = _Text(sheet, name, Target((alias,), draft.rng.choice(trade.fronts), trade), spelled)
    _ask(draft, text, "ExternalName", frozenset((host, alias)))


def _closed(draft: Draft, sheet: Sheet) -> None:
    """A port that no Service has."""
    found = [s for s in draft.strangers(sheet.workload) if not s.headless]
    if not found:
        return
    service = draft.rng.choice(found)
    names = _names_of(service.name, service.namespace, short=True)
    spelled, host = draft.rng.choice(names)
    text = _Text(sheet, service.name, Target((host,), 4040, service.trade), spelled)
    _ask(draft, text, "port that the Service has not", frozenset(one for _, one in names))


def _ask(draft: Draft, text: _Text, host: str, peers: frozenset[str]) -> None:
    subject = text.sheet.workload.key
    if any(one.asked and one.asked.subject == subject and one.asked.peers & peers for one in draft.statements):
        return
    said = _written(draft, text, numbered=host.startswith("port"))
    draft.state(structs.replace(said, host=host, asked=Asked(subject, "egress", peers)))
