"""Sender: takes batches from the outbox to the hub, oldest first, one at a time, in a thread of its own.

A batch leaves the outbox when the hub's receipt names it, and not before. One that the hub says it can never read
is counted and left behind, or nothing would pass it.
"""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Final

import msgspec

from fairway.agent.complaint import Complaint, Say
from fairway.agent.hublink import Answer, Hub, HubError, HubLink, refusal
from fairway.agent.outbox import Outbox, Waiting
from fairway.wire import batch as wire
from fairway.wire.protocol import CONTENT_TYPE, FLOWS_PATH, MAX_PART, WHOLE, BatchId, Receipt

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_LONGEST_ASKED: Final = 300.0
"""Seconds that a hub may make an agent wait by Retry-After."""
_RECEIPT_BYTES: Final = 1 << 16
_UNREADABLE: Final = (400, 422)


@dataclass(slots=True)
class Sent:
    """What the sender did so far. `refused`: batches that the hub cannot read; `split`: that it found too large."""

    batches: int = 0
    bytes: int = 0
    duplicates: int = 0
    refused: int = 0
    split: int = 0
    last: float = 0.0
    """When the hub last took one; seconds since 1970."""


@dataclass(slots=True)
class Sender:
    """`start` it, `wake` it when a batch was put, and `close` it."""

    outbox: Outbox
    hub: Hub
    say: Say
    sent: Sent = field(default_factory=Sent)
    complaint: Complaint = field(init=False)
    _link: HubLink = field(init=False)
    _thread: threading.Thread = field(init=False)
    _news: threading.Event = field(default_factory=threading.Event)
    _closing: threading.Event = field(default_factory=threading.Event)
    _idle: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.complaint = Complaint(f"hub {self.hub.url}", "batches wait in the spool", self.say)
        self._link = HubLink(self.hub)
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """A batch was put."""
        self._idle.clear()
        self._news.set()

    def close(self, patience: float) -> None:
        """Send what waits, for `patience` seconds at most, and end; what is left stays in the outbox."""
        if not self._thread.is_alive():
            return
        deadline = time.monotonic() + patience
        self._idle.clear()
        self._closing.set()
        self._news.set()
        self._idle.wait(patience)
        self._link.abort()
        self._thread.join(max(0.1, deadline - time.monotonic()))

    def _run(self) -> None:
        try:
            self._empty()
        finally:
            self._link.close()
            self._idle.set()

    def _empty(self) -> None:
        pause = 0.0
        while True:
            one = self.outbox.oldest()
            if one is None:
                self._idle.set()
                if self._closing.is_set():
                    return
                self._news.wait()
                self._news.clear()
                continue
            try:
                self._deliver(one)
                self.outbox.remove(one.name)
                self.complaint.fine()
                pause = 0.0
            except HubError as error:
                if self._closing.is_set():
                    return
                self.complaint.trouble(str(error))
                pause = min(max(_FIRST_PAUSE, pause * 2), _LONGEST_PAUSE)
                asked = min(error.retry_after or 0.0, _LONGEST_ASKED)
                # Not all agents at once, when a hub comes back.
                self._closing.wait(max(asked, pause) * random.uniform(1.0, 1.25))  # noqa: S311

    def _deliver(self, one: Waiting) -> None:
        """HubError if it is to be tried again; on return it is the hub's, or nobody's."""
        answer = self._post(BatchId(self.outbox.node, one.boot, one.sequence), one.content)
        if answer.status == 413:
            try:
                batch = wire.decode(one.content)
            except wire.BatchError:
                self.sent.refused += 1  # of an older version, or broken by the disk: cannot be made smaller
                return
            self._halve(batch, WHOLE)

    def _halve(self, batch: wire.Batch, part: int) -> None:
        """Send a batch that is too large as its halves. The same ones each time: a hub that has one knows it."""
        middle = len(batch.rows) // 2
        if not middle or 2 * part + 1 > MAX_PART:
            self.sent.refused += 1
            self.say(f"hub {self.hub.url}: even a batch of {len(batch.rows)} rows is too large for it; left out")
            return
        self.sent.split += 1
        header = batch.header
        rest = msgspec.structs.replace(header, asked=(), limits=())  # counted once
        for number, told, rows in (
            (2 * part, header, batch.rows[:middle]),
            (2 * part + 1, rest, batch.rows[middle:]),
        ):
            half = wire.Batch(told, rows)
            identity = BatchId(header.node, header.boot, header.sequence, number)
            if self._post(identity, wire.encode(half)).status == 413:
                self._halve(half, number)

    def _post(self, identity: BatchId, content: bytes) -> Answer:
        """200 and the hub's receipt, 413, or an answer that ends the matter."""
        headers = {**identity.headers(), "Content-Type": CONTENT_TYPE}
        answer = self._link.ask("POST", FLOWS_PATH, headers=headers, body=content, limit=_RECEIPT_BYTES)
        if answer.status == 200:
            receipt = _receipt(answer)
            if receipt.identity != identity:
                raise HubError(f"its receipt is for another batch, {receipt.sequence} of {receipt.node}"[:200])
            self.sent.batches += 1
            self.sent.bytes += len(content)
            self.sent.duplicates += receipt.duplicate
            self.sent.last = time.time()
        elif answer.status in _UNREADABLE and (reason := refusal(answer.body)) is not None:
            self.sent.refused += 1
            self.say(f"hub {self.hub.url}: cannot read batch {identity.sequence}: {reason}"[:300])
        elif answer.status != 413:
            raise answer.refused()
        return answer


def _receipt(answer: Answer) -> Receipt:
    try:
        return msgspec.json.decode(answer.body, type=Receipt)
    except msgspec.MsgspecError as error:
        raise HubError("answers 200 without a receipt; is it a proxy in its place?") from error
