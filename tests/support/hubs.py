"""A hub for tests: the real one, over HTTP on loopback, in threads of this process."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from fairway.cloud.ranges import Ranges
from fairway.hub.auth import Role
from fairway.hub.client import Client, Door, hub_of, read_door
from fairway.hub.database.retention import Retention
from fairway.hub.serve import Answers, Listening, answering
from fairway.hub.service import HubConfig
from fairway.hub.state import State
from fairway.hub.surroundings import ManifestFolder, Surroundings
from fairway.wire import batch as wire
from fairway.wire.protocol import CONTENT_TYPE, FLOWS_PATH, BatchId
from support.reports import write_cluster


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait for a condition; looking costs, so between two looks others may run."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.02)


@dataclass
class Serving:
    """A hub over `folder`: its state in `state`, the cluster's manifests in `cluster`."""

    folder: Path
    answers: Answers
    lines: list[str]

    @property
    def state(self) -> State:
        return State(self.folder / "state")

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def door(self) -> Door:
        door = read_door(self.state)
        assert door
        return door

    @property
    def client(self) -> Client:
        return hub_of(self.state)

    def told(self, text: str) -> bool:
        """Whether the hub logged it."""
        return any(text in line for line in self.lines)

    def post(self, batch: wire.Batch, **headers: str) -> httpx.Response:
        """Send a batch as its agent does."""
        return post(self.state, batch, **headers)

    def put(self, *batches: wire.Batch) -> None:
        """Send batches and wait until the database has them."""
        before = self.answers.hub.agents.totals.batches
        for batch in batches:
            answer = self.post(batch)
            assert answer.status_code == 200, answer.text
        until(lambda: self.answers.hub.agents.totals.batches == before + len(batches))


def post(state: State, batch: wire.Batch, **headers: str) -> httpx.Response:
    """Send a batch to the hub of a state folder."""
    door, header = read_door(state), batch.header
    assert door
    told = {
        **BatchId(header.node, header.boot, header.sequence).headers(),
        "Authorization": f"Bearer {state.token(Role.AGENT).read_text()}",
        "Content-Type": CONTENT_TYPE,
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(verify=False, trust_env=False) as connection:
        return connection.post(f"{door.url}{FLOWS_PATH}", content=wire.encode(batch), headers={**told, **given})


@contextmanager
def serving(
    folder: Path,
    listening: Listening | None = None,
    *,
    clean: bool = True,
    ranges: Ranges | None = None,
    **settings: Any,
) -> Iterator[Serving]:
    """A hub at work; `clean` makes the cluster's manifests, `settings` are more of HubConfig."""
    if clean:
        write_cluster(folder / "cluster")
    with serving_from(ManifestFolder(folder / "cluster"), folder, listening, ranges, **settings) as running:
        yield running


@contextmanager
def serving_from(
    surroundings: Surroundings,
    folder: Path,
    listening: Listening | None = None,
    ranges: Ranges | None = None,
    **settings: Any,
) -> Iterator[Serving]:
    """A hub at work that learns of its cluster from somewhere else."""
    lines: list[str] = []
    # Tests tell of moments long ago.
    chosen = {"memory": 1 << 30, "retention": Retention({}), **settings}
    config = HubConfig(State(folder / "state"), surroundings, **chosen)
    with answering(config, listening or Listening(port=0), ranges, lines.append) as answers:
        thread = threading.Thread(target=lambda: asyncio.run(answers.run()))
        thread.start()
        try:
            until(lambda: answers.hub.cluster is not None and answers.server.started)
            yield Serving(folder, answers, lines)
        finally:
            answers.end()
            thread.join()
