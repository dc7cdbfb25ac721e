"""podwall lockdown at the terminal: its folder, its questions and answers, and its exit codes."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import yaml

from tests.cli.program import SHOP, podwall

APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        env:
        - {name: API_URL, value: "http://api:8080"}
        - {name: PAY_URL, value: "https://pay.example.com"}
        - {name: PAY, valueFrom: {secretKeyRef: {name: pay, key: where}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: api}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{port: 8080}]}
"""
DENY = """---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: theirs, namespace: %s}
spec: {podSelector: {}, policyTypes: %s}
"""
QUESTION = "shop/web -> pay.example.com"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.yaml"
    path.write_text(APP)
    return path


def test_without_a_folder_the_policies_are_the_answer_and_the_report_is_beside_it(app: Path) -> None:
    done = podwall("lockdown", "-f", app)
    names = [d["metadata"]["name"] for d in yaml.safe_load_all(done.out)]
    assert names == ["bracket-egress", "bracket-ingress", "allow-dns", "default-deny", "api", "web"]
    assert "proved: every need found is open; open beside it: 1 question and 1 not seen" in done.err
    assert done.code == 0
    report = done.err[done.err.index("lockdown of shop") :].replace(str(app), "app.yaml")
    assert max(map(len, report.splitlines())) <= 80


def test_a_folder_has_manifests_that_kubectl_applies_in_order_and_the_proof_beside_them(
    app: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert podwall("lockdown", "-f", app, "-d", out).code == 0
    assert sorted(p.name for p in out.glob("*.yaml")) == [
        "00-bracket-shop.yaml",
        "10-baseline-shop.yaml",
        "20-workloads-shop.yaml",
    ]
    assert sorted(p.name for p in (out / "proof").iterdir()) == ["expectations.yaml", "questions.yaml", "report.md"]
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    for inputs in (("-f", app), ("-f", app, "-f", out)):
        again = podwall("lockdown", *inputs, "-d", out)
        assert again.code == 0
        assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
        assert "changed" not in again.out.replace("unchanged", "")


def test_what_is_written_passes_check_and_its_own_assertions(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out)
    checked = podwall("check", "-f", app, "-f", out, "-o", "json")
    assert checked.code == 0
    assert [f["rule"] for f in checked.json["findings"] if f["severity"] == "error"] == []
    (out / "00-bracket-shop.yaml").unlink()
    tested = podwall("test", out / "proof" / "expectations.yaml", "-f", app, "-f", out)
    assert tested.code == 0, tested.out


def test_a_dry_run_writes_nothing(app: Path, tmp_path: Path) -> None:
    done = podwall("lockdown", "-f", app, "-d", tmp_path / "out", "--dry-run")
    assert "00-bracket-shop.yaml: would be new" in done.out
    assert not (tmp_path / "out").exists()
    assert podwall("lockdown", "-f", app, "--dry-run").out.startswith("lockdown of shop")


def test_a_bracket_that_was_lifted_is_not_put_back_unless_asked(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out)
    bracket = out / "00-bracket-shop.yaml"
    bracket.unlink()
    assert podwall("lockdown", "-f", app, "-d", out).code == 0
    assert not bracket.exists()
    assert podwall("lockdown", "-f", app, "-d", out, "--bracket").code == 0
    assert bracket.exists()


def test_a_bracket_that_was_lifted_beside_a_foreign_deny_is_not_put_back(app: Path, tmp_path: Path) -> None:
    """The default deny of the lockdown is about the other direction alone then."""
    out = tmp_path / "out"
    app.write_text(APP + DENY % ("shop", "[Ingress]"))
    podwall("lockdown", "-f", app, "-d", out)
    (out / "00-bracket-shop.yaml").unlink()
    podwall("lockdown", "-f", app, "-d", out)
    assert not (out / "00-bracket-shop.yaml").exists()


def test_the_report_names_the_policies_that_the_proof_rests_on(app: Path, tmp_path: Path) -> None:
    """Where they are deleted, what was left to them is open: the lockdown alone does not hold it closed."""
    app.write_text(APP + DENY % ("shop", "[Ingress]"))
    podwall("lockdown", "-f", app, "-d", tmp_path / "out")
    report = (tmp_path / "out" / "proof" / "report.md").read_text()
    assert "It rests on policies that were there before: `shop/theirs`." in report


def test_what_the_input_has_in_force_is_not_opened_again(app: Path, tmp_path: Path) -> None:
    """A dump of a cluster whose bracket is gone, and a folder that knows nothing of it, or has the bracket still."""
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    podwall("lockdown", "-f", app, "-d", out)
    parts = [(out / f"{stage}-shop.yaml").read_text() for stage in ("10-baseline", "20-workloads")]
    dump = tmp_path / "dump.yaml"
    dump.write_text("---\n".join([APP, *parts]))
    for folder in (fresh, out):
        assert podwall("lockdown", "-f", dump, "-d", folder).code == 0
        assert names(folder) == ["10-baseline-shop.yaml", "20-workloads-shop.yaml"]
        assert "The bracket is lifted in shop" in (folder / "proof" / "report.md").read_text()
    podwall("lockdown", "-f", dump, "-d", fresh, "--bracket")
    assert (fresh / "00-bracket-shop.yaml").exists()


def test_policies_that_are_written_no_more_are_named_for_kubectl(app: Path, tmp_path: Path) -> None:
    """It deletes nothing by itself, whether one policy of a file goes or all of them."""
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out)
    app.write_text(APP.replace("http://api:8080", ""))
    said = "written no more, and kubectl apply deletes nothing: delete these last\n  kubectl delete netpol -n shop "
    assert f"{said}api web\n" in podwall("lockdown", "-f", app, "-d", out).out
    assert said not in podwall("lockdown", "-f", app, "-d", out).out
    app.write_text(APP.replace("namespace: shop", "namespace: store"))
    assert f"{said}allow-dns bracket-egress bracket-ingress" in podwall("lockdown", "-f", app, "-d", out).out


def test_what_is_needed_no_more_is_taken_away_and_files_of_others_stay(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out)
    (out / "mine.yaml").write_text("# mine\n")
    app.write_text(APP.replace("namespace: shop", "namespace: store"))
    done = podwall("lockdown", "-f", app, "-d", out)
    assert done.code == 0
    assert sorted(p.name for p in out.glob("*.yaml")) == [
        "00-bracket-store.yaml",
        "10-baseline-store.yaml",
        "20-workloads-store.yaml",
        "mine.yaml",
    ]


def test_a_namespace_alone_leaves_the_files_of_others(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    other = tmp_path / "other.yaml"
    other.write_text(APP.replace("namespace: shop", "namespace: store"))
    podwall("lockdown", "-f", app, "-f", other, "-d", out)
    before = {p.name for p in out.glob("*.yaml")}
    podwall("lockdown", "-f", app, "-f", other, "-d", out, "-n", "shop")
    assert {p.name for p in out.glob("*.yaml")} == before


def test_a_file_of_somebody_else_is_never_written_over(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "10-baseline-shop.yaml").write_text("kind: mine\n")
    done = podwall("lockdown", "-f", app, "-d", out)
    assert done.code == 2
    assert "no lockdown wrote it" in done.err
    assert [p.name for p in out.iterdir()] == ["10-baseline-shop.yaml"]


def answers(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "answers.yaml"
    path.write_text(f"apiVersion: podwall.io/v1\nkind: Answers\nanswers:\n{text}")
    return path


def test_an_answer_becomes_a_rule(app: Path, tmp_path: Path) -> None:
    file = answers(tmp_path, f'- {{question: "{QUESTION}", allow: [203.0.113.0/24]}}\n')
    done = podwall("lockdown", "-f", app, "--answers", file)
    web = next(d for d in yaml.safe_load_all(done.out) if d["metadata"]["name"] == "web")
    assert {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"protocol": "TCP", "port": 443}]} in web[
        "spec"
    ]["egress"]
    assert "question" not in done.err
    assert done.code == 0


def test_no_is_an_answer_and_an_empty_one_is_none(app: Path, tmp_path: Path) -> None:
    done = podwall("lockdown", "-f", app, "--answers", answers(tmp_path, f'- {{question: "{QUESTION}", deny: true}}\n'))
    assert "question" not in done.err
    done = podwall("lockdown", "-f", app, "--answers", answers(tmp_path, f'- {{question: "{QUESTION}", allow: []}}\n'))
    assert "1 question" in done.err


def test_the_questions_that_are_written_can_be_given_back(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out)
    file = out / "proof" / "questions.yaml"
    assert podwall("lockdown", "-f", app, "-d", out, "--answers", file).code == 0
    file.write_text(file.read_text().replace("allow: []", "allow: [203.0.113.0/24]"))
    filled = file.read_text()
    done = podwall("lockdown", "-f", app, "-d", out, "--answers", file)
    assert done.code == 0
    assert "203.0.113.0/24" in (out / "20-workloads-shop.yaml").read_text()
    assert podwall("lockdown", "-f", app, "-d", out).code == 0
    assert file.read_text() == filled  # what people wrote is never written over


def test_one_answer_for_all_who_ask_the_same(app: Path, tmp_path: Path) -> None:
    app.write_text(APP.replace("{name: api}]}", "{name: api, env: [{name: X, value: 'https://pay.example.com'}]}]}"))
    out = tmp_path / "out"
    done = podwall("lockdown", "-f", app, "-d", out)
    assert "  * -> pay.example.com TCP 443\n" in done.err + done.out
    assert "and so for shop/web" in " ".join(done.out.split())
    file = out / "proof" / "questions.yaml"
    assert file.read_text().count("- question: ") == 1
    file.write_text(file.read_text().replace("allow: []", "allow: [203.0.113.0/24]"))
    assert "leave open" not in podwall("lockdown", "-f", app, "-d", out, "--answers", file).out
    assert (out / "20-workloads-shop.yaml").read_text().count("cidr: 203.0.113.0/24") == 2


def test_who_calls_a_workload_can_be_answered(app: Path, tmp_path: Path) -> None:
    app.write_text("\n".join(line for line in APP.splitlines() if "API_URL" not in line and "PAY" not in line))
    out = tmp_path / "out"
    done = podwall("lockdown", "-f", app, "-d", out)
    assert "who calls shop/api?" in done.out
    file = out / "proof" / "questions.yaml"
    file.write_text(file.read_text().replace("allow: []", "allow: [shop/web]"))
    done = podwall("lockdown", "-f", app, "-d", out, "--answers", file)
    assert "shop/web -> shop/api TCP 8080" in done.out
    assert "proved: every need found is open\n" in done.out


def test_a_question_that_comes_later_stands_beside_what_people_wrote(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out)
    file, more = out / "proof" / "questions.yaml", out / "proof" / "questions-more.yaml"
    filled = file.read_text().replace("allow: []", "allow: [203.0.113.0/24]")
    file.write_text(filled)
    app.write_text(
        APP.replace("- {name: PAY,", '- {name: MAIL_URL, value: "https://mail.example.com"}\n        - {name: PAY,')
    )
    done = podwall("lockdown", "-f", app, "-d", out, "--answers", file)
    assert file.read_text() == filled
    assert [one["question"] for one in yaml.safe_load(more.read_text())["answers"]] == ["shop/web -> mail.example.com"]
    assert "do not count" not in done.err
    file.write_text(filled + more.read_text().partition("answers:\n")[2].replace("allow: []", "deny: true"))
    podwall("lockdown", "-f", app, "-d", out, "--answers", file)
    assert not more.exists()


def test_answers_that_are_not_given_are_told(app: Path, tmp_path: Path) -> None:
    """Without them the next run takes their rules away."""
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out)
    file = out / "proof" / "questions.yaml"
    file.write_text(file.read_text().replace("allow: []", "allow: [203.0.113.0/24]"))
    assert f"{file} has answers that do not count" in podwall("lockdown", "-f", app, "-d", out).err


@pytest.mark.parametrize(
    ("port", "target", "opened"), [(443, 8443, [8443]), (3128, 3128, [3128])], ids=["that was asked for", "its own"]
)
def test_a_service_is_an_answer_at_its_own_ports(
    app: Path, tmp_path: Path, port: int, target: int, opened: list[int]
) -> None:
    proxy = APP.split("---")[1].replace("name: api,", "name: proxy,").replace("app: api", "app: proxy")
    ports = f"ports: [{{port: {port}, targetPort: {target}}}]"
    service = APP.split("---")[2].replace("name: api,", "name: proxy,").replace("app: api", "app: proxy")
    app.write_text(f"{APP}---{proxy}---{service.replace('ports: [{port: 8080}]', ports)}")
    done = podwall(
        "lockdown",
        "-f",
        app,
        "--answers",
        answers(tmp_path, f'- {{question: "{QUESTION}", allow: [shop/service/proxy]}}\n'),
    )
    (own,) = [d for d in yaml.safe_load_all(done.out) if d["metadata"]["name"] == "proxy"]
    assert [port["port"] for rule in own["spec"]["ingress"] for port in rule["ports"]] == opened


def test_questions_that_are_open_no_more_are_taken_away(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out)
    app.write_text("\n".join(line for line in APP.splitlines() if "PAY_URL" not in line))
    assert "questions.yaml: removed" in podwall("lockdown", "-f", app, "-d", out).out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'- {{question: "{QUESTION}", allow: [pay.example.com]}}\n', "answers.yaml:4"),
        (f'- {{question: "{QUESTION}", allow: [10.0.0.1], deny: true}}\n', "contradicts"),
        (f'- {{question: "{QUESTION}", alow: [10.0.0.1]}}\n', "did you mean `allow`"),
        (f'- {{question: "{QUESTION}", allow: 10.0.0.1}}\n', "expected a list"),
        ("- {allow: [10.0.0.1]}\n", "is left out"),
        (f'- {{question: "{QUESTION}", allow: [10.0.0.1]}}\n' * 2, "answers.yaml:5"),
        ("- {question: [}\n", "answers.yaml:4"),
    ],
)
def test_a_wrong_answer_is_said_with_its_line(app: Path, tmp_path: Path, text: str, said: str) -> None:
    done = podwall("lockdown", "-f", app, "--answers", answers(tmp_path, text))
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_an_answer_to_no_question_is_told(app: Path, tmp_path: Path) -> None:
    done = podwall("lockdown", "-f", app, "--answers", answers(tmp_path, '- {question: "a -> b", deny: true}\n'))
    assert "an answer is to no question: a -> b" in done.err
    assert done.code == 0


def test_a_need_that_would_be_closed_is_exit_1(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(
        APP
        + """---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: closed}
spec:
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
"""
    )
    done = podwall("lockdown", "-f", path, "--dry-run")
    assert done.code == 1
    assert "CLOSED shop/web -> shop/api TCP 8080: ingress is denied by closed" in done.out


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob("*.yaml"))


def test_one_workload_has_files_of_its_own(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out, "--only", "shop/web")
    assert names(out) == ["00-bracket-shop.web.yaml", "20-workloads-shop.web.yaml"]
    (out / "00-bracket-shop.web.yaml").unlink()
    podwall("lockdown", "-f", app, "-d", out, "--only", "shop/web")
    podwall("lockdown", "-f", app, "-d", out, "--only", "shop/api")
    assert names(out) == [
        "00-bracket-shop.api.yaml",
        "20-workloads-shop.api.yaml",
        "20-workloads-shop.web.yaml",
    ]
    report = (out / "proof" / "report.md").read_text()
    assert "kubectl delete netpol -n shop bracket-egress-api bracket-ingress-api`" in report


def test_one_workload_is_not_written_beside_all_of_its_namespace(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out)
    before = names(out)
    done = podwall("lockdown", "-f", app, "-d", out, "--only", "shop/web")
    assert done.code == 2
    assert "run it without --only" in done.err
    assert names(out) == before


def test_all_of_a_namespace_takes_in_what_was_written_for_one_workload(app: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    podwall("lockdown", "-f", app, "-d", out, "--only", "shop/web")
    (out / "00-bracket-shop.web.yaml").unlink()
    podwall("lockdown", "-f", app, "-d", out, "-n", "shop")
    assert names(out) == ["00-bracket-shop.yaml", "10-baseline-shop.yaml", "20-workloads-shop.yaml"]
    bracket = [d["metadata"]["name"] for d in yaml.safe_load_all((out / "00-bracket-shop.yaml").read_text())]
    assert bracket == ["bracket-egress-api", "bracket-ingress-api"]  # web is closed already, and stays so
    assert podwall("map", "-f", app, "-f", out).code == 0


def test_standard_input_and_one_workload(app: Path) -> None:
    done = podwall("lockdown", "-f", "-", "--only", "shop/web", stdin=app.read_text())
    assert [d["metadata"]["name"] for d in yaml.safe_load_all(done.out)] == [
        "bracket-egress-web",
        "bracket-ingress-web",
        "web",
    ]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--only", "shop/nobody"], "nobody"),
        (["-n", "nowhere"], "there is no namespace nowhere"),
        (["--answers", "nowhere.yaml"], "cannot be read"),
    ],
)
def test_bad_flags_are_exit_2(app: Path, flags: list[str], said: str) -> None:
    done = podwall("lockdown", "-f", app, *flags)
    assert done.code == 2
    assert said in done.err


def test_a_snapshot_says_as_much_as_the_files_it_was_taken_of(tmp_path: Path) -> None:
    snapshot = tmp_path / "shop.snap"
    assert podwall("snapshot", "-f", SHOP / "broken", "--with-topology", "-o", snapshot).code == 0
    of_files, of_snapshot = (
        list(yaml.safe_load_all(podwall("lockdown", *flags).out))
        for flags in (("-f", SHOP / "broken"), ("--snapshot", snapshot))
    )
    assert of_files == of_snapshot


def test_a_snapshot_without_what_needs_are_looked_for_in_is_refused(app: Path, tmp_path: Path) -> None:
    """A lockdown without any need would close everything, and call that proved."""
    bare = tmp_path / "bare.gz"
    podwall("snapshot", "-f", app, "-o", bare)
    done = podwall("lockdown", "--snapshot", bare, "--dry-run")
    assert done.code == 2
    assert "was taken without --with-topology" in done.err
    beside = podwall("lockdown", "--snapshot", bare, "-f", app, "--dry-run")
    assert "could not be looked for" in " ".join(beside.out.split())


def test_a_snapshot_knows_what_a_lockdown_wrote_and_keeps_no_text_of_it(app: Path, tmp_path: Path) -> None:
    out, taken = tmp_path / "out", tmp_path / "all.gz"
    podwall("lockdown", "-f", app, "-d", out)
    podwall("snapshot", "-f", app, "-f", out, "-o", taken)
    assert b"API_URL" not in gzip.decompress(taken.read_bytes())
    podwall("snapshot", "-f", app, "-f", out, "--with-topology", "-o", taken)
    again, first = podwall("lockdown", "--snapshot", taken), podwall("lockdown", "-f", app)
    assert list(yaml.safe_load_all(again.out)) == list(yaml.safe_load_all(first.out))
