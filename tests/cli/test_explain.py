"""podwall explain and map --exposure as they are typed: exit codes, formats, wrong flags."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from podwall.cli.main import app

ROOT = Path(__file__).parents[2]
BROKEN = str(ROOT / "examples" / "shop" / "broken")


def podwall(*arguments: str) -> Result:
    try:
        return CliRunner().invoke(app, list(arguments), prog_name="podwall")
    finally:
        gc.enable()  # which a command leaves off


CODES = [
    (("shop/web", "shop/cart", "7070"), 0),
    (("shop/web", "shop/cart:7070"), 0),
    (("shop/web", "shop/cart", "tcp/7070"), 0),
    (("shop/web", "shop/cart"), 0),  # some port is allowed
    (("shop/web", "shop/catalog", "8080"), 1),
    (("shop/web", "shop/catalog"), 1),
    (("web", "cart", "7070", "-n", "shop"), 0),
    (("shop/web", "shop/nothing", "80"), 2),
    (("shop/web", "shop/cart", "80/icmp"), 2),
    (("shop/web", "shop/cart", "7070", "-o", "xml"), 2),
    (("shop/web", "shop/cart", "7070", "--family", "5"), 2),
    (("shop/web", "shop/cart", "7070", "--family", "6"), 2),  # no such address
    (("shop/web",), 2),
]


@pytest.mark.parametrize(("arguments", "code"), CODES)
def test_exit_codes(arguments: tuple[str, ...], code: int) -> None:
    assert podwall("explain", *arguments, "-f", BROKEN).exit_code == code


def test_incomplete_input_comes_before_a_denial(tmp_path: Path) -> None:
    kind = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x, namespace: shop}\n"
    (tmp_path / "x.yaml").write_text(kind, encoding="utf-8")
    asked = ("explain", "shop/web", "shop/catalog", "8080", "-f", BROKEN, "-f", str(tmp_path))
    assert podwall(*asked).exit_code == 3
    assert podwall(*asked, "--ignore-kinds").exit_code == 1


def test_json_and_text_agree() -> None:
    asked = ("explain", "shop/web", "shop/catalog", "8080", "-f", BROKEN)
    text, found = podwall(*asked).stdout, json.loads(podwall(*asked, "-o", "json").stdout)
    assert text.startswith("shop/web -> shop/catalog TCP 8080: DENIED by ingress\n")
    assert found["kind"] == "Explanation"
    for ref in found["ingress"]["isolatedBy"]:
        assert f"{ref['namespace']}/{ref['name']}" in text


def test_exposure() -> None:
    text = podwall("map", "--exposure", "-f", BROKEN).stdout
    assert "\npayments/ledger-db\n  ingress:\n    from all pods in namespace monitoring: TCP 5432\n" in text
    found = json.loads(podwall("map", "--exposure", "-o", "json", "-f", BROKEN).stdout)
    (ingress,) = (e for e in found["exposure"] if (e["endpoint"], e["direction"]) == ("payments/ledger-db", "ingress"))
    assert [peer["kind"] for peer in ingress["peers"]] == ["namespaces", "pods", "pods"]
    assert ingress["peers"][0]["selector"] == {"namespaces": "kubernetes.io/metadata.name=monitoring", "pods": ""}


def test_exposure_of_a_namespace() -> None:
    found = json.loads(podwall("map", "--exposure", "-n", "shop", "-o", "json", "-f", BROKEN).stdout)
    assert {e["endpoint"] for e in found["exposure"]} == {"shop/cart", "shop/catalog", "shop/checkout", "shop/web"}


def test_exposure_says_what_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podwall.engine.exposure.Exposures.__init__.__defaults__", (3,))
    first, second, *_ = podwall("map", "--exposure", "-f", BROKEN).stdout.splitlines()
    assert first.endswith("profile kubernetes")
    assert second.startswith("not computed: ")
    found = json.loads(podwall("map", "--exposure", "-o", "json", "-f", BROKEN).stdout)
    assert f"{26 - len(found['exposure'])} of 26 directions of endpoints" in found["notComputed"]


@pytest.mark.parametrize("flag", ["--summary", "--why"])
def test_exposure_alone(flag: str) -> None:
    assert podwall("map", "--exposure", flag, "-f", BROKEN).exit_code == 2
