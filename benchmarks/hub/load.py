"""All agents of a simulated cluster, from one process: batches over HTTP to a hub, at a steady rate.

Each agent's batch is made once and gets new times, counters and its number each time it is sent, in place: what an
agent's own work costs its node is not the hub's.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from world import Size, World

from fairway.hub.client import read_door
from fairway.hub.state import State
from fairway.wire import batch as wire
from fairway.wire.protocol import CONTENT_TYPE, FLOWS_PATH, BatchId

_CONNECTIONS: Final = 64
_INTERVAL: Final = 30
_FIRST: Final = 1_000_000_000
"""Sequences from here on have one length for long."""


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
    parser.add_argument("--boot", required=True, help="of all agents; another one for each run")
    options = parser.parse_args()
    world = World(Size(options.nodes, options.pods, options.workloads, spread=4))
    agents = [_Agent(world, node, options.boot, options.flows) for node in range(options.nodes)]
    del world
    json.dump(asyncio.run(send(agents, options)), sys.stdout)
    return 0


class _Agent:
    """A node's batch as bytes, and the places in it that change."""

    def __init__(self, world: World, node: int, boot: str, flows: int) -> None:
        batch = world.batch(node, _FIRST, time.time_ns() // 1000, _INTERVAL, flows, boot)
        self.node, self.boot, self.rows, self._sequence = batch.header.node, boot, len(batch.rows), _FIRST
        self._end = batch.header.end_us
        self._content = bytearray(wire.encode(batch))
        self._places = {
            name: self._content.index(f'"{name}":'.encode()) + len(name) + 3
            for name in ("sequence", "start_us", "end_us")
        }
        self._times = [self._column(batch.rows[name]) for name in ("first_us", "last_us")]
        self._bytes = [
            (self._column(batch.rows[name]), batch.rows[name].copy()) for name in ("tx_bytes", "rx_bytes")
        ]

    def _column(self, values: NDArray[Any]) -> NDArray[Any]:
        at = self._content.index(values.tobytes())
        return np.frombuffer(self._content, values.dtype, len(values), at)

    def request(self, host: str, token: str, rng: np.random.Generator) -> bytes:
        """Its next report, of the interval that ends now."""
        self._sequence += 1
        end = time.time_ns() // 1000
        for times in self._times:
            times += end - self._end
        self._end = end
        for column, mean in self._bytes:
            column[:] = mean + rng.integers(0, mean // 2 + 1)
        told = {"sequence": self._sequence, "start_us": end - _INTERVAL * 1_000_000, "end_us": end}
        for name, value in told.items():
            digits, at = str(value).encode(), self._places[name]
            self._content[at : at + len(digits)] = digits
        headers = {
            **BatchId(self.node, self.boot, self._sequence).headers(),
            **{"Host": host, "Authorization": f"Bearer {token}", "Content-Type": CONTENT_TYPE},
            "Content-Length": str(len(self._content)),
        }
        lines = (f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {FLOWS_PATH} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + self._content


async def send(agents: list[_Agent], options: argparse.Namespace) -> dict[str, Any]:
    """Node after node, each with its next batch, over as many connections as a load balancer would hold."""
    state = State(options.state)
    door = read_door(state)
    assert door
    url, token = urlsplit(door.url), state.token("agent").read_text()
    rng = np.random.default_rng(1)
    took: list[float] = []
    rows = retries = number = 0
    due: asyncio.Queue[_Agent | None] = asyncio.Queue(maxsize=_CONNECTIONS)

    async def connection() -> None:
        nonlocal rows, retries
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        while (agent := await due.get()) is not None:
            content = agent.request(url.netloc, token, rng)
            while True:
                started = time.monotonic()
                writer.write(content)
                if await _status(reader) == 200:
                    break
                retries += 1
                await asyncio.sleep(1)
            took.append(time.monotonic() - started)
            rows += agent.rows
        writer.close()

    begin, used = time.monotonic(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(connection())
        offered = 0
        while time.monotonic() - begin < options.seconds:
            agent = agents[number % len(agents)]
            await asyncio.sleep(max(0.0, begin + offered / options.rate - time.monotonic()))
            await due.put(agent)
            offered, number = offered + agent.rows, number + 1
        for _ in range(_CONNECTIONS):
            await due.put(None)
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
        "cpu_seconds": time.process_time() - used,
    }


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


if __name__ == "__main__":
    sys.exit(main())
