"""Bins out of stored flows: both agents' reports of one connection are one sighting."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from fairway.hub.columns import SCHEMA
from fairway.hub.incidence import losses_at, watch_of
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.kit.documents import read_documents
from fairway.policy.read import read_cluster
from fairway.wire import batch as wire
from fairway.wire.words import Initiator
from support.hubs import serving
from support.reports import DB, ORDERS, ORDERS_SERVICE, SECOND, T0, UI, report, write_cluster

MINUTE = 60 * SECOND


@pytest.fixture
def names(tmp_path: Path) -> Names:
    found = Names()
    cluster = read_cluster(read_documents([write_cluster(tmp_path / "cluster")])).cluster
    found.observe(cluster, T0)
    return found


def answered(at: int) -> dict[str, int]:
    return {"connections": 1, "tx_packets": 3, "rx_packets": 3, "at": at}


def test_bins_of_an_edge_are_those_of_both_its_reports(names: Names) -> None:
    told = [
        named([report(DB, ORDERS, 5432, Initiator.REMOTE, **answered(T0))], names),
        named([report(ORDERS, DB, 5432, Initiator.POD, **answered(T0))], names),
        named([report(ORDERS, DB, 5432, Initiator.POD, **answered(T0 + 3 * MINUTE))], names),
        named([report(UI, ORDERS_SERVICE, 80, Initiator.POD, **answered(T0 + 5 * MINUTE))], names),
    ]
    watch = watch_of(pa.concat_tables(told), timedelta(minutes=1))
    assert watch.watched == (0, 3, 5)
    assert watch.start.timestamp() % 60 == 0
    assert watch.observed <= timedelta(minutes=3)
    assert {(s.edge.client.name, s.edge.port): s.bins for s in watch.sightings} == {
        ("orders-1", 5432): (0, 3),
        ("ui-1", 80): (5,),
    }


def test_a_report_with_ends_the_other_way_round_counts_too(names: Names) -> None:
    told = [
        named([report(DB, ORDERS, 5432, Initiator.REMOTE, **answered(T0))], names),
        named([report(DB, ORDERS, 5432, Initiator.UNKNOWN, **answered(T0 + MINUTE))], names),
    ]
    found = watch_of(pa.concat_tables(told), timedelta(minutes=1)).sightings
    assert [one.bins for one in found if one.edge.client.name == "orders-1"] == [(0, 1)]


def test_no_flows_no_bins() -> None:
    watch = watch_of(SCHEMA.empty_table(), timedelta(hours=1))
    assert (watch.watched, watch.sightings, watch.observed) == ((), (), timedelta())


def test_losses_are_what_agents_counted_and_batches_that_never_came(tmp_path: Path) -> None:
    assert losses_at(tmp_path) is None
    with serving(tmp_path) as hub:
        told = report(DB, ORDERS, 5432, Initiator.REMOTE)
        lossy = msgspec.structs.replace(told.header, losses={"events_lost": 2, "flows_full": 1})
        late = report(DB, ORDERS, 5432, Initiator.REMOTE, sequence=4)
        hub.put(told, wire.Batch(msgspec.structs.replace(lossy, sequence=2), told.rows), late)
        hub.put(wire.Batch(msgspec.structs.replace(lossy, sequence=6), told.rows))
        assert losses_at(hub.state.folder) == {"node-c": 3 + 2}
