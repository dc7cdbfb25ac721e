"""Edits proved: the texts with them read again, and the connections of both compared pair by pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from podwall.author.edit import Edit, edited
from podwall.cluster.objects import kind_of, name_of
from podwall.engine.altered import altered
from podwall.engine.collateral import Names, Pairs, pairs
from podwall.engine.effect import differences
from podwall.engine.model import Model
from podwall.engine.rules import PolicyRef, PolicyRules
from podwall.errors import CannotEdit, InputError, InvalidInput
from podwall.ops.inputs import Gathered, Inputs, Opened, open_gathered

__all__ = ["Proof", "Standing", "prove"]


class Standing(Struct, frozen=True):
    """Texts as they stand, and the cluster that they are. `texts` are those that may be edited, by name."""

    inputs: Inputs
    gathered: Gathered
    texts: Mapping[str, bytes]
    opened: Opened


class Proof(Struct, frozen=True):
    """What edits lead to, and every pair that they open and close."""

    after: Standing
    opens: Pairs
    closes: Pairs


def prove(standing: Standing, edits: Sequence[Edit]) -> Proof:
    """The edits made in memory. Raises CannotEdit, with the reason for people, where they cannot be made or proved."""
    sources = sorted({edit.origin.source for edit in edits} - set(standing.texts))
    if sources:
        raise CannotEdit(f"{', '.join(sources)} cannot be written: only plain files given with -f can")
    changed = edited(standing.texts, edits)
    if not changed:
        raise CannotEdit("it is there already")
    after = _read_again(standing, changed)
    old, new = standing.opened.model, after.opened.model
    if not _same_but_policies(old, new):
        raise CannotEdit("it changes more than policies, so what it opens and closes cannot be proved")
    gone = old.index.policies.keys() - new.index.policies.keys()
    if not gone <= _removed(old, edits):  # where invalid objects are left out
        raise CannotEdit("the edited text would not be valid: a policy would be left out")
    # A policy that is gone is one that says nothing.
    policies = [*_changed(old, new), *(PolicyRules(ref, (), ()) for ref in sorted(gone))]
    found = list(differences(old.index, policies, altered(old.index, policies))) if policies else []
    names = Names(old.index)
    return Proof(after, *(pairs(found, names, None, opened=opened) for opened in (True, False)))


def _read_again(standing: Standing, changed: Mapping[str, bytes]) -> Standing:
    """The whole input with some texts changed: what decodes and is admitted is the same as after writing them."""
    texts = [
        msgspec.structs.replace(text, data=changed[text.name], path=None) if text.name in changed else text
        for text in standing.gathered.texts
    ]
    gathered = msgspec.structs.replace(standing.gathered, texts=tuple(texts))
    try:
        opened = open_gathered(standing.inputs, gathered)
    except (InputError, InvalidInput) as error:
        raise CannotEdit(f"the edited text would not be valid: {error}") from None
    return Standing(standing.inputs, gathered, {**standing.texts, **changed}, opened)


def _same_but_policies(old: Model, new: Model) -> bool:
    """Whether both have the same endpoints, in namespaces of the same labels.

    A namespace may be new: a policy that was refused can be all that names it, and nothing is in it.
    """
    spaces = [{name: bucket.labels for name, bucket in model.cluster.namespaces.items()} for model in (old, new)]
    return spaces[0].items() <= spaces[1].items() and old.endpoints == new.endpoints


def _removed(model: Model, edits: Sequence[Edit]) -> set[PolicyRef]:
    """The policies that edits take away as a whole."""
    places = {edit.origin for edit in edits if edit.op == "remove" and not edit.path}
    cluster = model.cluster
    own = (("NetworkPolicy", b.name, located) for b in cluster.namespaces.values() for located in b.policies)
    wide = ((kind_of(located.object), "", located) for located in cluster.cluster_policies)
    return {
        PolicyRef(kind, namespace, name_of(located.object.metadata))
        for kind, namespace, located in (*own, *wide)
        if located.origin in places
    }


def _changed(old: Model, new: Model) -> Iterator[PolicyRules]:
    """The policies that are new or mean something else."""
    before = old.index.policies
    for ref, policy in sorted(new.index.policies.items(), key=lambda item: item[0]):
        if before.get(ref) != policy:
            yield policy
