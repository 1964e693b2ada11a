"""Policy verdicts that the AWS VPC CNI's network policy agent logs, one line per new connection.

Three forms: JSON with a field each (before v1.2.2), JSON with all of it inside `msg`, and
`Node: ...;SIP: ...;PolicyVerdict: ...` as CloudWatch gets it. A line names addresses only, and says nothing of
packets, bytes or answers: an accepted connection counts as answered.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from fairway.hub.importers.ends import Ends
from fairway.hub.importers.lines import Block
from fairway.hub.importers.moment import moment
from fairway.hub.importers.sight import At, Opener, Sights, sights
from fairway.hub.importers.tally import Tally
from fairway.hub.importers.unwrap import texts
from fairway.wire.words import PROTOCOL_NUMBERS, Verdict

ASSUMED: Final = "accepted connections count as answered: this log does not say"

TAKEN: Final = frozenset(
    (
        *("Src IP", "Src Port", "Dest IP", "Dest Port", "Proto", "Verdict", "Direction", "time", "Node"),
        *("level", "ts", "timestamp", "logger", "caller", "msg"),
    )
)
_PAIR: Final = re.compile(r"(Src IP|Src Port|Dest IP|Dest Port|Proto|Verdict|Direction|Tier):? +([^\s,;]+)")
_SHORT: Final = re.compile(r"(?i)(Node|SIP|SPORT|DIP|DPORT|PROTOCOL|PolicyVerdict|Direction|Tier): *([^;]*)")
_LONG: Final = {
    "sip": "Src IP",
    "sport": "Src Port",
    "dip": "Dest IP",
    "dport": "Dest Port",
    "protocol": "Proto",
    "policyverdict": "Verdict",
    "direction": "Direction",
    "tier": "Tier",
}
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
_DYNAMIC: Final = 32768

Fields = dict[str, Any]


class Cni:
    """Reads a node's log file, or what was shipped to CloudWatch."""

    def __init__(self, ends: Ends, tally: Tally) -> None:
        self._ends = ends
        self._tally = tally

    def read(self, block: Block) -> Sights:
        """The sights of a block of lines."""
        rows = []
        for number, line in enumerate(block[1], block[0]):
            for fields in self._records(line, number):
                self._tally.records += 1
                if isinstance(row := self._row(fields), str):
                    self._tally.skip(row, number)
                else:
                    rows.append(row)
        return sights(rows)

    def _records(self, line: bytes, number: int) -> Iterator[Fields]:
        line = line.strip()
        if not line:
            return
        if not line.startswith((b"{", b"[")):
            yield from self._text(line.decode("utf-8", "replace"), "", number)
            return
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            self._tally.skip("not JSON", number)
            return
        if isinstance(value, dict) and isinstance(text := value.get("msg"), str):
            time = value.get("ts") or value.get("timestamp") or ""
            if "Src IP" in value and text.strip() == "Flow Info:":
                yield {**value, "time": time}
            else:
                yield from self._text(text, str(time), number)
            return
        stamp = value.get("timestamp", "") if isinstance(value, dict) else ""
        for text in texts(value):
            yield from self._text(text, str(stamp), number)

    def _text(self, text: str, time: str, number: int) -> Iterator[Fields]:
        if "PolicyVerdict" in text:
            fields: Fields = {_LONG.get(key.lower(), key): value.strip() for key, value in _SHORT.findall(text)}
        elif "Flow Info" in text:
            fields = dict(_PAIR.findall(text))
        else:
            self._tally.skip("another line of the agent's log", number)
            return
        found = _TIME.search(text)
        yield {**fields, "time": time or (found.group() if found else "")}

    def _row(self, fields: Fields) -> tuple[int, ...] | str:
        """A sight, or why there is none."""
        verdict = str(fields.get("Verdict", ""))
        if verdict not in ("ACCEPT", "DENY"):
            return f"the verdict is `{verdict[:20]}`" if verdict else "no verdict"
        protocol = PROTOCOL_NUMBERS.get(str(fields.get("Proto", "")))
        if protocol is None:
            return "the protocol is unknown"
        at_us = moment(fields.get("time", ""))
        if at_us is None:
            return "no time"
        try:
            source, target = self._ends.at(str(fields.get("Src IP"))), self._ends.at(str(fields.get("Dest IP")))
            ports = int(fields.get("Src Port", 0)), int(fields.get("Dest Port", 0))
        except (ValueError, TypeError):
            return "an address or a port is missing or none"
        if not all(0 <= port <= 65535 for port in ports):
            return "a port is out of range"
        # A reply whose connection the agent forgot looks like a new one, with the ports the other way round.
        reply = ports[1] >= _DYNAMIC > ports[0] > 0
        at = {"ingress": At.TARGET, "egress": At.SOURCE}.get(str(fields.get("Direction", "")).lower(), At.HERE)
        denied = verdict == "DENY"
        if not denied:
            self._tally.note(ASSUMED)
        judged = Verdict.DENY if denied else Verdict.ALLOW
        opener = Opener.UNKNOWN if reply else Opener.SOURCE
        passed = int(not denied)
        return (
            at_us, at_us, source, target, *ports, protocol, opener, at, judged, 0, 0, 0, 0,
            0, 0, passed, passed, passed, int(denied), 0, 0, self._tally.untaken(fields, TAKEN),
        )  # fmt: skip
