"""Out into Parquet and back: the same flows, the same sums, a part by time and namespace, each file once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from fairway.hub.archive import Piece, export_flows, import_flows
from fairway.hub.database.embedded import Embedded
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.store import read_flows, write_flows
from fairway.kit.errors import UsageError
from support.answers import QUESTIONS, same
from support.flows import START_US, random_flows

FLOWS = random_flows(21, 1500)
COUNTED = np.random.default_rng(22).random(1500) < 0.6
START = datetime.fromtimestamp(START_US / 1e6, UTC)


@pytest.fixture
def base(tmp_path: Path) -> Iterator[FlowBase]:
    with filled(tmp_path / "first") as found:
        yield found


class filled:  # noqa: N801  # reads as what it gives
    """A store, with the flows unless `empty`."""

    def __init__(self, folder: Path, *, empty: bool = False) -> None:
        self._database, self._empty = Embedded(folder), empty

    def __enter__(self) -> FlowBase:
        base = FlowBase(self._database.__enter__())
        base.open()
        if not self._empty:
            base.append(FLOWS, COUNTED, "one")
        return base

    def __exit__(self, *_: object) -> None:
        self._database.__exit__(None, None, None)


def test_everything_out_and_in_again(tmp_path: Path) -> None:
    file = tmp_path / "all.parquet"
    with filled(tmp_path / "first") as base:
        assert export_flows(base, Piece(), file) == 1500
        before = {name: base.ask(question) for name, question in QUESTIONS.items()}
    with filled(tmp_path / "second", empty=True) as base:
        assert import_flows(base, [file]) == 1500
        assert import_flows(base, [file]) == 1500  # had already
        for name, question in QUESTIONS.items():
            same(name, base.ask(question), before[name])
    assert sorted(map(str, read_flows(file).to_pylist())) == sorted(map(str, FLOWS.to_pylist()))


def test_a_piece_of_time_and_namespace(base: FlowBase, tmp_path: Path) -> None:
    since, until = START + timedelta(minutes=30), START + timedelta(hours=2, minutes=10)
    file = tmp_path / "piece.parquet"
    rows = export_flows(base, Piece(since, until, ("data", "x'); DROP TABLE flows --")), file)
    wanted = [
        row
        for row in FLOWS.to_pylist()
        if since <= row["time_end"] < until and "data" in (row["client_namespace"], row["server_namespace"])
    ]
    assert rows == len(wanted) > 0
    assert sorted(map(str, read_flows(file).to_pylist())) == sorted(map(str, wanted))


def test_nothing_is_a_file_too(base: FlowBase, tmp_path: Path) -> None:
    assert export_flows(base, Piece(since=START + timedelta(days=9)), tmp_path / "none.parquet") == 0
    assert len(read_flows(tmp_path / "none.parquet")) == 0
    assert not list(tmp_path.glob(".*"))


def test_flows_that_no_hub_has_judged_count_once(base: FlowBase, tmp_path: Path) -> None:
    """A file of plain flows: where both ends report, the server's report counts."""
    file = tmp_path / "plain.parquet"
    write_flows(file, FLOWS)
    assert "counted" not in pq.read_schema(file).names
    import_flows(base, [file])
    told = base._database.query(
        "SELECT counted, count() AS n FROM flows WHERE reporter = 'client' AND server_kind = 'pod' "
        "GROUP BY counted ORDER BY counted"
    )
    assert [row["counted"] for row in told.to_pylist()] == [False, True]


def test_what_is_no_file_of_flows(base: FlowBase, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        import_flows(base, [tmp_path / "missing.parquet"])
    (tmp_path / "text").write_text("no")
    with pytest.raises(UsageError, match="no Parquet"):
        import_flows(base, [tmp_path / "text"])
    pq.write_table(FLOWS.select(["port"]), tmp_path / "port.parquet")
    with pytest.raises(UsageError, match="column `time_start` is missing"):
        import_flows(base, [tmp_path / "port.parquet"])
