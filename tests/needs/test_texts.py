"""Whatever a text holds, reading it ends, soon, and in nothing worse than nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwall.needs.commands import arguments, scripted
from podwall.needs.keys import Role, key_of
from podwall.needs.mentions import mentions
from podwall.needs.texts import parts
from podwall.needs.vocabulary import vocabulary

_PIECES = vocabulary(
    r"""a a. a- a: a:1 a@ :// a:// a://b, http://a:1, = host= ;host tcp( /dev/tcp/a jdbc:oracle:thin: git@a _a._tcp.
    a.svc. a.b.svc. - [ [[ { {{ {a: " ' \ "\ $( ${ ${a: $a ` < <a <a> <!-- # /* 1 1:1 a:b@ 0@a dns: dns+ | , ; server=
    [a [::1]:1 ] --a -Da= --a=b é"""
)
_SPACED = ("- ", " #", "\n", "\n#", "\n- a:\n  ", " a: b\n", "a=b\n", "\t", "a b ", "upstream a {", "\x00", "<!-- -")
_texts = st.lists(st.sampled_from([*sorted(_PIECES), *_SPACED])).map("".join) | st.text()


def read(key: str, text: str) -> list[str]:
    found = [*parts(key, text), *((k, t) for k, t in scripted(text, {}))]
    found += [(k, t) for _, k, t in arguments(text.split(), named=True)]
    return [m.written for k, t in (*found, (key, text)) for m in mentions(t, key_of(k))]


@given(st.sampled_from(["X", "A_HOST", "a.xml", "a.sh", ""]), _texts)
def test_any_text_can_be_read(key: str, text: str) -> None:
    read(key, text)


@pytest.mark.parametrize("piece", [*sorted(_PIECES), *_SPACED])
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    read("A_HOST", piece * ((1 << 16) // len(piece)))  # with a quadratic pattern, minutes


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_json(depth: int) -> None:
    read("X", '{"a":' * depth + '"http://cart:7070"' + "}" * depth)
    read("X", "[" * depth + "]" * depth)


@pytest.mark.parametrize(
    ("key", "role"),
    [
        *((key, Role.ADDRESS) for key in ("CART_ADDR", "cart.url", "--endpoint", "cartHost", "PGHOST", "DB_HOST_1")),
        *((key, Role.SERVICE) for key in ("CART_SERVICE", "cart.upstream", "proxy_pass", "bootstrap.servers", "HOST")),
        *((key, Role.NAME) for key in ("SERVICE_NAME", "DB_USER", "queue", "CLUSTER", "DD_SERVICE", "appName")),
        *((key, Role.SILENT) for key in ("NO_PROXY", "no_proxy", "PASSWORD", "CORS_HOSTS", "LISTEN_ADDR", "bindHost")),
        *((key, Role.PLAIN) for key in ("", "X", "CURL", "GHOST", "OBSERVER", "_", "ключ")),
    ],
)
def test_roles_of_keys(key: str, role: Role) -> None:
    assert key_of(key).role is role
