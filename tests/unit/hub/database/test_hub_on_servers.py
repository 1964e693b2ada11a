"""A hub whose database is on two shards: one goes away, reports wait on disk, and go in once when it is back."""

import time
from pathlib import Path

import httpx
import pytest

from fairway.hub.database.claim import LATELY, Claim
from fairway.hub.database.servers import Servers, parse_address
from fairway.kit.errors import UsageError
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


def test_two_hubs_do_not_share_a_database(tmp_path: Path, shards: list[Node]) -> None:
    place = address(shards, "claimed")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with serving(tmp_path / "one", store=place) as hub:
        hub.put(told(1))
        with pytest.raises(UsageError, match=r"another hub .* works with this database; stop it"):
            serving(tmp_path / "two", store=place).__enter__()
        hub.put(told(2))
    with serving(tmp_path / "two", store=place) as other:  # the first one has said that it is gone
        other.put(told(3))
    with serving(tmp_path / "two", store=place, clean=False):  # its own word is no other's
        pass
    with Servers(parse_address(place)) as database:
        Claim(database, "crashed").take()
        with pytest.raises(UsageError, match=rf"start again in ({LATELY}|{LATELY - 1}|9\d) s"):
            Claim(database, "next").take()
        long_ago = f"now64(3) - {LATELY + 1}"
        database.execute("TRUNCATE TABLE hubs_here")
        database.execute(f"INSERT INTO hubs_here (hub, state, at) SELECT 'crashed', 'here', {long_ago}")
        Claim(database, "next").take()
