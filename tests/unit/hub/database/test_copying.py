"""A store moved onto two shards answers as it did, takes new flows, and is taken once."""

from collections.abc import Iterator

import numpy as np
import pytest

from fairway.hub.database.copying import copy
from fairway.hub.database.embedded import Embedded
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.servers import Servers, parse_address
from fairway.hub.database.upkeep import held, troubles
from fairway.kit.errors import UsageError
from support.answers import BESIDE, QUESTIONS, note_beside, same
from support.clickhouse import Node, address
from support.flows import random_flows

FLOWS = random_flows(11, 2000)
COUNTED = np.random.default_rng(12).random(2000) < 0.6


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("source")) as database:
        base = FlowBase(database)
        base.open()
        base.append(FLOWS, COUNTED, "one")
        note_beside(base)
        # Sums outlive flows.
        database.execute(
            "ALTER TABLE flows DELETE WHERE cityHash64(client_address) % 2 SETTINGS mutations_sync = 1"
        )
        yield database


def test_a_copy_answers_as_its_source(source: Embedded, shards: list[Node]) -> None:
    told: list[str] = []
    with Servers(parse_address(address(shards, "copied"))) as target:
        copied = copy(source, target, told.append)
        assert copied["flows"] == FlowBase(source).flows().num_rows
        assert len(told) == len(copied)
        before, after = FlowBase(source), FlowBase(target)
        for name, question in {**QUESTIONS, **BESIDE}.items():
            same(name, after.ask(question), before.ask(question))
        with pytest.raises(UsageError, match="no hub has used"):
            copy(source, target, told.append)
        # And the views are there: new flows fill every table but those that are not made of flows.
        sums = {one.table: one.rows for one in held(target)}
        after.append(random_flows(13, 500), np.ones(500, bool), "new")
        beside = {"batches", "names_asked", "limits"}
        assert all(one.rows > sums[one.table] for one in held(target) if one.table not in beside)


def test_a_copy_that_was_interrupted_is_begun_again(source: Embedded, shards: list[Node]) -> None:
    class StoppedError(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("edges_1m"):
            raise StoppedError

    with Servers(parse_address(address(shards, "again"))) as target:
        with pytest.raises(StoppedError):
            copy(source, target, stop)
        copied = copy(source, target, lambda _: None)
        assert {one.table: one.rows for one in held(target)}["flows"] == copied["flows"]
        assert any("edges_1m" in line for line in troubles(target))  # as in the source: its flows were taken away
