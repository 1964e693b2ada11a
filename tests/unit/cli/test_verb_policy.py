"""`fairway policy ...` as a person runs it, on a cluster's manifests and real flow files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fairway.cli.main import main
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.store import write_flows
from fairway.kit.documents import read_documents
from fairway.lab.recording import SHIPPED
from fairway.policy.read import read_cluster
from fairway.wire.words import Initiator
from support.reports import DB, ORDERS, T0, UI, report, write_cluster
from support.tiered import cnp, nets, to


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the manifests and the flows of orders to its database, as servers' agents tell them."""
    cluster = write_cluster(tmp_path / "cluster")
    names = Names()
    names.observe(read_cluster(read_documents([cluster])).cluster, T0)
    told = report(DB, ORDERS, 5432, Initiator.REMOTE, connections=2, tx_packets=3, rx_packets=3, tx_bytes=500)
    write_flows(tmp_path / "flows.parquet", named([told], names))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(verb: str, *more: str) -> int:
    return main(["policy", *verb.split(), "--cluster", "cluster", *more])


FLOWS = ("--flows", "flows.parquet")


def test_generate_replay_and_break(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("generate", *FLOWS, "--out", "policies") == 0
    written = sorted(path.name for path in (files / "policies").iterdir())
    assert written == ["orders-orders-1.yaml", "orders-orders-postgresql-0.yaml"]
    assert run("replay", *FLOWS, "--policies", "policies", "--posture", "deny") == 0
    assert "1 edges with 2 connections replayed: nothing would break" in capsys.readouterr().out

    broken = files / "policies" / "orders-orders-postgresql-0.yaml"
    manifest = yaml.safe_load(broken.read_text())
    manifest["spec"]["ingress"] = []
    broken.write_text(yaml.safe_dump(manifest))
    assert run("replay", *FLOWS, "--policies", "policies") == 1
    out = capsys.readouterr().out
    assert "would break: orders/orders-1 -> orders/orders-postgresql-0 TCP 5432, 2 connections" in out
    assert "fix: give orders/orders-postgresql-0 the ingress rule: TCP 5432 from orders/orders-1" in out
    assert run("replay", *FLOWS, "--policies", "policies", "--output", "json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["broken"][0]["connections"]) == (False, 2)
    assert found["affected"] == [{"workload": "orders/orders-1", "connections": 2}]
    for name, begin in (("junit", "<?xml"), ("sarif", "{"), ("markdown", "### Policy replay: would break\n")):
        assert run("replay", *FLOWS, "--policies", "policies", "--format", name) == 1
        assert capsys.readouterr().out.startswith(begin)


def test_generate_prints_without_a_folder(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("generate", *FLOWS) == 0
    names = [document["metadata"]["name"] for document in yaml.safe_load_all(capsys.readouterr().out)]
    assert names == ["orders-1", "orders-postgresql-0"]
    assert run("generate", *FLOWS, "--output", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [p["manifest"]["metadata"]["name"] for p in found["policies"]] == names


def test_generate_does_not_mix_with_other_policies(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "policies").mkdir()
    (files / "policies" / "old.yaml").write_text("")
    assert run("generate", *FLOWS, "--out", "policies") == 2
    assert "holds `old.yaml`, which is not of these policies" in capsys.readouterr().err
    assert [path.name for path in (files / "policies").iterdir()] == ["old.yaml"]


def test_coverage_says_no_and_why(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("coverage", *FLOWS) == 0
    assert capsys.readouterr().out.endswith("enough was seen to enforce\n")
    job = {
        "kind": "CronJob",
        "metadata": {"name": "export", "namespace": "orders"},
        "spec": {"schedule": "0 3 * * *"},
    }
    (files / "cluster" / "job.json").write_text(json.dumps(job))
    assert run("coverage", *FLOWS) == 1
    out = capsys.readouterr().out
    assert "missing: orders/export is a CronJob (`0 3 * * *`) that was not seen to run" in out
    assert out.endswith("not enough was seen to enforce: 1 missing\n")


def test_explain(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask = ("explain", "ui/ui-1", "orders/orders-postgresql-0", "5432")
    assert main(["policy", *ask, "--cluster", "cluster"]) == 0
    run("generate", *FLOWS, "--out", "policies")
    capsys.readouterr()
    assert main(["policy", *ask, "--cluster", "cluster", "--policies", "policies"]) == 1
    assert capsys.readouterr().out == (
        "denied: ingress: orders/orders-postgresql-0 isolates orders/orders-postgresql-0; "
        "no rule allows TCP 5432 from ui/ui-1\n"
        "  but egress: no policy isolates ui/ui-1 and the posture is allow\n"
    )
    assert main(["policy", *ask[:1], UI, DB, "5432/UDP", "--cluster", "cluster", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["protocol"] == "UDP"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("replay", "--policies", "empty"), "`empty` holds no NetworkPolicy"),
        (
            ("replay", "--policies", "bad.yaml"),
            "bad.yaml: NetworkPolicy prod/p: `$.metadata.namespace` `prod` is not",
        ),
        (("replay", "--policies", "none.yaml"), "none.yaml: cannot be read"),
        (("generate", "--out", "bad.yaml"), "bad.yaml: cannot be written"),
    ],
)
def test_one_line_for_a_mistake(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    (files / "empty").mkdir()
    policy = {"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "prod"}, "spec": {"podSelector": {}}}
    (files / "bad.yaml").write_text(yaml.safe_dump(policy))
    assert run(arguments[0], *FLOWS, *arguments[1:]) == 2
    assert message in capsys.readouterr().err


def test_heavy_libraries_are_loaded_only_by_a_verb_that_runs() -> None:
    heavy = "{'yaml', 'pyarrow', 'numpy', 'rich'}"
    probe = f"import sys, fairway.cli.verb_policy; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_choices_of_generate(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = "generate --per namespace --direction ingress --default-deny --merge-at 0 --merge-length 16"
    assert run(chosen, *FLOWS, "--avoid-label", "app", "--output", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [p["policy"] for p in found["policies"]] == ["orders/orders", "orders/default-deny"]
    assert [p["manifest"]["spec"]["policyTypes"] for p in found["policies"]] == [["Ingress"], ["Ingress"]]
    assert found["review"] == []
    # All of the namespace's pods may now call all of them at the port.
    assert (found["width"]["seen"], found["width"]["allowed"]) == (1, 4)
    assert run("generate", *FLOWS, "--merge-length", "7") == 2
    assert "`7` is no whole number from 8 to 32" in capsys.readouterr().err


def test_generate_says_how_wide_the_policies_are(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("generate", *FLOWS, "--out", "policies") == 0
    assert "allowed between workloads: 1 connections (pair and port), 1 of them seen" in capsys.readouterr().out


def test_decisions_are_obeyed(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"client": "orders/orders-1", "server": "orders/*", "decision": "deny", "reason": "moved", "who": "ana"}
    (files / "decisions.yaml").write_text(yaml.safe_dump({"decisions": [one]}))
    decisions = ("--decisions", "decisions.yaml")
    assert run("generate", *FLOWS, *decisions, "--out", "policies") == 0
    out = capsys.readouterr().out
    assert "denied by ana: moved" in out
    assert not list((files / "policies").iterdir())
    assert run("replay", *FLOWS, *decisions) == 1
    told = capsys.readouterr().out
    assert "still allowed: orders/orders-1 -> orders/orders-postgresql-0 TCP 5432, denied by ana: moved" in told
    assert run("replay", *FLOWS, *decisions, "--posture", "deny") == 0
    (files / "decisions.yaml").write_text("decisions: [{}]")
    assert run("coverage", *FLOWS, *decisions) == 2
    assert "decisions.yaml: `$.decisions[0].who` is missing; write it" in capsys.readouterr().err


def test_decisions_that_do_nothing_are_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = {"decision": "allow", "reason": "r", "who": "ana"}
    given = [
        {**common, "client": "x/*", "server": "*", "until": "2026-01-01"},
        {**common, "client": "orders/*", "server": "*"},
        {**common, "client": "orders/orders-1", "server": "*", "decision": "deny"},
        {**common, "client": "gone/*", "server": "*"},
    ]
    (files / "decisions.yaml").write_text(yaml.safe_dump({"decisions": given}))
    told = [
        "the decision `x/* -> *` was over on 2026-01-01; renew or remove it",
        "the decision `orders/orders-1 -> *` (denied by ana: r) is never reached: "
        "`orders/* -> *` (allowed by ana: r) comes before it and says otherwise; keep one",
        "the decision `gone/* -> *` fits no flow; mend its pattern, or remove it",
    ]
    given_ = (*FLOWS, "--decisions", "decisions.yaml")
    for verb in ("replay", "coverage"):
        assert run(verb, *given_) == 0
        assert "".join(f"note: {line}\n" for line in told) in capsys.readouterr().out
        assert run(verb, *given_, "--output", "json") == 0
        assert json.loads(capsys.readouterr().out)["decisions"] == told
    assert run("generate", *given_) == 0
    assert f"# note: {told[1]}" in capsys.readouterr().out
    assert run("replay", *given_, "--format", "junit") == 0
    captured = capsys.readouterr()
    assert captured.err == "".join(f"note: {line}\n" for line in told)
    assert captured.out.startswith("<?xml")


def test_coverage_by_the_record_in_time(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("coverage", *FLOWS) == 0
    assert (
        "note: observed 2 s: too short for statistics; only what is declared is judged" in capsys.readouterr().out
    )
    assert run("coverage", *FLOWS, "--threshold", "1") == 1
    assert "orders/orders-1 was observed for too short a time for statistics" in capsys.readouterr().out
    assert run("coverage", *FLOWS, "--output", "yaml") == 0
    found = yaml.safe_load(capsys.readouterr().out)
    assert [score["workload"] for score in found["scores"]] == ["orders/orders-1", "orders/orders-postgresql-0"]
    assert found["namespaces"]["orders"]["kinds"] == 2


def test_cluster_wide_policies_and_domain_names(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = [
        to("Accept", {"domainNames": ["*.example.com"]}, name="known"),
        to("Deny", nets("0.0.0.0/0"), name="rest"),
    ]
    (files / "guard.yaml").write_text(yaml.safe_dump(cnp("guard", egress=rules)))
    (files / "names.yaml").write_text("api.example.com: [192.0.2.7]\n")
    ask = ("ui/ui-1", "192.0.2.7", "443", "--policies", "guard.yaml")
    assert run("explain", *ask, "--names", "names.yaml") == 0
    assert (
        "ClusterNetworkPolicy guard egress[0] (known) of the Admin tier accepts TCP 443" in capsys.readouterr().out
    )
    assert run("explain", *ask) == 1
    assert "guard egress[1] (rest) of the Admin tier denies ui/ui-1 TCP 443" in capsys.readouterr().out
    assert run("replay", *FLOWS, "--policies", "guard.yaml", "--names", "names.yaml") == 1
    assert "guard egress[1] (rest) of the Admin tier denies orders/orders-1" in capsys.readouterr().out


def test_what_was_passed_over_is_said(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = [{"kind": "Deployment"}, {"kind": "Deployment"}, {"kind": "Secret"}]
    calico = {"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy", "metadata": {"name": "g"}}
    (files / "cluster" / "others.yaml").write_text(yaml.safe_dump_all([*others, calico]))
    assert run("generate", *FLOWS) == 0
    assert capsys.readouterr().err.splitlines() == [
        "note: cluster/others.yaml#4: GlobalNetworkPolicy g: is not judged; answers are without it",
        "note: passed over: 2 Deployment, 1 Secret",
    ]


def test_coverage_tells_namespaces_where_there_are_statistics(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("coverage", *FLOWS, "--threshold", "1") == 1
    assert "namespace" not in capsys.readouterr().out
    assert run("coverage", "--flows", str(SHIPPED), "--interval", "1s") == 1
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    (orders,) = [row for row in rows if row[:1] == ["orders"]]
    assert [orders[1], *orders[3:5]] == ["10", "%", "±"]


def test_silent_workloads_and_numeric_ports(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("generate", *FLOWS, "--close-silent", "--numeric-ports", "--output", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [p["policy"] for p in found["policies"] if not p["ingress"] + p["egress"]] == ["ui/ui-1", "ui/ui-2"]
