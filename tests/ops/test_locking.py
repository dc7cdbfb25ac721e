"""podwall lockdown as a whole: what is written for given applications, and that no moment of it closes a need."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from podwall.errors import CannotWrite
from podwall.ops.inputs import Inputs, open_texts
from podwall.ops.locking import Locked, Wanted, lock
from podwall.ops.mapping import make_map
from podwall.sources.files import Text
from tests.ops.applying import closed_on_the_way, texts_of

ROOT = Path(__file__).parents[2]
GOOD, BROKEN = (ROOT / "examples" / "shop" / name for name in ("good", "broken"))
BOUTIQUE = ROOT.parent / "shared" / "data" / "online-boutique"
COMMAND = "podwall lockdown"

# The calls of the published architecture.
CALLS = {
    "frontend": {
        "adservice",
        "cartservice",
        "checkoutservice",
        "currencyservice",
        "productcatalogservice",
        "recommendationservice",
        "shippingservice",
    },
    "checkoutservice": {
        "cartservice",
        "currencyservice",
        "emailservice",
        "paymentservice",
        "productcatalogservice",
        "shippingservice",
    },
    "recommendationservice": {"productcatalogservice"},
    "cartservice": {"redis-cart"},
    "loadgenerator": {"frontend"},
}
POLICIES = ("payments-policies.yaml", "platform-policies.yaml", "shop-policies.yaml")

needs_shared = pytest.mark.skipif(not BOUTIQUE.is_dir(), reason="needs ../shared/data/online-boutique")


def locked(*paths: Path, **named: object) -> Locked:
    wanted = Wanted(COMMAND, named.pop("only", None), named.pop("answers", None))  # type: ignore[arg-type]
    return lock(Inputs(filenames=tuple(map(str, paths)), **named), wanted)  # type: ignore[arg-type]


def policies(found: Locked) -> dict[str, dict[str, object]]:
    """Every policy that was written, brackets left out, by namespace and name."""
    documents = (d for text in found.texts.values() for d in yaml.safe_load_all(text))
    plain = (d for d in documents if "podwall.io/bracket" not in d["metadata"]["labels"])
    return {f"{d['metadata']['namespace']}/{d['metadata']['name']}": d for d in plain}


def calls(paths: list[Path], found: Locked) -> set[tuple[str, str]]:
    """Who can reach whom among workloads once the brackets are gone, DNS left out."""
    written = [Text(name, text.encode()) for name, text in found.texts.items() if not name.startswith("00-")]
    answer = make_map(open_texts(Inputs(), [*texts_of(*paths), *written]))
    ends = {f"{work.key[0]}/{work.unique}" for work in found.plan.scope.works}
    return {(c.src, c.dst) for c in answer.connections if {c.src, c.dst} <= ends}


@needs_shared
def test_online_boutique_comes_out_as_its_published_architecture() -> None:
    found = locked(BOUTIQUE / "manifests")
    assert calls([BOUTIQUE / "manifests"], found) == {
        (f"default/{src}", f"default/{dst}") for src, dsts in CALLS.items() for dst in dsts
    }
    assert not found.tightness.surplus
    assert not found.closed
    assert [q.key for q in found.settled.found.questions] == ["default/frontend -> shoppingassistantservice.default"]


@needs_shared
def test_online_boutique_is_complete_with_the_policies_that_its_authors_wrote() -> None:
    """They open ingress only to whom they name, and leave egress to everyone: nothing is missing beside them."""
    found = locked(BOUTIQUE / "manifests", BOUTIQUE / "policies")
    assert not found.closed
    assert "default/adservice" not in policies(found)


def test_the_good_shop_has_all_it_needs() -> None:
    found = locked(GOOD)
    assert found.texts == {}
    assert not found.closed


def without_policies(folder: Path, target: Path) -> Path:
    for path in folder.glob("*.yaml"):
        if path.name not in POLICIES:
            (target / path.name).write_bytes(path.read_bytes())
    return target


def test_the_shop_without_its_policies_gets_the_calls_of_the_policies_that_people_wrote(tmp_path: Path) -> None:
    bare = without_policies(GOOD, tmp_path)
    found = locked(bare)
    assert calls([bare], found) == calls([GOOD], locked(GOOD))
    assert not found.tightness.surplus


def test_the_broken_shop_is_completed_and_what_is_too_open_is_told() -> None:
    found = locked(BROKEN)
    assert sorted(policies(found)) == ["payments/allow-dns", "shop/podwall-catalog"]
    assert {(s.src, s.dst) for s in found.tightness.surplus if s.dst == "payments/ledger-db"} == {
        ("monitoring/grafana", "payments/ledger-db"),
        ("monitoring/prometheus", "payments/ledger-db"),
    }


@pytest.mark.parametrize("folder", [GOOD, BROKEN], ids=["good", "broken"])
def test_no_moment_of_applying_closes_a_need(folder: Path, tmp_path: Path) -> None:
    assert closed_on_the_way(texts_of(folder), locked(folder)) == {}
    bare = without_policies(folder, tmp_path)
    assert closed_on_the_way(texts_of(bare), locked(bare)) == {}


@needs_shared
def test_no_moment_of_applying_closes_a_need_of_online_boutique() -> None:
    folder = BOUTIQUE / "manifests"
    assert closed_on_the_way(texts_of(folder), locked(folder)) == {}


WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, env: [{name: API_URL, value: "http://api:8080"}]}]}
---
"""
API = """\
apiVersion: apps/v1
kind: %s
metadata: {name: %s, namespace: shop}
spec:
  selector: {matchLabels: %s}
  template:
    metadata: {labels: %s}
    spec: {containers: [{name: api, ports: [{name: http, containerPort: 9090}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{port: 8080, targetPort: http}]}
---
"""


def of(tmp_path: Path, text: str, **named: object) -> Locked:
    path = tmp_path / "in.yaml"
    path.write_text(text)
    return locked(path, **named)


def test_a_policy_is_at_the_port_of_the_pods_and_says_where_the_need_was_found(tmp_path: Path) -> None:
    found = policies(of(tmp_path, WEB + API % ("Deployment", "api", "{app: api}", "{app: api}")))
    assert sorted(found) == ["shop/allow-dns", "shop/api", "shop/default-deny", "shop/web"]
    api = found["shop/api"]
    assert api["spec"] == {
        "podSelector": {"matchLabels": {"app": "api"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"protocol": "TCP", "port": 9090}]}
        ],
    }
    assert api["metadata"]["annotations"] == {  # type: ignore[index]
        "podwall.io/lockdown": "workload",
        "podwall.io/needs": "from web TCP 9090: Deployment web, env API_URL=http://api:8080",
    }


def test_workloads_of_one_name_have_policies_of_their_own(tmp_path: Path) -> None:
    twin = API % ("StatefulSet", "web", "{app: api}", "{app: api}")
    found = policies(of(tmp_path, WEB + twin))
    assert {"shop/web-deployment", "shop/web-statefulset"} <= found.keys()


def test_a_workload_that_no_label_tells_from_another_is_told(tmp_path: Path) -> None:
    canary = API % ("Deployment", "api-canary", "{app: api, track: canary}", "{app: api, track: canary}")
    stable = API % ("Deployment", "api", "{app: api}", "{app: api}")
    found = of(tmp_path, WEB + stable + canary.split("---\n")[0])
    assert not found.closed
    assert found.plan.wide == {"shop/api": ("api-canary",)}


def test_a_pod_without_a_lasting_label_has_no_policy_and_that_is_no_proof(tmp_path: Path) -> None:
    pod = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: web, env: [{name: API_URL, value: "http://api:8080"}]}]}
---
"""
    found = of(tmp_path, pod + API % ("Deployment", "api", "{app: api}", "{app: api}"))
    assert "label" in found.plan.unwritten["shop/web"]
    assert found.closed


def test_a_namespace_that_is_isolated_elsewhere_closes_a_need_out_of_scope(tmp_path: Path) -> None:
    deny = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: data}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
"""
    text = WEB.replace("http://api:8080", "http://api.data:8080") + deny
    text += (API % ("Deployment", "api", "{app: api}", "{app: api}")).replace("namespace: shop", "namespace: data")
    only_shop = of(tmp_path, text, namespace="shop")
    assert [(c.dst, c.by) for c in only_shop.closed] == [("data/api", ("data/deny",))]
    assert not of(tmp_path, text).closed


def test_one_workload_alone(tmp_path: Path) -> None:
    found = of(tmp_path, WEB + API % ("Deployment", "api", "{app: api}", "{app: api}"), only="shop/web")
    assert sorted(policies(found)) == ["shop/web"]
    web = policies(found)["shop/web"]["spec"]
    assert web["policyTypes"] == ["Ingress", "Egress"]  # type: ignore[index]
    assert len(web["egress"]) == 2  # type: ignore[index] # the API, and DNS
    assert not found.closed


def test_a_small_change_of_a_manifest_is_a_small_change_of_the_policies(tmp_path: Path) -> None:
    before = of(tmp_path, WEB + API % ("Deployment", "api", "{app: api}", "{app: api}")).texts
    job = WEB.replace("name: web", "name: job").replace("app: web", "app: job")
    after = of(tmp_path, WEB + API % ("Deployment", "api", "{app: api}", "{app: api}") + job).texts
    assert before.keys() == after.keys()
    old, new = (set(texts["20-workloads-shop.yaml"].splitlines()) for texts in (before, after))
    assert len(old - new) <= 4
    assert before["10-baseline-shop.yaml"] == after["10-baseline-shop.yaml"]


def test_the_same_input_in_another_order_gives_the_same_files(tmp_path: Path) -> None:
    text = WEB + API % ("Deployment", "api", "{app: api}", "{app: api}")
    documents = [d for d in text.split("---\n") if d]
    assert of(tmp_path, text).texts == of(tmp_path, "---\n".join(reversed(documents))).texts


def test_there_is_nothing_to_lock_without_pods(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="nothing to lock"):
        of(tmp_path, "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")


def test_the_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="kube-system"):
        of(tmp_path, WEB.replace("namespace: shop", "namespace: kube-system"), namespace="kube-system")
