"""Atoms against the sets that cut them: as few as these allow, numbered without gaps, the same in any order of sets."""

from __future__ import annotations

import random

import pytest

from podwall.engine.index import Slots
from podwall.engine.layout import Layout
from podwall.engine.postings import bits


def random_sets(rng: random.Random, everyone: Slots) -> list[Slots]:
    """Sets over the slots that are taken; empty ones and the whole among them."""
    made = []
    for _ in range(rng.randint(0, 6)):
        names = rng.sample(sorted(everyone), rng.randint(0, len(everyone)))
        made.append({name: everyone[name] & rng.getrandbits(12) for name in names})
    if rng.random() < 0.3:
        made.append(dict(everyone))
    return made


def random_everyone(rng: random.Random) -> Slots:
    """Taken slots of some namespaces, with gaps; a namespace may be empty."""
    names = rng.sample(("", "alpha", "beta", "gamma"), rng.randint(1, 4))
    return {name: rng.getrandbits(12) & rng.getrandbits(12) for name in names}


@pytest.mark.parametrize("seed", range(100))
def test_atoms_are_what_the_sets_tell_apart(seed: int) -> None:
    rng = random.Random(seed)
    everyone = random_everyone(rng)
    sets = random_sets(rng, everyone)
    layout = Layout(everyone, sets)
    kinds = {
        (name, slot): (name, tuple(s.get(name, 0) >> slot & 1 for s in sets))
        for name, slots in everyone.items()
        for slot in bits(slots)
    }
    atoms = {(name, slot): atom for name in everyone for slot, atom in layout.atom_of(name).items()}
    assert atoms.keys() == kinds.keys()
    assert len(set(atoms.values())) == len(set(kinds.values())) == layout.size
    assert len({(atoms[place], kinds[place]) for place in kinds}) == layout.size  # one atom, one kind
    assert sorted(set(atoms.values())) == list(range(layout.size))
    assert layout.full == (1 << layout.size) - 1


@pytest.mark.parametrize("seed", range(100))
def test_dense_sets_are_the_atoms_of_their_slots(seed: int) -> None:
    rng = random.Random(seed)
    everyone = random_everyone(rng)
    sets = random_sets(rng, everyone)
    layout = Layout(everyone, sets)
    for slots in sets:
        atoms = {layout.atom_of(name)[slot] for name, chosen in slots.items() for slot in bits(chosen)}
        assert set(bits(layout.dense(slots))) == atoms
        for name, chosen in slots.items():
            start, size = layout.spans[name]
            assert layout.local(name, chosen) << start == layout.dense({name: chosen})
            assert layout.local(name, chosen) < 1 << size
    assert layout.dense(None) == layout.full


@pytest.mark.parametrize("seed", range(30))
def test_order_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    everyone = random_everyone(rng)
    sets = random_sets(rng, everyone)
    layout = Layout(everyone, sets)
    other = Layout(dict(reversed(everyone.items())), rng.sample(sets, len(sets)))
    assert other.spans == layout.spans
    assert [other.atom_of(name) for name in everyone] == [layout.atom_of(name) for name in everyone]


def test_namespaces_stand_behind_each_other_in_order_of_name() -> None:
    layout = Layout({"beta": 0b101, "alpha": 0b11}, [{"beta": 0b1}])
    assert layout.spans == {"alpha": (0, 1), "beta": (1, 2)}
    assert (layout.atom_of("alpha"), layout.atom_of("beta")) == ({0: 0, 1: 0}, {0: 1, 2: 2})


@pytest.mark.parametrize("seed", range(100))
def test_atoms_give_their_slots_back(seed: int) -> None:
    rng = random.Random(seed)
    everyone = random_everyone(rng)
    sets = random_sets(rng, everyone)
    layout = Layout(everyone, sets)
    for slots in [*sets, everyone]:
        assert layout.sparse(layout.dense(slots)) == {name: chosen for name, chosen in slots.items() if chosen}
    some = rng.getrandbits(layout.size + 1) & layout.full
    assert sum(local << layout.spans[name][0] for name, local in layout.split(some)) == some
