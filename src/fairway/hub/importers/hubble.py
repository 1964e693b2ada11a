"""Cilium Hubble flows as JSON lines: `hubble observe -o jsonpb`, the exporter's files, and the older `-o json`.

Form: https://github.com/cilium/cilium/blob/main/api/v1/flow/flow.proto in protobuf's JSON mapping. A line is one
packet, seen at one point of its way; Hubble shows only some of a connection's packets and counts no bytes.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from fairway.hub.importers.ends import Ends, Told, Words
from fairway.hub.importers.hubble_flow import L4, End, Flags, Flow, Line
from fairway.hub.importers.lines import Block
from fairway.hub.importers.moment import LATEST_US, micros
from fairway.hub.importers.sight import At, Opener, Sights, sights
from fairway.hub.importers.tally import Tally
from fairway.hub.importers.unwrap import records
from fairway.wire.endpoint import Kind
from fairway.wire.words import PROTOCOL_NUMBERS, Verdict

PACKETS: Final = "packets are those that Hubble showed, and it counts no bytes"
LOST: Final = "events that Hubble itself lost"
SAME_US: Final = 60_000_000
"""One packet is shown at several points; the same ports later than this are another connection."""
MAX_OPENED: Final = 1 << 18

TAKEN: Final = frozenset(
    (
        *("time", "verdict", "drop_reason_desc", "IP", "l4", "l7", "source", "destination", "is_reply"),
        *("traffic_direction", "destination_service", "ingress_allowed_by", "egress_allowed_by"),
        *("uuid", "Summary", "event_type", "trace_observation_point"),  # of the single packet
    )
)
_PASSED: Final = ("FORWARDED", "REDIRECTED", "AUDIT")
_BY_POLICY: Final = ("", "POLICY_DENIED", "POLICY_DENY", "DROP_REASON_UNKNOWN")
_NODES: Final = ("reserved:host", "reserved:remote-node", "reserved:kube-apiserver")
_OWN_KEYS: Final = ("io.cilium.", "io.kubernetes.")


class Hubble:
    """Reads flows line by line."""

    def __init__(self, ends: Ends, words: Words, tally: Tally) -> None:
        self._ends = ends
        self._words = words
        self._tally = tally
        self._line = msgspec.json.Decoder(Line)
        self._opened: dict[tuple[int, ...], int] = {}
        self._known: dict[tuple[object, ...], int] = {}
        self._generation = ends.generation

    def read(self, block: Block) -> Sights:
        """The sights of a block of lines."""
        if self._generation != self._ends.generation:
            self._generation = self._ends.generation
            self._known.clear()
            self._opened.clear()
        rows: list[tuple[int, ...]] = []
        for number, text in enumerate(block[1], block[0]):
            if text and not text.isspace():
                self._read(text, number, rows)
        if rows:
            self._tally.note(PACKETS, len(rows))
        return sights(rows)

    def _read(self, text: bytes, number: int, rows: list[tuple[int, ...]]) -> None:
        try:
            line = self._line.decode(text)
        except msgspec.ValidationError as error:
            if text.lstrip().startswith(b"["):
                self._several(text, number, rows)
            else:
                self._tally.skip(f"not a flow of a known form: {error}", number)
            return
        except (msgspec.DecodeError, RecursionError):
            self._tally.skip("not JSON", number)
            return
        if (flow := line.the_flow()) is None:
            if line.lost_events is not None:
                self._tally.note(LOST, line.lost_events.count)
            else:
                self._tally.skip(line.other(), number)
            return
        self._tally.records += 1
        fields = msgspec.json.decode(text)
        unknown = self._tally.untaken(fields.get("flow") or fields, TAKEN)
        if isinstance(row := self._row(flow), str):
            self._tally.skip(row, number)
        else:
            rows.append((*row, unknown))

    def _several(self, text: bytes, number: int, rows: list[tuple[int, ...]]) -> None:
        try:
            found = list(records(msgspec.json.decode(text)))
        except (msgspec.DecodeError, RecursionError):
            self._tally.skip("not JSON", number)
            return
        for one in found:
            self._read(msgspec.json.encode(one), number, rows)

    def _row(self, flow: Flow) -> tuple[int, ...] | str:
        """A sight, or why there is none."""
        reason = _unfit(flow)
        if reason or flow.time is None or flow.l4 is None:
            return reason or "it has no time or no transport protocol"
        protocol, ports, flags = _transport(flow.l4)
        if not protocol:
            return "it has no transport protocol that is known"
        start = micros(flow.time)
        if not 0 <= start <= LATEST_US:
            return "its time is none"
        try:
            source = self._end(flow.source, flow.ip.source if flow.ip else "")
            target = self._end(flow.destination, flow.ip.destination if flow.ip else "")
        except ValueError:
            return "an end has neither name nor address"
        opener = _opener(flow, flags)
        denied = flow.verdict == "DROPPED" and flow.drop_reason_desc in _BY_POLICY
        passed = flow.verdict in _PASSED
        verdict = Verdict.DENY if denied or flow.verdict == "AUDIT" else Verdict.ALLOW if passed else 0
        # Only who got an answer to his SYN sends an ACK without one.
        answered = passed and opener is Opener.SOURCE and flags and flags.ack and not (flags.syn or flags.rst)
        at = _at(flow.traffic_direction, opener)
        connections = 0
        if not denied and opener is not Opener.TARGET and (protocol != 6 or not flags or flags.syn):
            connections = self._new((source, target, *ports, protocol, at), start)
        rule = self._words.number(flow.allowed_by())
        service = self._words.number(flow.service(ports[1])) if flow.destination_service else 0
        return (
            start, start, source, target, *ports, protocol, opener, at, verdict, 0, rule, 0, service,
            0, 0, int(not denied), int(bool(answered)), connections, int(denied), 0, 0,
        )  # fmt: skip

    def _new(self, connection: tuple[int, ...], at_us: int) -> int:
        """1 unless this opening was shown already."""
        if len(self._opened) >= MAX_OPENED:
            self._opened.clear()
        before = self._opened.get(connection)
        self._opened[connection] = at_us
        return int(before is None or abs(at_us - before) > SAME_US)

    def _end(self, end: End | None, address: str) -> int:
        if end is None:
            return self._ends.at(address)
        key = (address, end.namespace, end.pod_name, *end.labels)
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = self._ends.told(_told(end, address))
        return number


def _unfit(flow: Flow) -> str:
    """Why the record is not about a connection; empty if it is."""
    if flow.verdict in ("TRACED", "TRANSLATED"):
        return "a socket's trace, not a packet"
    if flow.verdict not in (*_PASSED, "DROPPED"):
        return f"the verdict is `{flow.verdict[:20]}`"
    for end in (flow.source, flow.destination):
        if end and "reserved:health" in end.labels:
            return "Cilium's own health checks"
    return ""


def _transport(l4: L4) -> tuple[int, tuple[int, int], Flags | None]:
    """Protocol number, source and destination port, TCP flags."""
    if l4.tcp is not None:
        return 6, (l4.tcp.source_port, l4.tcp.destination_port), l4.tcp.flags
    for ported, number in ((l4.udp, PROTOCOL_NUMBERS["UDP"]), (l4.sctp, PROTOCOL_NUMBERS["SCTP"])):
        if ported is not None:
            return number, (ported.source_port, ported.destination_port), None
    protocol = 1 if l4.icmp4 is not None else 58 if l4.icmp6 is not None else 0
    return protocol, (0, 0), None


def _opener(flow: Flow, flags: Flags | None) -> Opener:
    if flow.is_reply is not None:
        return Opener.TARGET if flow.is_reply else Opener.SOURCE
    if flags and flags.syn:
        return Opener.TARGET if flags.ack else Opener.SOURCE
    # A policy drops what would open a connection; replies pass by connection tracking.
    if flow.verdict == "DROPPED":
        return Opener.SOURCE
    kind = flow.l7.type if flow.l7 else ""
    return {"REQUEST": Opener.SOURCE, "RESPONSE": Opener.TARGET}.get(kind, Opener.UNKNOWN)


def _at(direction: str, opener: Opener) -> At:
    """Hubble's direction is the connection's, seen from the pod at which the packet was."""
    if direction not in ("INGRESS", "EGRESS") or opener is Opener.UNKNOWN:
        return At.HERE
    at_client = direction == "EGRESS"
    return At.SOURCE if at_client == (opener is Opener.SOURCE) else At.TARGET


def _told(end: End, address: str) -> Told:
    if any(label in _NODES for label in end.labels):
        return Told(Kind.NODE, address)
    if not end.pod_name and (not end.namespace or not end.labels):
        return Told(address=address)
    workload = f"{end.workloads[0].kind}/{end.workloads[0].name}" if end.workloads else ""
    return Told(Kind.POD, address, end.namespace, end.pod_name, workload, _labels(end.labels))


def _labels(labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The pod's own labels among those of a Cilium identity."""
    found = []
    for label in labels:
        source, _, pair = label.partition(":")
        key, _, value = pair.partition("=")
        if source == "k8s" and not key.startswith(_OWN_KEYS):
            found.append((key, value))
    return tuple(sorted(found))
