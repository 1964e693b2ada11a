"""Receiver: a batch from an agent is checked, put on disk and acknowledged, once."""

import asyncio
import time
from dataclasses import dataclass, field

from fairway.hub.clocks import Clocks
from fairway.hub.ledger import Ledger, entry
from fairway.hub.record import check
from fairway.hub.segments import Record, Segments
from fairway.wire import batch as wire
from fairway.wire.protocol import BatchId, Receipt


@dataclass(slots=True)
class Received:
    """What came so far. `refused`: batches that could not be read."""

    batches: int = 0
    rows: int = 0
    bytes: int = 0
    duplicates: int = 0
    refused: int = 0


@dataclass(slots=True)
class Receiver:
    """`ledger` holds every batch that was ever kept; it grows here."""

    segments: Segments
    ledger: Ledger
    received: Received = field(default_factory=Received)
    clocks: Clocks = field(default_factory=Clocks)
    programs: dict[str, str] = field(default_factory=dict)
    """What each node's agent last called itself."""
    _under_way: dict[BatchId, "asyncio.Future[None]"] = field(default_factory=dict)

    async def take(self, identity: BatchId, content: bytes) -> Receipt:
        """The receipt, once the batch is on disk. BatchError if it can never be read, OSError if the disk refuses.

        An agent that did not hear the answer asks again, perhaps while the first is still being written.
        """
        if entry(identity) in self.ledger:
            return self._known(identity)
        under_way = self._under_way.get(identity)
        if under_way is not None:
            await asyncio.shield(under_way)
            return self._known(identity)
        batch = self._check(identity, content)
        rows = len(batch.rows)
        first_sights = bool((batch.rows["kind"] == wire.EDGE).any())
        record = Record(identity, content, batch)
        kept = asyncio.wrap_future(self.segments.keep(record, rows, urgent=first_sights))
        self._under_way[identity] = kept
        kept.add_done_callback(lambda done: self._done(identity, done, rows, len(content)))
        await asyncio.shield(kept)
        return _receipt(identity)

    def _done(self, identity: BatchId, kept: "asyncio.Future[None]", rows: int, size: int) -> None:
        """Whether or not the agent still waits for the answer."""
        del self._under_way[identity]
        if kept.cancelled() or kept.exception() is not None:
            return
        self.ledger.add(entry(identity))
        self.received.batches += 1
        self.received.rows += rows
        self.received.bytes += size

    def _known(self, identity: BatchId) -> Receipt:
        self.received.duplicates += 1
        return _receipt(identity, duplicate=True)

    def _check(self, identity: BatchId, content: bytes) -> wire.Batch:
        try:
            batch = _batch(identity, content)
        except wire.BatchError:
            self.received.refused += 1
            raise
        self.clocks.observe(identity.node, batch.header.end_us, time.time_ns() // 1000)
        return batch


def _batch(identity: BatchId, content: bytes) -> wire.Batch:
    batch = wire.decode(content)
    header = batch.header
    if (header.node, header.boot, header.sequence) != (identity.node, identity.boot, identity.sequence):
        raise wire.BatchError("is not the batch that the request's headers name")
    check(batch)
    return batch


def _receipt(identity: BatchId, *, duplicate: bool = False) -> Receipt:
    return Receipt(identity.node, identity.boot, identity.sequence, identity.part, duplicate)
