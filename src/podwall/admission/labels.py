"""Labels, annotations and label selectors: keys, values and operators (V8)."""

from __future__ import annotations

from collections.abc import Mapping

from podwall.admission.finding import Finding, Findings, forbidden, invalid, one_of, required, too_long, within
from podwall.admission.names import label_value, qualified_name
from podwall.api.meta import LabelSelector, LabelSelectorRequirement

__all__ = ["annotation_problems", "label_problems", "selector_problems"]

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_ANNOTATIONS_LIMIT = 256 * 1024  # bytes of all keys and values together

# A cluster has few different labels and many copies of each, so that a whole map is mostly known after one look.
_REMEMBERED = 16_384
_valid_pairs: set[tuple[str, str]] = set()


def label_problems(labels: Mapping[str, str] | None) -> Findings:
    """What is wrong with a map of labels, in the order of its keys. Source: V8."""
    if not labels or labels.items() <= _valid_pairs:
        return ()
    fresh = sorted(pair for pair in labels.items() if pair not in _valid_pairs)
    found = [finding for key, value in fresh for finding in _pair(key, value)]
    if not found:
        _remember(fresh)
    return found


def annotation_problems(annotations: Mapping[str, str] | None) -> Findings:
    """What is wrong with a map of annotations: keys in any case, and no rule for values but their size."""
    if not annotations:
        return ()
    found = [
        Finding((key,), invalid(key, detail)) for key in sorted(annotations) for detail in qualified_name(key.lower())
    ]
    if _bytes_of(annotations) > _ANNOTATIONS_LIMIT:
        found.insert(0, Finding((), too_long(_ANNOTATIONS_LIMIT)))
    return found


def selector_problems(selector: LabelSelector | None) -> Findings:
    """What is wrong with a LabelSelector; an absent one is fine. Source: V8."""
    if selector is None:
        return ()
    found = within(label_problems(selector.matchLabels), "matchLabels")
    if not selector.matchExpressions:
        return found
    found = list(found)
    for i, requirement in enumerate(selector.matchExpressions):
        found += within(_requirement(requirement), "matchExpressions", i)
    return found


def _requirement(requirement: LabelSelectorRequirement) -> Findings:
    found = [Finding(("key",), invalid(requirement.key, detail)) for detail in qualified_name(requirement.key)]
    found += _operator(requirement.operator, given=bool(requirement.values))
    for i, value in enumerate(requirement.values or ()):
        found += (Finding(("values", i), _value_message(value, detail)) for detail in label_value(value))
    return found


def _operator(operator: str, *, given: bool) -> Findings:
    """What is wrong with an operator that has values (`given`) or has none."""
    if operator not in _OPERATORS:
        message = invalid(operator, "not a valid selector operator", one_of(operator, _OPERATORS))
        return (Finding(("operator",), message),)
    if operator in {"In", "NotIn"}:
        message = required("must be specified when `operator` is 'In' or 'NotIn'")
        return () if given else (Finding(("values",), message),)
    message = forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'", _instead(operator))
    return (Finding(("values",), message),) if given else ()


def _instead(operator: str) -> str:
    return f"remove the values, or write {'In' if operator == 'Exists' else 'NotIn'}"


def _pair(key: str, value: str) -> Findings:
    keys = [Finding((key,), invalid(key, detail)) for detail in qualified_name(key)]
    return [*keys, *(Finding((key,), _value_message(value, detail)) for detail in label_value(value))]


def _value_message(value: str, detail: str) -> str:
    advice = "there are no wildcards: for any value use matchExpressions with operator Exists" if "*" in value else ""
    return invalid(value, detail, advice)


def _remember(pairs: list[tuple[str, str]]) -> None:
    if len(_valid_pairs) + len(pairs) > _REMEMBERED:
        _valid_pairs.clear()
    _valid_pairs.update(pairs)


def _bytes_of(annotations: Mapping[str, str]) -> int:
    characters = sum(map(len, annotations)) + sum(map(len, annotations.values()))
    if characters * 4 <= _ANNOTATIONS_LIMIT:
        return characters  # UTF-8 takes at most four bytes for a character: no need to count them
    return sum(len(text.encode("utf-8", "surrogatepass")) for pair in annotations.items() for text in pair)
