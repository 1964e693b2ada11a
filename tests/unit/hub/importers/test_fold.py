"""Folding: sums are exact whatever is held at once, and what is held is bounded."""

import numpy as np
import pyarrow as pa
import pytest

from fairway.hub.edges import edges_of
from fairway.hub.importers import ends as ends_module
from fairway.hub.importers import fold as module
from fairway.hub.importers.ends import Ends, Words
from fairway.hub.importers.fold import Fold
from fairway.hub.importers.sight import SIGHT, Opener, Sights
from fairway.hub.importers.unknown import Unknown

SECOND = 1_000_000
T0 = 1_790_000_000 * SECOND


def chunk(ends: Ends, rng: np.random.Generator, rows: int, hosts: int) -> Sights:
    """Random connections among so many hosts, half of them told as replies."""
    sights = np.zeros(rows, SIGHT)
    numbers = ends.many([f"10.0.{host // 250}.{host % 250 + 1}" for host in range(hosts)])
    sights["source"], sights["target"] = numbers[rng.integers(hosts, size=(2, rows))]
    sights["start"] = sights["end"] = T0 + rng.integers(300, size=rows) * SECOND
    reply = rng.random(rows) < 0.5
    sights["opener"] = np.where(reply, Opener.TARGET, Opener.SOURCE)
    sights["source_port"], sights["target_port"] = np.where(reply, 80, 40000), np.where(reply, 40000, 80)
    sights["protocol"], sights["connections"] = 6, 1
    sights["sent_packets"], sights["sent_bytes"] = 1, rng.integers(1, 1000, size=rows)
    return sights


def folded(bound: int, monkeypatch: pytest.MonkeyPatch, ends_bound: int = 1 << 18) -> tuple[list[pa.Table], int]:
    monkeypatch.setattr(module, "MAX_ROWS", bound)
    monkeypatch.setattr(ends_module, "MAX_ENDS", ends_bound)
    tables: list[pa.Table] = []
    ends, rng, sent = Ends(), np.random.default_rng(7), 0
    fold = Fold(ends, Words(), 60 * SECOND, tables.append, Unknown())
    for _ in range(20):
        sights = chunk(ends, rng, 500, 30)
        sent += int(sights["sent_bytes"].sum())
        fold.add(sights)
        assert fold._held <= bound + 500
    fold.flush()
    assert fold.rows == sum(map(len, tables))
    return tables, sent


def test_bounds_change_nothing_in_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, sent = folded(1 << 19, monkeypatch)
    assert len(whole) == 1
    expected = edges_of(whole[0])
    assert sum(edge.sent_bytes + edge.received_bytes for edge in expected) == sent
    for tables, _ in (folded(1000, monkeypatch), folded(1 << 19, monkeypatch, ends_bound=10)):
        assert len(tables) > 1
        assert edges_of(pa.concat_tables(tables)) == expected


def test_a_row_stands_for_one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    (table,), _ = folded(1 << 19, monkeypatch)
    starts = set(table["time_start"].cast(pa.int64()).to_pylist())
    assert starts == {T0 // (60 * SECOND) * 60 * SECOND + minute * 60 * SECOND for minute in range(6)} & starts
    assert len(starts) >= 5
    lengths = pa.compute.subtract(table["time_end"].cast(pa.int64()), table["time_start"].cast(pa.int64()))
    assert set(lengths.to_pylist()) == {60 * SECOND}
