"""Applications as a whole: what the finders of objects see of them, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwall.needs.need import Found
from podwall.needs.registry import all_finders
from podwall.ops.inputs import Inputs, read_cluster
from podwall.ops.snapshotting import Wanted, snapshot
from tests.needs.objects import application, needs, questions

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop" / "good"
BOUTIQUE = ROOT.parent / "shared" / "data" / "online-boutique" / "manifests"
OBJECTS = ("agents", "apiserver", "cloud", "exposed", "gateway", "ingress", "mesh", "peers", "scrape", "webhooks")


def found(inputs: Inputs) -> Found:
    read = application(inputs)
    return Found.of(item for one in all_finders() if one.name in OBJECTS for item in one.find(read))


def test_the_shop() -> None:
    out = found(Inputs(filenames=(str(SHOP),)))
    assert needs(out.needs) == {
        "* -> ingress/controller 8080/TCP,8443/TCP",
        "ingress/controller -> shop/web 8080/TCP",
        "monitoring/prometheus -> monitoring/postgres-exporter 9187/TCP",
        "monitoring/prometheus -> payments/gateway 9102/TCP",
        "monitoring/prometheus -> payments/ledger 9102/TCP",
        "monitoring/prometheus -> shop/cart 9100/TCP",
        "monitoring/prometheus -> shop/catalog 9100/TCP",
        "monitoring/prometheus -> shop/checkout 9100/TCP",
        "monitoring/prometheus -> shop/web 9100/TCP",
    }
    assert questions(out.questions) == {"monitoring/prometheus -> kubernetes.default 443/TCP,6443/TCP"}
    assert not out.unseen


@pytest.mark.skipif(not BOUTIQUE.exists(), reason="no online-boutique here")
def test_an_application_of_others() -> None:
    out = found(Inputs(filenames=(str(BOUTIQUE),)))
    assert (needs(out.needs), out.questions, out.unseen) == ({"* -> default/frontend 8080/TCP"}, (), ())


@pytest.mark.parametrize("folder", [SHOP, BOUTIQUE], ids=["the shop", "online-boutique"])
def test_a_snapshot_tells_the_same(folder: Path, tmp_path: Path) -> None:
    if not folder.exists():
        pytest.skip(f"no {folder.name} here")
    files = Inputs(filenames=(str(folder),))
    kept = tmp_path / "x.podwall.gz"
    kept.write_bytes(snapshot(read_cluster(files), Wanted(topology=True)))
    one, other = found(files), found(Inputs(snapshots=(str(kept),)))
    assert [(n.sources, n.destinations, n.ports, n.sureness) for n in one.needs] == [
        (n.sources, n.destinations, n.ports, n.sureness) for n in other.needs
    ]
    assert [(q.key, q.ports, q.asks, q.drafted) for q in one.questions] == [
        (q.key, q.ports, q.asks, q.drafted) for q in other.questions
    ]


def test_the_order_of_the_input_is_no_matter() -> None:
    paths = sorted(map(str, SHOP.iterdir()))
    one, other = found(Inputs(filenames=tuple(paths))), found(Inputs(filenames=tuple(reversed(paths))))
    assert one == other
