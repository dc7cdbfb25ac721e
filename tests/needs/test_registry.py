from __future__ import annotations

import json

import pytest

from tests.needs.found import found, needs
from tests.needs.world import container, env, service, workload


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"SMTP_HOST": "smtp"}, ["web -> smtp:25,587"]),
        ({"SMTP_HOST": "smtp", "MAIL_URL": "smtp://smtp:587"}, ["web -> smtp:587"]),
        ({"SMTP_HOST": "smtp", "CART_URL": "http://cart:7070"}, ["web -> cart:7070", "web -> smtp:25,587"]),
    ],
)
def test_a_host_alone_says_nothing_where_its_ports_are_stated(values: dict[str, str], expected: list[str]) -> None:
    items = [
        workload("web", containers=container(env=env(**values))),
        workload("smtp"),
        workload("cart"),
        service("smtp", 25, 587),
        service("cart", 7070),
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    assert needs(found(text)) == expected
