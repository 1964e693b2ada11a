"""What a person gets wrong, verb by verb: everything at once, one line each, exit 2, and nothing half done."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from fairway.cli.main import main
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.store import write_flows
from fairway.kit.documents import read_documents
from fairway.policy.read import read_cluster
from fairway.wire.words import Initiator
from support.objects import policy
from support.reports import DB, ORDERS, T0, report, write_cluster

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
BAD_RULES = {
    **policy(
        "orders/bad", egress=[{"ports": [{"port": 80, "endPort": 70}]}, {"to": [{"ipBlock": {"cidr": "no"}}]}]
    ),
}
CALICO = {"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy", "metadata": {"name": "g"}}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster, its flows, and everything that may be wrong with them."""
    monkeypatch.chdir(tmp_path)
    cluster = write_cluster(tmp_path / "cluster")
    names = Names()
    names.observe(read_cluster(read_documents([cluster])).cluster, T0)
    told = report(DB, ORDERS, 5432, Initiator.REMOTE, connections=2, tx_packets=3, rx_packets=3)
    write_flows(tmp_path / "flows.parquet", named([told], names))
    whole = (tmp_path / "flows.parquet").read_bytes()
    for name in ("empty", "bad", "two", "kinds"):
        (tmp_path / name).mkdir()
    written: dict[str, str | bytes] = {
        "truncated.parquet": whole[: len(whole) // 2],
        "zero.parquet": b"",
        "binary.yaml": bytes(range(256)) * 9,
        "truncated.json": (cluster / "all.json").read_text()[:200],
        "laughs.yaml": LAUGHS,
        "deep.yaml": "[" * 100,
        "bad/a.yaml": yaml.safe_dump(BAD_RULES),
        "bad/b.yaml": "kind: NetworkPolicy\nmetadata: {name: b}\nspec: {podSelector: [}\n",
        "bad/c.json": '{"kind": "NetworkPolicy"',
        "two/a.yaml": yaml.safe_dump(policy("orders/a")),
        "two/b.yaml": yaml.safe_dump(policy("orders/a")),
        "kinds/a.yaml": yaml.safe_dump(CALICO),
        "good.yaml": yaml.safe_dump(policy("orders/a")),
        "names.yaml": "api.example.com: [nowhere]\n",
        "decisions.yaml": "decisions: [{client: a, server: b, decision: maybe, reason: r, who: w}]\n",
        "cases.jsonl": '{"probes": []}\n{"pods"\n',
    }
    for name, content in written.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path


CLUSTER, FLOWS = "--cluster cluster", "--flows flows.parquet"
RULES_OF_A = (
    "bad/a.yaml: NetworkPolicy orders/bad: `$.spec.egress[0].ports[0].endPort` 70 is below port 80",
    "bad/a.yaml: NetworkPolicy orders/bad: `$.spec.egress[1].to[0].ipBlock.cidr` `no` is not a network",
)
BAD = ("bad/b.yaml:3: is not YAML", "bad/c.json: is not JSON", *RULES_OF_A)
TRUNCATED = "truncated.parquet: is no Parquet file"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"generate --cluster empty {FLOWS}", ["`empty` holds no manifests"]),
        (f"generate --cluster none.yaml {FLOWS}", ["none.yaml: cannot be read: No such file"]),
        (f"generate --cluster binary.yaml {FLOWS}", ["binary.yaml: cannot be read: is not UTF-8 text"]),
        (
            "generate --cluster truncated.json --flows truncated.parquet --decisions decisions.yaml --ranges none",
            [
                "truncated.json: is not JSON",
                "decisions.yaml: `$.decisions[0].decision` `maybe` is no decision",
                TRUNCATED,
                "none: cannot be read: No such file",
            ],
        ),
        (f"generate {CLUSTER} --flows zero.parquet", ["zero.parquet: is no Parquet file"]),
        (f"generate {CLUSTER} --flows empty", ["`empty` holds no flows"]),
        (f"generate {CLUSTER} --flows none", ["`none` does not exist"]),
        (f"generate {CLUSTER} --flows cluster/all.json", ["cluster/all.json: is no Parquet file"]),
        (f"generate {CLUSTER} {FLOWS} --out good.yaml", ["good.yaml: cannot be written"]),
        (f"generate {CLUSTER} {FLOWS} --out two", ["two: holds `a.yaml`, which is not of these policies"]),
        (f"generate {CLUSTER} {FLOWS} --nonsense", ["unrecognized arguments: --nonsense"]),
        (f"generate {CLUSTER} {FLOWS} --merge-at {'9' * 5000}", ["argument --merge-at: "]),
        (f"replay {CLUSTER} --flows truncated.parquet --policies bad", [*BAD, TRUNCATED]),
        (f"replay {CLUSTER} {FLOWS} --policies two", ["two/b.yaml: NetworkPolicy orders/a: is also in two/a.yaml"]),
        (f"replay {CLUSTER} {FLOWS} --policies kinds", ["kinds/a.yaml: GlobalNetworkPolicy g: is not judged"]),
        (f"replay {CLUSTER} {FLOWS} --policies empty", ["`empty` holds no NetworkPolicy"]),
        (f"replay {CLUSTER} {FLOWS} --policies empty binary.yaml", ["binary.yaml: cannot be read"]),
        (
            f"replay {CLUSTER} {FLOWS} --policies laughs.yaml deep.yaml",
            [
                "laughs.yaml:6: its aliases stand for more than 100000 values",
                "deep.yaml:1: nested deeper than 64",
            ],
        ),
        (
            f"replay {CLUSTER} {FLOWS} --policies good.yaml --names names.yaml --decisions decisions.yaml",
            ["decisions.yaml: `$.decisions[0].decision`", "names.yaml: `$['api.example.com'][0]` `nowhere`"],
        ),
        ("coverage --cluster empty --flows none", ["`empty` holds no manifests", "`none` does not exist"]),
        (
            f"replay {CLUSTER} {FLOWS} --policies good.yaml --names empty --decisions empty",
            ["`empty` holds no decisions", "`empty` holds no names"],
        ),
        (f"coverage {CLUSTER} {FLOWS} --interval 0s", ["argument --interval: `0s` is no interval"]),
        (f"coverage {CLUSTER} {FLOWS} --interval {'9' * 5000}s", ["argument --interval: "]),
        (f"coverage {CLUSTER} {FLOWS} --threshold 101", ["argument --threshold: `101` is no whole number"]),
        (f"coverage {CLUSTER} {FLOWS} --threshold 1e400", ["argument --threshold: `1e400` is no whole number"]),
        (
            f"explain ui/gone nonsense {'9' * 5000} {CLUSTER}",
            ["is no port; write one such as 8080", "`ui/gone` is no pod or Service", "`nonsense` is no end"],
        ),
        (f"explain ui/ui-1 {DB} 80 {CLUSTER} --policies bad", [*BAD]),
        (f"lint {CLUSTER} --policies bad --flows truncated.parquet --names names.yaml", [*BAD, "names", TRUNCATED]),
        (f"lint {CLUSTER} --cni weave", ["argument --cni: invalid choice: 'weave'"]),
        (f"diff none bad {CLUSTER}", ["none: cannot be read: No such file", *BAD]),
        (f"diff two kinds {CLUSTER}", ["two/b.yaml: NetworkPolicy orders/a: is also in", "kinds/a.yaml: Global"]),
        ("verdicts --cases binary.yaml", ["binary.yaml:1: JSON is malformed"]),
        ("verdicts --cases cases.jsonl", ["cases.jsonl:2: Input data was truncated"]),
        ("verdicts --cases none", ["none: cannot be read: No such file"]),
    ],
    ids=lambda value: value[:70] if isinstance(value, str) else "",
)
def test_mistakes(words: str, told: list[str], files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in files.rglob("*")}
    assert main(["policy", *words.split()]) == 2
    captured = capsys.readouterr()
    lines = captured.err.removeprefix("fairway: ").splitlines()
    assert len(lines) == len(told), captured.err
    assert all(any(text in line for line in lines) for text in told), captured.err
    assert captured.out == ("" if "cases.jsonl" not in words else "\n")
    assert {path: path.stat().st_mtime_ns for path in files.rglob("*")} == before


def test_a_namespace_that_cannot_be_read_is_no_mistake_of_a_policy(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "cluster" / "more.yaml").write_text("{")
    assert main(["policy", "replay", "--cluster", "cluster", "--policies", "good.yaml", *FLOWS.split()]) == 2
    assert "is not a namespace" not in capsys.readouterr().err


@pytest.mark.parametrize(("column", "value"), [("client_address", "nowhere"), ("server_kind", "alien")])
@pytest.mark.parametrize("verb", ["generate", "replay", "coverage", "lint"])
def test_a_malformed_flow(verb: str, column: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = pq.read_table("flows.parquet")
    odd = pa.array([value] * len(table)).cast(table.schema.field(column).type)
    pq.write_table(table.set_column(table.column_names.index(column), column, odd), "odd.parquet")
    assert main(["policy", verb, "--cluster", "cluster", "--flows", "odd.parquet"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"fairway: odd.parquet: holds a malformed flow: column `{column}`: `{value}` ")
    assert error.count("\n") == 1
