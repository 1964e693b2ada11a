"""A hub whose database is on two shards: one goes away, reports wait on disk, and go in once when it is back."""

import time
from pathlib import Path

import httpx

from fairway.wire.words import Initiator
from support.clickhouse import Node, address
from support.hubs import Serving, serving, until
from support.reports import ORDERS, UI, report


def told(number: int):
    at = time.time_ns() // 1000
    return report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=number, connections=number, at=at)


def status(hub: Serving) -> int:
    return httpx.get(f"{hub.door.url}/readyz", trust_env=False).status_code


def test_a_shard_that_is_down_for_a_while(tmp_path: Path, shards: list[Node]) -> None:
    with serving(tmp_path, store=address(shards, "down")) as hub:
        hub.put(told(1))
        assert status(hub) == 200
        shards[1].kill()
        sequence = 1
        while status(hub) == 200:  # until a segment was for that shard
            sequence += 1
            assert sequence < 60
            assert hub.post(told(sequence)).status_code == 200
            until(lambda: not hub.answers.hub.segments.waiting() or status(hub) != 200)
        waiting = len(hub.answers.hub.segments.waiting())
        assert waiting > 0
        sequence += 1
        assert hub.post(told(sequence)).status_code == 200  # kept on disk, and said so
        shards[1].start(shards)
        until(lambda: hub.answers.hub.agents.totals.batches == sequence)
        until(lambda: status(hub) == 200)
        numbers = sorted(hub.answers.hub.base.flows()["connections"].to_pylist())
        assert numbers == list(range(1, sequence + 1))
