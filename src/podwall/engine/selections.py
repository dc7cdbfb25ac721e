"""Label → selections: which subjects and peers an endpoint with some labels may be in, without asking each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from podwall.engine.labels import Selector
from podwall.engine.rules import InNamespace, Pods, PolicyRules

__all__ = ["Selections", "selections_of"]

# A label that an endpoint must carry to be selected, or None where the selector demands none.
_Trigger: TypeAlias = tuple[str, str] | None

_ACROSS = ""  # no namespace has this name


class Selections:
    """A mutable set of selections, filed under the namespace and under a label that they need."""

    def __init__(self) -> None:
        self._filed: dict[str, dict[_Trigger, dict[Pods, None]]] = {}

    def add(self, selection: Pods) -> None:
        """Files a selection."""
        shelf = self._filed.setdefault(_home(selection), {})
        for trigger in _triggers(selection.selector):
            shelf.setdefault(trigger, {})[selection] = None

    def remove(self, selection: Pods) -> None:
        """Takes out a selection that was added."""
        shelf = self._filed[_home(selection)]
        for trigger in _triggers(selection.selector):
            del shelf[trigger][selection]

    def candidates(self, namespace: str, labels: Mapping[str, str]) -> Iterator[Pods]:
        """Every selection that may hold an endpoint of this namespace with these labels, once each."""
        for home in (namespace, _ACROSS):
            shelf = self._filed.get(home)
            if shelf:
                yield from shelf.get(None, ())
                for label in labels.items():
                    yield from shelf.get(label, ())

    def across_namespaces(self) -> list[Pods]:
        """The selections that choose their namespaces by label."""
        shelf = self._filed.get(_ACROSS, {})
        return list({selection: None for filed in shelf.values() for selection in filed})


def _home(selection: Pods) -> str:
    return selection.scope.name if isinstance(selection.scope, InNamespace) else _ACROSS


def _triggers(selector: Selector) -> list[_Trigger]:
    """The labels of one term of which an endpoint must carry one; a term with one key triggers once at most."""
    for term in selector.terms:
        values = [v for v in term.values if v is not None]
        if not term.complement and len(values) == len(term.values):
            return [(term.key, value) for value in sorted(values)]
    return [None]


def selections_of(policy: PolicyRules) -> Iterator[Pods]:
    """All subjects and peers of a policy, each as often as it comes."""
    for isolation in policy.isolations:
        yield isolation.subject
    for rule in policy.rules:
        yield rule.subject
        yield from (peer for peer in rule.peers if isinstance(peer, Pods))
