"""An hour with a bad API server, on a clock that waits for nobody: how often it is asked, what is known after."""

import asyncio
import json
import selectors
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fairway.kube import watch as watching
from fairway.kube.access import Access
from fairway.kube.resources import WATCHED
from fairway.kube.watch import Pace, Watch
from fairway.kube.world import World
from fairway.wire.words import Mode

[PODS] = [resource for resource in WATCHED if resource.kind == "Pod"]
HOUR = 3600.0


class Clock(selectors.SelectSelector):
    """Where nothing is to be waited for but time, that is over at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


class Server:
    """Three pods, of which one is exchanged each minute. `state(now)`: well, away, slow or broken."""

    def __init__(self, loop: asyncio.AbstractEventLoop, turn: float) -> None:
        self.loop, self.turn = loop, turn
        self.asked: list[float] = []

    def state(self) -> str:
        now = self.loop.time()
        return "well" if now >= HOUR else ("away", "well", "broken", "well", "slow")[int(now / self.turn) % 5]

    def pods(self, minute: int) -> dict[str, dict[str, Any]]:
        names = [f"p{minute + offset}" for offset in range(3)]
        return {
            name: {
                "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(1000 + minute)},
                "spec": {"nodeName": "a", "containers": [{"name": "c"}]},
                "status": {"phase": "Running", "podIPs": [{"ip": f"10.0.{index}.{minute % 250 + 1}"}]},
            }
            for index, name in enumerate(names)
        }

    @property
    def minute(self) -> int:
        return int(self.loop.time() / 60)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(self.loop.time())
        state = self.state()
        if state == "away":
            raise httpx.ConnectError("connection refused")
        if state == "slow":
            await asyncio.sleep(25)
            raise httpx.ReadTimeout("no answer")
        if state == "broken":
            return httpx.Response(500, json={"message": "etcdserver: request timed out"})
        if request.url.params.get("watch"):
            since = int(request.url.params["resourceVersion"]) - 1000
            return httpx.Response(200, content=self.events(since))
        metadata = {"resourceVersion": str(1000 + self.minute)}
        return httpx.Response(200, json={"metadata": metadata, "items": list(self.pods(self.minute).values())})

    async def events(self, minute: int) -> AsyncIterator[bytes]:
        while self.state() == "well":
            while minute < self.minute:
                before, minute = self.pods(minute), minute + 1
                after = self.pods(minute)
                for kind, value in (
                    *(("DELETED", before[name]) for name in before.keys() - after.keys()),
                    *(("ADDED", after[name]) for name in after.keys() - before.keys()),
                ):
                    value["metadata"]["resourceVersion"] = str(1000 + minute)
                    yield json.dumps({"type": kind, "object": value}).encode() + b"\n"
            await asyncio.sleep(1)
        raise httpx.ReadError("reset")


async def an_hour(loop: asyncio.AbstractEventLoop, turn: float) -> tuple[Server, World, Watch]:
    server, world = Server(loop, turn), World()
    async with httpx.AsyncClient(base_url="http://api", transport=httpx.MockTransport(server.answer)) as connection:
        watch = Watch(PODS, world, connection, Access("http://api", trust=False), Pace())
        task = loop.create_task(watch.run())
        await asyncio.sleep(HOUR + 90)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return server, world, watch


@pytest.mark.parametrize("turn", [7.0, 45.0, 700.0])
def test_it_is_asked_ever_less_and_afterwards_all_is_known(turn: float, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    loop = asyncio.SelectorEventLoop(clock)
    monkeypatch.setattr(loop, "time", lambda: clock.now)
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock.now)
    server, world, watch = loop.run_until_complete(an_hour(loop, turn))
    loop.close()
    cluster, _ = world.sight(Mode.OFF)
    wanted = server.pods(int((HOUR + 90) / 60))
    assert {pod.name for pod in cluster.pods if pod.name in wanted} == wanted.keys()
    cluster, _ = world.sight(Mode.OFF)  # those that came and went meanwhile were seen that once
    assert {pod.name for pod in cluster.pods} == wanted.keys()
    assert world.warnings() == []
    asked = [at for at in server.asked if at < HOUR]
    turns = HOUR / turn
    assert len(asked) <= 6 * turns + HOUR / 15
    assert max(sum(at <= other < at + 60 for other in asked) for at in asked) <= 30
    assert watch.counts["failures"] >= min(turns / 5, 3)
