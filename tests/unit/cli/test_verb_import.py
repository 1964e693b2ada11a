"""`fairway import` as a person runs it."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fairway.cli.main import main
from fairway.cli.verb_import import FORMATS
from fairway.hub.importers.formats import READERS
from fairway.hub.store import read_edges
from fairway.policy.model import Cluster
from support.hubs import serving, until
from support.records import Conn, calico, hubble, netobserv, vpc, written

LINES = list(vpc([Conn("10.0.1.5", "10.0.2.6", 8080)]))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path / "flow.log", [*LINES, "nonsense"])


def test_the_choice_is_the_formats_there_are() -> None:
    assert ("auto", *READERS) == FORMATS


def test_what_is_told(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "auto", str(log), "--out", str(tmp_path / "flows.parquet")]) == 0
    out, error = capsys.readouterr()
    assert out.splitlines()[1].split() == [str(log), "vpc-flow-log", "12", "10", "10", "1"]
    assert out.splitlines()[2] == (
        f"1 flows, 2026-09-21 14:13:20 to 2026-09-21 14:13:33 UTC, in {tmp_path / 'flows.parquet'}"
    )
    assert error == f"{log}: 1 not used: a record of 1 fields where the log has 18 (line 12)\n"


def test_the_same_as_json(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "vpc-flow-log", str(log), "--output", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["flows"], result["out"]) == (1, None)
    (file,) = result["files"]
    assert (file["lines"], file["records"], file["used"]) == (12, 10, 10)
    assert file["not_used"] == [
        {"reason": "a record of 1 fields where the log has 18", "count": 1, "first_lines": [12]}
    ]


def test_into_a_hub_once(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path) as hub:
        for _ in range(2):
            assert main(["import", "auto", str(log), "--state", str(hub.state.folder)]) == 0
            until(lambda: not list(hub.state.imports.iterdir()))
        assert [edge.connections for edge in read_edges(hub.state.folder)] == [5]
        (hub.state.imports / "odd.parquet").write_bytes(b"odd")
        until(lambda: hub.told("odd.parquet: is no Parquet file"))
        capsys.readouterr()
        assert main(["edges", "--state", str(hub.state.folder)]) == 0
        assert "10.0.2.6" in capsys.readouterr().out


def test_several_files_gzip_and_standard_input(tmp_path: Path) -> None:
    content = "\n".join(LINES).encode()
    (tmp_path / "log.gz").write_bytes(gzip.compress(content))
    out = tmp_path / "flows.parquet"
    command = [sys.executable, "-m", "fairway.cli.main", "import", "auto", tmp_path / "log.gz", "-", "--out", out]
    done = subprocess.run(command, input=gzip.compress(content), capture_output=True, check=True)
    assert [edge.connections for edge in read_edges(out)] == [10]
    assert b"stdin" in done.stdout


OUTSIDE = [Conn("10.0.1.5", "10.0.2.6", 8080)]
HUBBLE, CALICO = (json.loads(next(writer(OUTSIDE, Cluster()))) for writer in (hubble, calico))
HUBBLE["flow"]["certainty"] = [0.9]
NETOBSERV = json.loads(next(netobserv(OUTSIDE)))
VPC_LOG = [f"{line} {'vpc-1 -' if number else 'vpc-id subnet-id'}" for number, line in enumerate(LINES)]


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ([json.dumps(HUBBLE)], {"certainty": [0.9]}),
        ([json.dumps({**NETOBSERV, "Colour": {"r": 1}})], {"Colour": {"r": 1}}),
        ([json.dumps({**CALICO, "tenant": "a"})], {"tenant": "a"}),
        (VPC_LOG, {"vpc-id": "vpc-1"}),
        ([*VPC_LOG, "nonsense"], {"vpc-id": "vpc-1"}),
    ],
    ids=["hubble", "netobserv", "calico", "vpc-flow-log", "a line that does not fit"],
)
def test_fields_without_a_column_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str], kept: dict[str, object]
) -> None:
    out = tmp_path / "flows.parquet"
    assert main(["import", "auto", str(written(tmp_path / "log", lines)), "--out", str(out)]) == 0
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "kept as `unknown_fields`" in line]
    assert kept.keys() <= set(told.rpartition(": ")[2].split(", "))
    assert main(["flows", str(out), "--output", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows
    assert all(kept == {name: row["unknown_fields"][name] for name in kept} for row in rows)
    assert main(["flows", str(out)]) == 0
    assert main(["edges", str(out), "--output", "json"]) == 0
    assert "not classified" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        ("", ["auto"], "is of no known format"),
        ("hello\n", ["auto"], "is of no known format"),
        ("hello\n", ["hubble"], "no record could be used: not JSON"),
        ("", ["hubble"], "no record could be used: there is no record in it"),
        (LINES[1], ["vpc-flow-log", "--fields", "bytes"], "--fields `bytes` names no address"),
        ("PAR1xxxx", ["auto"], "cannot be read as Parquet"),
    ],
)
def test_nothing_usable_is_exit_2_in_one_line_and_leaves_nothing(
    content: str, words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = written(tmp_path / "x.log", [content] if content else []), tmp_path / "out" / "flows.parquet"
    out.parent.mkdir()
    form, *rest = words
    assert main(["import", form, str(source), *rest, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(out.parent.iterdir()) == []


SHARED = Path(__file__).parents[4] / "shared/data"
FOLDERS = {
    "hubble": "hubble",
    "calico": "calico",
    "aws-network-policy-agent": "vpc-cni",
    "aws-vpc-flow": "vpc-flow-log",
    "netobserv": "netobserv",
}
USELESS = {
    "tigera-docs-flowlogs.jsonl": "no time",
    "awsdocs-v3-natgw.log": "the log has no field dstport, protocol, srcport",
}


@pytest.mark.skipif(not SHARED.is_dir(), reason="real samples are not beside the repository")
@pytest.mark.parametrize("folder", FOLDERS)
def test_real_samples(folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for sample in sorted((SHARED / folder).iterdir()):
        out = tmp_path / "flows.parquet"
        code = main(["import", "auto", str(sample), "--out", str(out), "--output", "json"])
        printed, error = capsys.readouterr()
        if sample.name in USELESS:
            assert (code, USELESS[sample.name] in error) == (2, True)
            continue
        assert code == 0
        (file,) = json.loads(printed)["files"]
        assert file["format"] == FOLDERS[folder]
        assert file["used"] > 0
        assert file["used"] + sum(one["count"] for one in file["not_used"]) >= file["records"]
        assert read_edges(out)
