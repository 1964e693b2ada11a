"""Printer: an outbox that prints. One JSON object per row, for a person or a pipe; no spool, no hub."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec
import numpy as np

from fairway.wire.address import text
from fairway.wire.batch import EDGE, FLOW, REST, Batch
from fairway.wire.words import Initiator, Reason, Verdict, protocol_name

_KINDS: Final = {FLOW: "flow", REST: "rest", EDGE: "edge"}
_WORDS: Final = {
    "initiator": Initiator,
    "verdict": Verdict,
    "staged": Verdict,
    "reason": Reason,
    "staged_reason": Reason,
}
_LEFT_OUT: Final = ("family", "pod")


@dataclass(slots=True)
class Printer:
    """Takes batches as an Outbox does. Nothing waits, and nothing is dropped."""

    stream: TextIO
    node: str
    boot: str
    dropped: int = 0
    refused: int = 0
    _sequence: int = 0

    @property
    def next_sequence(self) -> int:
        return self._sequence + 1

    def put(self, batch: Batch, commit: Callable[[], None] = lambda: None) -> None:
        """Print its rows at once. BrokenPipeError when nobody reads any more."""
        self._sequence += 1
        for row in batch.rows:
            self.stream.write(msgspec.json.encode(line(row, batch)).decode() + "\n")
        self.stream.flush()
        commit()

    def size(self) -> tuple[int, int]:
        return 0, 0


def line(row: np.void, batch: Batch) -> dict[str, object]:
    """A row in words. Addresses, times and names as text; what is zero or empty is left out."""
    pod = batch.header.pods[int(row["pod"])]
    result: dict[str, object] = {"node": batch.header.node, "kind": _KINDS.get(int(row["kind"]), "other")}
    result["pod"] = f"{pod.namespace}/{pod.name}" if pod.namespace else pod.name
    for name in row.dtype.names or ():
        if name not in _LEFT_OUT and (value := _value(name, row, batch)):
            result[name] = value
    return result


def _value(name: str, row: np.void, batch: Batch) -> object:
    if name == "kind":
        return ""
    if name in _WORDS:
        number = int(row[name])
        return _WORDS[name](number).name.lower() if number or (name == "initiator" and row["kind"] != REST) else ""
    if name == "protocol":
        return protocol_name(int(row[name])) if row["kind"] != REST else ""
    if name.endswith("_address"):
        return text(row[name].tobytes()) if row["kind"] != REST else ""
    if name.endswith("_rule"):
        return batch.header.rules[int(row[name])]
    if name in ("first_us", "last_us"):
        return datetime.fromtimestamp(int(row[name]) / 1e6, UTC).isoformat(timespec="milliseconds")
    return row[name].item()
