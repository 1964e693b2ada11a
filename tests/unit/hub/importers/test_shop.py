"""From foreign records to proven policies: each format's records of one shop give the policies its edges give."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from fairway.cli.main import main
from fairway.policy.generate import Options, generate
from fairway.policy.render import render
from support import records
from support.records import Conn
from support.shop import objects, shop, traffic

SHOP = shop()
WANTED = [Conn(e.client.address, e.server.address, e.port, e.protocol) for e in traffic(SHOP)]
UI, ORDERS, INTRUDER = "10.0.1.131", "10.0.1.141", "10.0.2.190"
UNWANTED = [
    Conn(INTRUDER, "10.0.1.160", 5432, denied=True),
    Conn(INTRUDER, ORDERS, 9999, answered=False),
]
WRITERS: dict[str, Callable[[Iterable[Conn]], Iterator[str]]] = {
    "vpc-flow-log": records.vpc,
    "vpc-cni": records.cni,
    "hubble": lambda conns: records.hubble(conns, SHOP),
    "calico": lambda conns: records.calico(conns, SHOP),
    "netobserv": records.netobserv,
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "all.json"
    path.write_text(json.dumps({"kind": "List", "items": objects()}))
    return path


def rules(files: dict[str, str]) -> dict[str, str]:
    """The manifests without their comments, which quote counters and times."""
    return {
        name: "\n".join(line.partition("  #")[0] for line in text.splitlines() if not line.lstrip().startswith("#"))
        for name, text in files.items()
    }


@pytest.mark.parametrize("form", WRITERS)
def test_records_become_policies_that_deny_nothing_seen(
    form: str, cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unwanted = [conn for conn in UNWANTED if conn.denied or form != "vpc-cni"]  # its log knows of no answers
    source = records.written(tmp_path / "records", WRITERS[form]([*WANTED, *unwanted]))
    flows, policies = tmp_path / "flows.parquet", tmp_path / "policies"
    assert main(["import", "auto", str(source), "--cluster", str(cluster), "--out", str(flows)]) == 0
    assert (
        main(["policy", "generate", "--flows", str(flows), "--cluster", str(cluster), "--out", str(policies)]) == 0
    )
    expected = rules(render(generate(traffic(SHOP), SHOP, Options())))
    assert rules({path.name: path.read_text() for path in policies.iterdir()}) == expected
    capsys.readouterr()
    replay = ["policy", "replay", "--flows", str(flows), "--cluster", str(cluster), "--policies", str(policies)]
    assert main([*replay, "--output", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["passed"]
    assert result["judged"] >= len(WANTED)
    assert [(b["client"], b["port"]) for b in result["already_denied"]] == [("dev/intruder", 5432)]
    assert [b["port"] for b in result["unanswered"]] == [9999] * (form != "vpc-cni")
