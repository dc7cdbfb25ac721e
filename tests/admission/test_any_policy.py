"""Whatever can be decoded can be validated, and the paths of the findings exist in the object."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from podwall.admission.networkpolicy import problems
from podwall.api.networking import NetworkPolicy

# Texts that mean something somewhere, so that random objects are sometimes nearly right.
WORDS = [
    "",
    "a",
    "app",
    "80",
    "http",
    "In",
    "Exists",
    "TCP",
    "tcp",
    "Ingress",
    "10.0.0.0/8",
    "10.1.2.3/16",
    "::/0",
    "a/b",
]
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=5))


INTEGERS = st.one_of(st.integers(-(2**63), 2**63), st.sampled_from([0, 1, 80, 443, 65535, 65536]))
SCALARS: dict[type[msgspec.inspect.Type], st.SearchStrategy[Any]] = {
    msgspec.inspect.NoneType: st.none(),
    msgspec.inspect.StrType: TEXTS,
    msgspec.inspect.IntType: INTEGERS,
    msgspec.inspect.BoolType: st.booleans(),
    msgspec.inspect.RawType: st.none(),
}


def values_of(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """JSON values of a type. A new field of the API is covered without a change here; a new sort of type fails."""
    match kind:
        case msgspec.inspect.UnionType(types=types):
            return st.one_of([values_of(one) for one in types])
        case msgspec.inspect.ListType(item_type=item):
            return st.lists(values_of(item), max_size=3)
        case msgspec.inspect.DictType(value_type=value):
            return st.dictionaries(TEXTS, values_of(value), max_size=3)
        case msgspec.inspect.StructType(fields=fields, tag=tag):
            fixed = {} if tag is None else {"kind": st.just(tag)}
            return st.fixed_dictionaries(fixed, optional={f.encode_name: values_of(f.type) for f in fields})
    return SCALARS[type(kind)]


POLICIES = values_of(msgspec.inspect.type_info(NetworkPolicy))


def reach(value: Any, path: tuple[str | int, ...]) -> None:
    """Follows a path, of which the last step may be a missing field. Raises where another one is missing."""
    for step in path[:-1]:
        value = value[step] if isinstance(step, int) or step in value else {}
    last = path[-1]
    assert not isinstance(last, int) or last < len(value)


@settings(derandomize=True, max_examples=600, deadline=None)
@given(value=POLICIES)
def test_every_decodable_policy_can_be_validated(value: Any) -> None:
    policy = msgspec.json.decode(msgspec.json.encode(value), type=NetworkPolicy)
    found = problems(policy)
    assert found == problems(policy)
    for finding in found:
        reach(value, finding.path)
        assert finding.message
        assert finding.message.isprintable()
