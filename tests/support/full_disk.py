"""`python -m support.full_disk FOLDER`, in a mount namespace of its own: a hub whose disk is full for a while.

Exits with a traceback when something acknowledged is lost, or the trouble cannot be seen.
"""

import ctypes
import os
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np

from fairway.wire import batch as wire
from fairway.wire.words import Initiator
from support.hubs import Serving, serving, until
from support.reports import ORDERS, UI, report

SIZE = 96 << 20


def main(folder: Path) -> None:
    """The whole story."""
    state = folder / "state"
    state.mkdir(parents=True)
    mount = ctypes.CDLL(None, use_errno=True).mount
    if mount(b"tmpfs", str(state).encode(), b"tmpfs", 0, f"size={SIZE}".encode()):
        raise OSError(ctypes.get_errno(), "mount")
    with serving(folder) as hub:
        hub.put(told(1))
        assert ready(hub).status_code == 200
        fill(state / "filler", leave=1 << 20)
        assert hub.post(told(2, rows=5000)).status_code == 200
        fill(state / "rest", leave=0)  # before the segment's second is over: an insert finds no room
        until(lambda: ready(hub).status_code == 503)
        fill(state / "more", leave=0)
        refused = hub.post(told(3))
        assert refused.status_code == 507, refused.text
        assert "No space left" in refused.text
        assert hub.answers.hub.segments.refused == 1
        (state / "filler").unlink()
        (state / "rest").unlink()
        (state / "more").unlink()
        assert hub.post(told(3)).status_code == 200
        until(lambda: hub.answers.hub.agents.totals.batches == 3)
        until(lambda: ready(hub).status_code == 200)
        assert Counter(hub.answers.hub.base.flows()["connections"].to_pylist()) == {1: 1, 2: 5000, 3: 1}


def told(number: int, rows: int = 1) -> wire.Batch:
    """A report of so many connections, in each of its rows."""
    at = time.time_ns() // 1000
    one = report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=number, connections=number, at=at)
    batch = wire.Batch(one.header, np.repeat(one.rows, rows))
    batch.rows["tx_bytes"] = np.random.default_rng(number).integers(1 << 40, size=rows)
    batch.rows["port"] = np.arange(rows)
    return batch


def ready(hub: Serving) -> httpx.Response:
    """What /readyz says."""
    return httpx.get(f"{hub.door.url}/readyz", trust_env=False)


def fill(path: Path, leave: int) -> None:
    """Take the disk but for `leave` bytes."""
    free = os.statvfs(path.parent)
    size = free.f_bavail * free.f_bsize - leave
    with path.open("wb") as file:
        if size > 0:
            os.posix_fallocate(file.fileno(), 0, size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
