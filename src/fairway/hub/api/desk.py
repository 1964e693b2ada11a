"""Where questions wait for one of a few threads, each with a connection to the database of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from litestar.exceptions import HTTPException

THREADS: Final = 4
MOST_WAITING: Final = 128
"""Questions that may wait; more are told to come again."""

T = TypeVar("T")


class Desk:
    """`await desk(work)` runs `work` in a thread. 503 when too many wait; `close` when the hub ends."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="question")
        self._waiting = 0

    async def __call__(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise HTTPException("too many questions at once", status_code=503, headers={"Retry-After": "2"})
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    async def stream(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """Parts as they are made, each in a thread: nothing is made before it can be sent."""
        while (part := await self(lambda: next(parts, None))) is not None:
            yield part

    def close(self) -> None:
        """Wait for what is being answered."""
        self._threads.shutdown(cancel_futures=True)
