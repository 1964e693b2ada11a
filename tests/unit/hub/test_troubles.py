"""A full disk, damaged segments, clocks that are off: seen, and recovered from without loss."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pyarrow as pa
import pytest

from fairway.hub import loader
from fairway.hub.auth import Role
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.segments import Record, Segments
from fairway.wire import batch as wire
from fairway.wire.protocol import BatchId
from fairway.wire.words import Initiator
from support.hubs import Serving, serving, until
from support.reports import DB, ORDERS, SECOND, UI, report

ROOT = Path(__file__).parents[3]
HOUR = 3600 * SECOND


def ready(hub: Serving) -> list[str]:
    return httpx.get(f"{hub.door.url}/readyz", trust_env=False).text.splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk to fill is mounted, which needs root")
def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    told = subprocess.run(
        ["unshare", "--mount", sys.executable, "-m", "support.full_disk", str(tmp_path / "hub")],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-2000:]


def test_damaged_records_are_put_aside_and_the_others_counted(tmp_path: Path) -> None:
    at = time.time_ns() // 1000
    reports = [
        report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=number, connections=1, at=at) for number in range(1, 6)
    ]
    folder = tmp_path / "state" / "segments"
    closed: list[Path] = []
    segments = Segments(folder, lambda path, _: closed.append(path))
    segments.start()
    for one in reports:
        header = one.header
        identity = BatchId(header.node, header.boot, header.sequence)
        segments.keep(Record(identity, wire.encode(one)), 1).result(timeout=30)
    segments.close()
    content = bytearray(closed[0].read_bytes())
    content[len(content) // 2] ^= 0xFF  # in the third of five
    closed[0].write_bytes(bytes(content) + bytes(500))  # and a crash left zeros behind
    with serving(tmp_path) as hub:
        until(lambda: hub.answers.hub.agents.totals.batches == 4)
        until(lambda: hub.answers.hub.loader.damaged == 1)
        assert ready(hub)[0] == "ok"
        assert "1 records of segments were damaged" in ready(hub)[1]
        assert hub.told("kept as")
        assert [path.name for path in (folder / "damaged").iterdir()] == [closed[0].name]
        # The one that was lost is asked for again by nobody, but an agent that still has it may send it.
        hub.put(reports[2])
        assert hub.answers.hub.agents.totals.batches == 5


def test_clocks_that_are_off_are_told_and_nothing_counts_twice(tmp_path: Path) -> None:
    """node-b is an hour ahead, node-c an hour behind; each tells of its end of connections with the other."""
    now = time.time_ns() // 1000
    ahead, behind = now + HOUR, now - HOUR
    with serving(tmp_path) as hub:
        for sequence in (1, 2):
            sent = {"connections": 1, "sequence": sequence}
            hub.put(report(DB, ORDERS, 5432, Initiator.REMOTE, rx_bytes=100, at=behind, **sent))
            hub.put(report(ORDERS, DB, 5432, Initiator.POD, tx_bytes=100, at=ahead, **sent))
        told = ready(hub)
        assert told[0] == "ok"
        assert "node-b: its clock is 3" in told[1]
        assert "node-c: its last report came 3" in told[2]
        assert len(hub.answers.hub.receiver.clocks.warnings()) == 2
        rows = hub.answers.hub.base._database.query(
            "SELECT sumIf(sent_bytes, counted) AS bytes, count() AS flows FROM flows WHERE client_name = 'orders-1'"
        )
        assert rows.to_pylist() == [{"bytes": 200, "flows": 4}]
        [edge] = hub.answers.hub.base.edges()
        assert edge.sent_bytes == 200


def test_a_mistake_of_ours_is_told_and_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that cannot be named, nobody knows why: in the log, counted, put aside; the others go on."""

    def named_or_not(batches: list[wire.Batch], names: Names) -> pa.Table:
        if any(batch.header.sequence == 2 for batch in batches):
            raise ZeroDivisionError("of a test")
        return named(batches, names)

    with serving(tmp_path) as hub:
        monkeypatch.setattr(loader, "named", named_or_not)
        for sequence in (1, 2, 3):
            hub.post(report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=sequence, connections=1))
            until(lambda: not hub.answers.hub.segments.waiting())
        until(lambda: hub.answers.hub.agents.totals.batches == 2)
        assert hub.answers.hub.failures == {"database": 2}
        assert hub.told("ZeroDivisionError: of a test")
        assert len([*(tmp_path / "state" / "segments" / "damaged").iterdir()]) == 1
        until(lambda: ready(hub)[0] == "ok")
        token = hub.state.token(Role.OPERATOR).read_text()
        metrics = httpx.get(
            f"{hub.door.url}/metrics", headers={"Authorization": f"Bearer {token}"}, trust_env=False
        ).text
        assert 'fairway_hub_failures_total{part="database"} 2' in metrics
        assert "fairway_hub_damaged_records_total 1" in metrics
