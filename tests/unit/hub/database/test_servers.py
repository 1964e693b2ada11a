"""Two real shards answer every question as the embedded store does; one of them alone answers nothing."""

import os
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fairway.hub.database.embedded import Embedded
from fairway.hub.database.errors import DatabaseError
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.migrations import MIGRATIONS
from fairway.hub.database.question import Question
from fairway.hub.database.servers import Servers, parse_address
from fairway.hub.ledger import Ledger
from fairway.kit.errors import UsageError
from fairway.wire.protocol import BatchId
from fairway.wire.words import Initiator
from support.answers import BESIDE, QUESTIONS, note_beside, same
from support.clickhouse import Node, address
from support.flows import random_flows
from support.reports import DB, ORDERS, report

ROWS, TIMES = 2000, 10
"""Flows that are made, and how often they come in one segment, a second later each time."""
SEGMENTS = int(os.environ.get("FAIRWAY_SHARD_ROWS", "200000")) // (ROWS * TIMES)
ALL = ROWS * TIMES * SEGMENTS
FLOWS = random_flows(5, ROWS)
COUNTED = np.random.default_rng(6).random(ROWS) < 0.6
EVERY = {**QUESTIONS, **BESIDE}


def later(seconds: int) -> pa.Table:
    """The flows so many seconds later."""
    moved, step = FLOWS, pa.scalar(seconds * 1_000_000, pa.duration("us"))
    for name in ("time_start", "time_end", "first_seen", "last_seen"):
        at = FLOWS.schema.get_field_index(name)
        moved = moved.set_column(at, FLOWS.schema.field(at), pc.add(FLOWS[name], step))
    return moved


def fill(base: FlowBase) -> None:
    """The same flows again and again, some segments twice."""
    base.open()
    counted = np.tile(COUNTED, TIMES)
    for number in range(SEGMENTS):
        flows = pa.concat_tables([later(number * TIMES + time) for time in range(TIMES)])
        base.append(flows, counted, f"part-{number}")
        if number % 5 == 0:
            base.append(flows, counted, f"part-{number}")  # as a crash repeats it
    note_beside(base)
    for sequence in (1, 2, 4):
        header = report(ORDERS, DB, 5432, Initiator.POD, sequence=sequence).header
        identity = BatchId(header.node, header.boot, header.sequence)
        base.remember([(identity, header, 1)], f"batch-{sequence}")


@pytest.fixture(scope="module")
def base(shards: list[Node]) -> Iterator[FlowBase]:
    with Servers(parse_address(address(shards))) as database:
        base = FlowBase(database)
        fill(base)
        yield base


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowBase]:
    with Embedded(tmp_path_factory.mktemp("alone")) as database:
        base = FlowBase(database)
        fill(base)
        yield base


@pytest.mark.parametrize("name", EVERY)
def test_two_shards_answer_as_one_store(base: FlowBase, alone: FlowBase, name: str) -> None:
    same(name, base.ask(EVERY[name]), alone.ask(EVERY[name]))


def test_both_shards_hold_a_part(base: FlowBase) -> None:
    held = [answer["n"][0].as_py() for answer in base._database.each("SELECT count() AS n FROM flows_here")]
    assert min(held) > 0
    assert sum(held) == ALL


def test_who_reported_is_the_same(base: FlowBase, alone: FlowBase) -> None:
    assert base.agents() == alone.agents()
    assert base.ledger() == alone.ledger() != Ledger()


def test_opening_again_changes_nothing(shards: list[Node], base: FlowBase) -> None:
    with Servers(parse_address(address(shards[::-1]))) as database:
        again = FlowBase(database)
        again.open()
        assert again.ask(Question("SELECT count() AS n FROM flows"))["n"].to_pylist() == [ALL]


def test_a_dead_shard_is_an_error_and_what_was_tried_goes_in_once(shards: list[Node], base: FlowBase) -> None:
    """The last test here: it kills a node."""
    shards[1].kill()
    for question in EVERY.values():
        with pytest.raises(DatabaseError) as refused:
            base.ask(question)
        assert "\n" not in str(refused.value)
    late = [f"late-{number}" for number in range(6)]
    failed = []
    for token in late:
        try:
            base.append(FLOWS, COUNTED, token)
        except DatabaseError:
            failed.append(token)
    assert failed
    assert len(failed) < len(late)
    shards[1].start(shards)
    for token in late:
        base.append(FLOWS, COUNTED, token)
    assert base.ask(Question("SELECT count() AS n FROM flows"))["n"].to_pylist() == [ALL + ROWS * len(late)]


@pytest.mark.parametrize(
    "text",
    [
        "clickhouse://host",
        "http://host/fairway",
        "clickhouse://user:secret@host/fairway",
        "clickhouse://host/fair way",
        "clickhouse://host/fairway?cluster=a'b",
        "clickhouse://host/fairway?shards=2",
        "clickhouse://host/fairway?replicated=1",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)


def test_an_address() -> None:
    told = parse_address("clickhouse://fair@a,b:9000/flows?cluster=prod-eu&secure=1")
    assert told.hosts == ("a:8123", "b:9000")
    assert (told.user, told.database, told.layout.cluster, told.secure) == ("fair", "flows", "prod-eu", True)


def test_nobody_there() -> None:
    with (
        pytest.raises(DatabaseError, match="cannot be reached"),
        Servers(parse_address("clickhouse://127.0.0.1:1/x")),
    ):
        pass


def test_replicas_share_a_path_in_the_keeper() -> None:
    """The statements for a cluster with a Keeper are templates: no test here has one to run them on."""
    layout = parse_address("clickhouse://a/x?cluster=prod&replicated=1").layout
    statements = [statement for step in MIGRATIONS for statement in step(layout)]
    made = [statement for statement in statements if isinstance(statement, str)]  # what is put in is shared anyway
    assert all(" ON CLUSTER 'prod'" in statement for statement in made)
    engines = [statement for statement in made if "ORDER BY" in statement]
    assert all(
        "ReplicatedMergeTree('/clickhouse/tables/{shard}/" in one or "ReplicatedAggregating" in one
        for one in engines
    )
    assert all(" replicated_deduplication_window" in one for one in engines)
