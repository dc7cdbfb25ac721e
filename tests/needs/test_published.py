from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs.found import calls, found_in
from tests.needs.world import TEXTS

ROOT = Path(__file__).parents[2]
BOUTIQUE = ROOT.parent / "shared/data/online-boutique/manifests"
SHOP = {
    ("web", "cart"),
    ("web", "catalog"),
    ("web", "checkout"),
    ("checkout", "cart"),
    ("checkout", "catalog"),
    ("checkout", "gateway"),
    ("gateway", "ledger"),
    ("ledger", "ledger-db"),
    ("settlement", "ledger"),
    ("grafana", "prometheus"),
    ("postgres-exporter", "ledger-db"),
}


@pytest.mark.skipif(not BOUTIQUE.is_dir(), reason="manifests of the Online Boutique are not there")
def test_the_calls_of_the_online_boutique_are_those_of_its_published_architecture() -> None:
    published = {
        "frontend": "ad cart checkout currency productcatalog recommendation shipping",
        "checkoutservice": "cart currency email payment productcatalog shipping",
        "recommendationservice": "productcatalog",
    }
    expected = {(who, f"{whom}service") for who, many in published.items() for whom in many.split()}
    expected |= {("cartservice", "redis-cart"), ("loadgenerator", "frontend")}
    found = found_in(BOUTIQUE, only=TEXTS)
    assert calls(found) == expected
    assert [q.peer for q in found.questions] == ["shoppingassistantservice.default"]


@pytest.mark.parametrize("variant", ["good", "broken"])
def test_the_calls_of_the_shop(variant: str) -> None:
    found = found_in(ROOT / "examples/shop" / variant, only=TEXTS)
    assert calls(found) == SHOP
    assert {q.peer for q in found.questions} == {"api.cards.example"}
