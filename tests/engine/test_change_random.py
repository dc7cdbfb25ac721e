"""On random clusters each change does what it says: to a fresh model, to the oracle, and on the whole map."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pytest

from podwall.engine.altered import altered, most_pairs
from podwall.engine.change import changes
from podwall.engine.effect import Difference, Party, differences
from podwall.engine.index import key_of
from podwall.engine.model import Model
from podwall.engine.policies.patch import Operation, Patch
from podwall.engine.postings import bits
from podwall.engine.questions import Question
from podwall.engine.rules import PolicyRules
from podwall.engine.sets import NO_ADDRESSES, NO_PORTS, AddrSet, PortSet
from podwall.engine.verdict import Connection, End
from podwall.errors import UnknownReference
from tests.truth.clusters import random_cluster, random_queries
from tests.truth.engine import ask, assumed_addresses, model_of
from tests.truth.oracle import Oracle, OracleError

Object = dict[str, Any]


def questions(model: Model, rng: random.Random, objects: list[Object], number: int) -> Iterator[Connection]:
    for query in random_queries(rng, objects, number):
        family = None if query.get("family") is None else int(query["family"])
        question = Question(str(query["src"]), str(query["dst"]), query["port"], str(query["protocol"]), family)
        try:
            yield from model.questions.connections(question).connections[:2]
        except UnknownReference:
            continue


def patched(objects: list[Object], patches: Sequence[Patch]) -> list[Object]:
    """The objects as they were written, with the operations done to them by another reader of RFC 6902."""
    out = list(objects)
    for patch in patches:
        if patch.new_object is not None:
            made = msgspec.json.decode(msgspec.json.encode(patch.new_object))
            assert made["kind"] == "NetworkPolicy"
            out.append({**made, "metadata": {k: v for k, v in made["metadata"].items() if v is not None}})
            continue
        for number, known in enumerate(out):
            meta = known["metadata"]
            name = known["kind"], meta.get("namespace") or "default", meta["name"]
            if name == (patch.ref.kind, patch.ref.namespace, patch.ref.name):
                out[number] = copy.deepcopy(known)
                for operation in patch.operations:
                    operate(out[number], operation)
    return out


def operate(document: Any, operation: Operation) -> None:
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in operation.path[1:].split("/"))
    for part in way:
        document = document[int(part) if isinstance(document, list) else part]
    value = None if operation.op == "remove" else copy.deepcopy(operation.value)
    if isinstance(document, list):
        at = len(document) if last == "-" else int(last)
        if operation.op == "add":
            assert at <= len(document)
            document.insert(at, value)
        else:
            document[at : at + 1] = [] if operation.op == "remove" else [value]
    elif operation.op == "remove":
        del document[last]
    else:
        assert operation.op == "add" or last in document
        document[last] = value


def reference(end: End, family: int) -> str:
    member = end.member
    if member.kind == "Domain":
        return member.name
    if member.kind in ("External", "Node"):  # a node may have an address that only its Pods tell of (D19)
        return next(address for address in member.addresses if (":" in address) == (family == 6))
    return f"{member.namespace}/{member.kind}/{member.name}"


def is_told(asked: Connection) -> bool:
    """Whether the connection can be asked for by the names of its ends alone."""
    ends = asked.source, asked.destination
    same = ends[0].slot >= 0 and key_of(ends[0].member) == key_of(ends[1].member)
    on_nodes = any(end.node != end.member.node for end in ends)  # replicas on several, of which one is named
    return not asked.hairpin and not same and not on_nodes and not any(e.member.host_network for e in ends)


def query_of(asked: Connection) -> dict[str, int | str]:
    return {
        "src": reference(asked.source, asked.family),
        "dst": reference(asked.destination, asked.family),
        "protocol": asked.protocol,
        "port": asked.port,
        "family": asked.family,
    }


def trials(first: int, number: int) -> Iterator[tuple[int, str, random.Random, list[Object], Model]]:
    for seed in range(first, first + number):
        rng = random.Random(seed)
        objects = random_cluster(rng, rng.choice(("tiny", "small", "small", "medium")), tiers=seed % 3 == 0)
        cni = "cilium" if seed % 5 == 0 else "kubernetes"
        yield seed, cni, rng, objects, model_of(objects, cni=cni)


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_each_change_does_what_it_says(first: int) -> None:
    done: Counter[object] = Counter()
    for seed, cni, rng, objects, model in trials(first, 30):
        asked = [a for a in questions(model, rng, objects, 24) if is_told(a)]
        for one in rng.sample(asked, min(6, len(asked))):
            wanted = "allow" if not model.judge.verdict(one).allowed else "deny"
            found = changes(model, one)
            assert found.wanted is (wanted == "allow")
            for change in rng.sample(found.found, min(2, len(found.found))):
                after = patched(objects, change.patches)
                fresh = model_of(after, cni=cni)
                answer = ask(fresh, query_of(one))
                assert answer["verdict"] == wanted, (seed, one, change)
                told = told_by_oracle(model, after, cni, one)
                assert told in (wanted, "undecided"), (seed, one, change)
                done[told] += 1
    assert done["deny"] > 40
    assert done["allow"] > 20
    assert done["undecided"] < 20


def told_by_oracle(model: Model, objects: list[Object], cni: str, asked: Connection) -> str:
    try:
        oracle = Oracle(objects, profile=cni, addresses=assumed_addresses(model))
        return str(oracle.verdict(**query_of(asked))["verdict"])  # type: ignore[arg-type]
    except OracleError:
        return "undecided"


# All else that it does: the whole map before and after, endpoint by endpoint

Row = tuple[bool, object, object, int, PortSet]  # opened, ends, family, ports


def whole(model: Model) -> dict[tuple[int, int, int], PortSet]:
    """(source, destination, family) as atoms → ports."""
    out: dict[tuple[int, int, int], PortSet] = {}
    for sources in model.reach.sources():
        for flow in model.reach.flows(sources):
            for source in sources.atoms:
                for destination in bits(flow.destinations):
                    key = source, destination, flow.family
                    out[key] = out.get(key, NO_PORTS) | flow.ports
    return out


def parties(model: Model) -> list[tuple[object, int]]:
    reach = model.reach
    atoms = {name: reach.layout.atom_of(name) for name in reach.layout.spans}
    inside = [(key_of(e), atoms[e.namespace][model.index.slot(e)]) for e in model.endpoints]
    return [*inside, *((addresses, atoms[""][slot]) for slot, addresses in enumerate(reach.externals))]


def expected(old: Model, new: Model) -> Counter[object]:
    """What differs, by endpoints; external addresses that differ alike are together."""
    was, now = whole(old), whole(new)
    both: list[tuple[object, int, int]] = []
    for one, before in parties(old):
        for other, after in parties(new):
            if isinstance(one, AddrSet) and isinstance(other, AddrSet) and one & other:
                both.append((one & other, before, after))
            elif one == other and not isinstance(one, AddrSet):
                both.append((one, before, after))
    rows: list[Row] = []
    for src, a, b in both:
        for dst, c, d in both:
            for family in (4, 6):
                opened, closed = was.get((a, c, family), NO_PORTS), now.get((b, d, family), NO_PORTS)
                opened, closed = closed - opened, opened - closed
                if (opened or closed) and not (isinstance(src, AddrSet) and isinstance(dst, AddrSet)):
                    rows += [(True, src, dst, family, opened), (False, src, dst, family, closed)]
    return together(rows)


def rows_of(found: Iterable[Difference]) -> list[Row]:
    return [
        (opened, src, dst, family, ports)
        for one in found
        for src in ends_of(one.source)
        for dst in ends_of(one.destination)
        for opened, held in ((True, one.opened), (False, one.closed))
        for family, ports in held.items()
    ]


def ends_of(party: Party) -> list[object]:
    return [*map(key_of, party.members)] if party.addresses is None else [party.addresses]


def together(rows: Iterable[Row]) -> Counter[object]:
    out: dict[tuple[object, ...], AddrSet] = {}
    for opened, src, dst, family, ports in rows:
        if ports:
            addresses = src if isinstance(src, AddrSet) else dst if isinstance(dst, AddrSet) else NO_ADDRESSES
            ends = tuple("external" if isinstance(end, AddrSet) else end for end in (src, dst))
            key = (opened, *ends, family, ports)
            out[key] = out.get(key, NO_ADDRESSES) | addresses.family(family)
    return Counter((key, held) for key, held in out.items() if held or "external" not in key)


def told(model: Model, changed: Sequence[PolicyRules]) -> Counter[object]:
    return together(rows_of(differences(model.index, changed, altered(model.index, changed))))


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_what_differs_is_what_differs_on_the_whole_map(first: int) -> None:
    compared = 0
    for seed, cni, rng, objects, model in trials(first, 20):
        asked = list(questions(model, rng, objects, 12))
        for one in rng.sample(asked, min(3, len(asked))):
            found = changes(model, one).found
            for change in rng.sample(found, min(1, len(found))):
                fresh = model_of(patched(objects, change.patches), cni=cni)
                changed = [fresh.index.policies[patch.ref] for patch in change.patches]
                assert told(model, changed) == expected(model, fresh), (seed, change)
                compared += 1
    assert compared > 20


@pytest.mark.parametrize("first", range(1000, 1120, 40))
def test_what_any_change_of_policies_does(first: int) -> None:
    """Whole policies that become others, where the changes above are small: isolation begins, ends and moves."""
    compared = 0
    for seed, cni, rng, objects, model in trials(first, 40):
        for _ in range(3):
            after = other_policies(rng, objects)
            fresh = model_of(after, cni=cni)
            changed = [p for ref, p in fresh.index.policies.items() if p != model.index.policies[ref]]
            parts = altered(model.index, changed)
            want = expected(model, fresh)
            assert together(rows_of(differences(model.index, changed, parts))) == want, seed
            assert pairs_in(want) <= most_pairs(model.index, parts), seed
            compared += bool(want)
    assert compared > 15


def other_policies(rng: random.Random, objects: list[Object]) -> list[Object]:
    """One or two of the policies as others are, or with a part less."""
    after = copy.deepcopy(objects)
    policies = [o for o in after if o["kind"] == "NetworkPolicy"]
    specs = [copy.deepcopy(o.get("spec")) for o in policies]
    for one in rng.sample(policies, min(rng.randint(1, 2), len(policies))):
        one["spec"] = edited(rng, rng.choice([one.get("spec"), *specs]))
    return after


def pairs_in(rows: Counter[object]) -> int:
    """How many pairs of the cluster's endpoints there are among the rows."""
    keys = [row[0] for row in rows if isinstance(row, tuple)]
    return len({key[1:3] for key in keys if "external" not in key})


def edited(rng: random.Random, spec: Object | None) -> Object:
    """A spec with a rule, a peer or a port less, or as it is."""
    out: Object = copy.deepcopy(spec or {})
    section = rng.choice(("ingress", "egress"))
    rules = out.get(section)
    if rules:
        part = rng.choice(("rule", "from" if section == "ingress" else "to", "ports", "nothing"))
        rule = rng.choice(rules)
        if part == "rule":
            rules.remove(rule)
        elif rule and len(rule.get(part) or ()) > 1:
            rule[part].pop(rng.randrange(len(rule[part])))
    return out


def test_the_order_of_the_input_leaks_into_nothing() -> None:
    compared = 0
    for seed, cni, rng, objects, model in trials(500, 25):
        shuffled = model_of(rng.sample(objects, len(objects)), cni=cni)
        for query in random_queries(rng, objects, 8):
            family = None if query.get("family") is None else int(query["family"])
            question = Question(str(query["src"]), str(query["dst"]), query["port"], str(query["protocol"]), family)
            try:
                asked = model.questions.connections(question).connections[0]
            except UnknownReference:
                continue
            again = shuffled.questions.connections(question).connections[0]
            assert changes(model, asked) == changes(shuffled, again), (seed, question)
            compared += 1
    assert compared > 60
