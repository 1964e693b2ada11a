"""What a rollout asks of the database, over flows whose answers plain Python knows, too."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from fairway.hub.database.embedded import Embedded
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.trials import rarest_use, tallies
from support.flows import START_US, random_flows

START = datetime.fromtimestamp(START_US / 1e6, UTC)
HOUR = timedelta(hours=1)


def flows_at(*moments: datetime, **fields: int | str) -> pa.Table:
    """One and the same client's flows to one server, each ending at a moment."""
    flows = random_flows(3, 400)
    [index, *_] = [
        number
        for number, row in enumerate(flows.to_pylist())
        if (row["client_kind"], row["kind"], row["reporter"], row["protocol"]) == ("pod", "flow", "client", "TCP")
    ]
    table = pa.concat_tables([flows.slice(index, 1)] * len(moments))
    given = {"time_end": list(moments), **{name: [value] * len(moments) for name, value in fields.items()}}
    for name, values in given.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))
    return table


@pytest.fixture
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowBase]:
    with Embedded(tmp_path_factory.mktemp("base")) as database:
        made = FlowBase(database)
        made.open()
        yield made


def put(base: FlowBase, flows: pa.Table, name: str) -> None:
    base.append(flows, np.ones(len(flows), np.bool_), name)


def test_the_slowest_connections_of_flows_are_not_lost_in_their_means(base: FlowBase) -> None:
    """Of 90 connections in each of ten flows one took a second, all others a millisecond."""
    times = [START + timedelta(seconds=5 * number) for number in range(10)]
    told = {"connect_count": 90, "connect_sum_us": 89_000 + 1_000_000, "connect_max_us": 1_000_000}
    put(base, flows_at(*times, connections=90, failed=2, **told), "slow")
    [row] = base.ask(tallies(START - HOUR, START + HOUR, timedelta(days=366), None)).to_pylist()
    assert (row["connections"], row["failed"], row["connects"]) == (900, 20, 900)
    assert row["connect_p99_us"] > 100_000


def test_use_in_neighbouring_hours_is_not_rare(base: FlowBase) -> None:
    noon = START.replace(minute=59, second=0, microsecond=0)
    put(base, flows_at(noon, noon + timedelta(minutes=2)), "often")
    since = START - timedelta(days=3)
    assert base.ask(rarest_use(since)).to_pylist() == [{"seconds": 0}]
    put(base, flows_at(noon + 26 * HOUR), "daily")
    assert base.ask(rarest_use(since)).to_pylist() == [{"seconds": 25 * 3600}]
