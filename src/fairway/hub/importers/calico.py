"""Calico flow records: Whisker's answers, Goldmane's flows, and the flow logs of Calico Enterprise and Cloud.

Forms: https://github.com/projectcalico/calico goldmane/proto/api.proto and whisker-backend/pkg/apis/v1; Enterprise:
"flow log data types" of its documentation. They differ in how they spell the same names, which is evened out here.
A record adds up connections of one client and server over its time, as one of the two ends saw them: `in` and `out`
are that end's.
"""

from functools import lru_cache
from typing import Any, Final

from fairway.hub.importers.ends import Ends, Told, Words
from fairway.hub.importers.lines import Block
from fairway.hub.importers.moment import moment
from fairway.hub.importers.objects import read_objects
from fairway.hub.importers.sight import PORTED, At, Opener, Sights
from fairway.hub.importers.tally import Tally
from fairway.wire.endpoint import Kind
from fairway.wire.words import PROTOCOL_NUMBERS, Verdict

NO_ADDRESS: Final = "an end outside the cluster has no address here: it can make no rule"
TOGETHER: Final = "pods of one controller are one end: these records do not tell them apart"

TAKEN: Final = frozenset(
    (
        *("starttime", "endtime", "@timestamp", "action", "reporter", "proto", "protocol", "policies", "key"),
        *("packetsin", "packetsout", "bytesin", "bytesout", "numflowsstarted", "numconnectionsstarted"),
        *("destservicename", "destservicenamespace", "destserviceport", "destserviceportnum"),
        *(f"{end}{name}" for end in ("source", "dest") for name in ("ip", "name", "nameaggr", "namespace", "port")),
        *(f"{end}{name}" for end in ("source", "dest") for name in ("type", "labels")),
    )
)
_PROTOCOLS: Final = {name.lower(): number for name, number in PROTOCOL_NUMBERS.items()}
_ACTIONS: Final = {"allow": False, "1": False, "deny": True, "2": True}
_REPORTERS: Final = {"src": At.SOURCE, "1": At.SOURCE, "dst": At.TARGET, "2": At.TARGET}
_TYPES: Final = {
    "wep": "pod", "workloadendpoint": "pod", "1": "pod",
    "hep": "node", "hostendpoint": "node", "2": "node",
    "net": "network", "network": "network", "4": "network",
    "ns": "network", "networkset": "network", "3": "network",
}  # fmt: skip
_MOST: Final = 1 << 62

Fields = dict[str, Any]


class Calico:
    """Reads records, one per line or several in an answer."""

    def __init__(self, ends: Ends, words: Words, tally: Tally) -> None:
        self._ends = ends
        self._words = words
        self._tally = tally

    def read(self, block: Block) -> Sights:
        """The sights of a block of lines."""
        return read_objects(block, self._tally, lambda record: self._row(_even(record)))

    def _row(self, fields: Fields) -> tuple[int, ...] | str:
        """A sight, or why there is none."""
        if "action" not in fields or "reporter" not in fields:
            return "no flow"
        self._tally.records += 1
        unknown = self._tally.untaken(fields, TAKEN)
        denied = _ACTIONS.get(str(fields["action"]).lower())
        at = _REPORTERS.get(str(fields["reporter"]).lower().partition(",")[0])
        if denied is None or at is None:
            return "the action or the reporter is none of an end: forwarded traffic is told by its ends"
        protocol = _protocol(str(fields.get("protocol") or fields.get("proto") or ""))
        start, end = moment(fields.get("starttime", "")), moment(fields.get("endtime", ""))
        start = start or end or moment(fields.get("@timestamp", ""))
        if protocol is None or start is None:
            return "the protocol is unknown" if protocol is None else "no time"
        try:
            source, target = self._end(fields, "source"), self._end(fields, "dest")
            counted = {name: _count(fields, name) for name in ("packetsin", "packetsout", "bytesin", "bytesout")}
            ports = _count(fields, "sourceport") & 0xFFFF, _count(fields, "destport")
            opened = _count(fields, "numflowsstarted") or _count(fields, "numconnectionsstarted")
        except (ValueError, TypeError, OverflowError):
            return "an end, a port or a counter is none"
        if not 0 <= ports[1] <= 65535 or (protocol in PORTED and not ports[1]):
            return "no port"
        rule, _ = self._policy(fields, "enforced")
        staged_rule, staged = self._policy(fields, "pending")
        return (
            *(start, max(start, end or start), source, target, *ports, protocol, Opener.SOURCE, at),
            *(Verdict.DENY if denied else Verdict.ALLOW, staged, rule, staged_rule, self._service(fields)),
            *_counters(counted, opened, at, denied=denied),
            *(0, 0, unknown),
        )

    def _end(self, fields: Fields, which: str) -> int:
        name, together = _text(fields, f"{which}name"), _text(fields, f"{which}nameaggr")
        namespace, address = _text(fields, f"{which}namespace"), _text(fields, f"{which}ip")
        kind = _TYPES.get(_text(fields, f"{which}type").lower(), "pod" if namespace else "network")
        name = name or together
        if name.endswith("*"):
            self._tally.note(TOGETHER)
        if kind == "pod":
            return self._ends.told(
                Told(Kind.POD, address, namespace, name, labels=_labels(fields.get(f"{which}labels")))
            )
        if kind == "node":
            return self._ends.told(Told(Kind.NODE, address, name=name.removesuffix("-auto-hep")))
        if not address:
            self._tally.note(NO_ADDRESS)
        return self._ends.told(Told(address=address, name=name))

    def _service(self, fields: Fields) -> int:
        name, namespace = _text(fields, "destservicename"), _text(fields, "destservicenamespace")
        port = fields.get("destserviceport") or fields.get("destserviceportnum")
        return self._words.number(f"{namespace}/{name}:{port}") if name and namespace and port else 0

    def _policy(self, fields: Fields, which: str) -> tuple[int, Verdict]:
        """The policy that decided, and what those on trial would have: unjudged where none was."""
        policies = fields.get("policies")
        evened = _even(policies) if isinstance(policies, dict) else {}
        hits = evened.get(which) or evened.get(f"{which}policies") or (
            evened.get("allpolicies") if which == "enforced" else None
        )  # fmt: skip
        if not isinstance(hits, list) or not hits:
            return 0, Verdict.UNJUDGED
        titles = [_hit(hit) for hit in hits]
        title, denied = titles[-1]
        tried = any("staged" in str(hit).lower() for hit in hits)
        verdict = (Verdict.DENY if denied else Verdict.ALLOW) if tried else Verdict.UNJUDGED
        return (0 if denied else self._words.number(title)), verdict


def _even(record: Fields) -> Fields:
    """The record's fields in one spelling; what Goldmane keeps apart as the flow's key among them."""
    inner = record.get("flow")
    record = inner if isinstance(inner, dict) else record
    key = record.get("Key") or record.get("key")
    fields = {_spelling(name): value for name, value in record.items()}
    if isinstance(key, dict):
        fields |= {_spelling(name): value for name, value in key.items()}
    return fields


@lru_cache(maxsize=1024)
def _spelling(name: str) -> str:
    return name.replace("_", "").lower()


def _counters(counted: dict[str, int], opened: int, at: At, *, denied: bool) -> tuple[int, ...]:
    """From sent_bytes to denied, as SIGHT has them: what was denied was dropped, not carried."""
    sent, back = ("out", "in") if at is At.SOURCE else ("in", "out")
    packets = counted[f"packets{sent}"]
    if denied:
        return 0, 0, 0, 0, 0, min(packets or opened or 1, 1 << 31)
    connections = min(opened or int(packets > 0), 1 << 31)
    return counted[f"bytes{sent}"], counted[f"bytes{back}"], packets, counted[f"packets{back}"], connections, 0


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return "" if value is None or value == "-" else str(value)


def _count(fields: Fields, name: str) -> int:
    """A counter; protobuf's JSON writes 64 bits as a string."""
    value = int(fields.get(name) or 0)
    if not 0 <= value < _MOST:
        raise ValueError(name)
    return value


def _protocol(text: str) -> int | None:
    if text.isdecimal() and int(text) < 256:
        return int(text)
    return _PROTOCOLS.get(text.lower())


def _labels(value: Any) -> tuple[tuple[str, str], ...]:
    """`app=ui | role=web`, a list of `app=ui`, or such a list below `labels`."""
    value = value.get("labels") if isinstance(value, dict) else value
    pairs = value.split(" | ") if isinstance(value, str) else value if isinstance(value, list) else []
    split = (str(pair).partition("=") for pair in pairs)
    return tuple(sorted((key, text) for key, sign, text in split if sign))


def _hit(hit: Any) -> tuple[str, bool]:
    """Name and whether it denied, of a policy as an object or as `0|tier|namespace/tier.name|allow|0`."""
    if isinstance(hit, dict):
        name, namespace = str(hit.get("name") or ""), str(hit.get("namespace") or "")
        denied = _ACTIONS.get(str(hit.get("action")).lower(), False)
        return (f"{namespace}/{name}" if namespace else name), denied
    parts = [*str(hit).split("|"), "", "", "", ""]
    return ("" if parts[1] == "__PROFILE__" else parts[2]), parts[3] == "deny"
