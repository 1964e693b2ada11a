"""All agents of a simulated cluster, from one process: batches over HTTP to a hub, at a steady rate."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Final

import httpx
from world import Size, World

from fairway.hub.client import read_door
from fairway.hub.state import State
from fairway.wire import batch as wire
from fairway.wire.protocol import CONTENT_TYPE, FLOWS_PATH, BatchId

_CONNECTIONS: Final = 32
_INTERVAL: Final = 30


def main() -> int:
    """Print what was acknowledged, and how long acknowledgements took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--pods", type=int, required=True)
    parser.add_argument("--workloads", type=int, required=True)
    parser.add_argument("--flows", type=int, required=True, help="of each agent and interval")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, required=True, help="rows a second of all agents together")
    options = parser.parse_args()
    world = World(Size(options.nodes, options.pods, options.workloads, calls=10))
    json.dump(asyncio.run(send(world, options)), sys.stdout)
    return 0


async def send(world: World, options: argparse.Namespace) -> dict[str, float]:
    """Node after node, each with its next batch, behind as many connections as a load balancer would hold."""
    state = State(options.state)
    door = read_door(state)
    assert door
    token = state.token("agent").read_text()
    took: list[float] = []
    rows = retries = 0
    begin, number = time.monotonic(), 0
    due: asyncio.Queue[int] = asyncio.Queue(maxsize=_CONNECTIONS)

    async def agent(client: httpx.AsyncClient) -> None:
        nonlocal rows, retries
        while (turn := await due.get()) >= 0:
            node, sequence = turn % world.size.nodes, turn // world.size.nodes + 1
            batch = world.batch(node, sequence, _now(), _INTERVAL, options.flows)
            headers = {
                **BatchId(batch.header.node, batch.header.boot, sequence).headers(),
                "Authorization": f"Bearer {token}",
                "Content-Type": CONTENT_TYPE,
            }
            content = wire.encode(batch)
            while True:
                started = time.monotonic()
                answer = await client.post(FLOWS_PATH, content=content, headers=headers)
                if answer.status_code == 200:
                    break
                retries += 1
                await asyncio.sleep(1)
            took.append(time.monotonic() - started)
            rows += len(batch.rows)

    async with httpx.AsyncClient(base_url=door.url, trust_env=False, timeout=60) as client:
        agents = [asyncio.create_task(agent(client)) for _ in range(_CONNECTIONS)]
        per = min(options.flows, max(map(len, world.rows)))
        while time.monotonic() - begin < options.seconds:
            wait = begin + number * per / options.rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            await due.put(number)
            number += 1
        for _ in agents:
            await due.put(-1)
        await asyncio.gather(*agents)
    seconds = time.monotonic() - begin
    took.sort()
    return {
        "rows": rows,
        "batches": number,
        "seconds": seconds,
        "rows_per_second": rows / seconds,
        "retries": retries,
        "receipt_ms_p50": took[len(took) // 2] * 1e3,
        "receipt_ms_p95": took[len(took) * 95 // 100] * 1e3,
        "cpu_seconds": time.process_time(),
    }


def _now() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    sys.exit(main())
