"""`fairway store` as a person runs it, on the state folder of a hub that was stopped."""

import json
import time
from pathlib import Path

import pytest

from fairway.cli.main import main
from fairway.wire.words import Initiator
from support.hubs import serving
from support.reports import ORDERS, UI, report


@pytest.fixture
def state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    at = time.time_ns() // 1000
    with serving(tmp_path) as hub:
        hub.put(
            *(
                report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=number, rx_bytes=10, connections=1, at=at)
                for number in (1, 2, 3)
            )
        )
        # While the hub runs, its database is its own.
        assert main(["store", "check", "--state", str(hub.state.folder)]) == 2
        assert "has this database open" in capsys.readouterr().err
    return tmp_path / "state"


def test_the_whole_verb(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "check", "--state", str(state), "--output", "json"]) == 0
    held = {row["table"]: row for row in json.loads(capsys.readouterr().out)}
    assert held["flows"]["rows"] == 3
    assert held["edges_1h"]["bytes"] > 0
    file = tmp_path / "out.parquet"
    assert (
        main(["store", "export", str(file), "--state", str(state), "--namespace", "orders", "--since", "1h"]) == 0
    )
    assert capsys.readouterr().out == f"{file}: 3 flows\n"
    assert main(["store", "compact", "--state", str(state)]) == 0
    assert "before" in capsys.readouterr().out
    empty = f"chdb://{tmp_path / 'other'}"
    assert main(["store", "import", str(file), "--store", empty]) == 0
    assert capsys.readouterr().out == "3 flows\n"
    assert main(["store", "check", "--store", empty]) == 0
    assert "flows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["store", "check", "--store", "mysql://x"], "`mysql://x` is no database"),
        (["store", "check", "--store", "clickhouse://127.0.0.1:1/x"], "cannot be reached"),
        (["store", "export", "x", "--since", "soon"], "`soon` is no duration"),
        (["store", "migrate", "chdb:///x", "--state", "/"], "one process opens one folder"),
    ],
)
def test_mistakes(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
