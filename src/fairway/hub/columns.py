"""The columns of a stored flow: names, types and meanings in one place. `docs/hub.md` lists them too.

One row is one conversation that one agent told of for one interval, with both ends named.
"""

from typing import Final

import pyarrow as pa

WORD: Final = pa.dictionary(pa.int32(), pa.string())
MOMENT: Final = pa.timestamp("us", "UTC")

END: Final = ("kind", "address", "namespace", "name", "workload", "labels", "ports", "node", "zone")
"""Of each end, as `client_*` and `server_*`: the fields of wire.endpoint.Endpoint; `labels` and `ports` as JSON."""

CLIENT: Final = tuple(f"client_{name}" for name in END)
SERVER: Final = tuple(f"server_{name}" for name in END)

COLUMNS: Final = (
    ("time_start", MOMENT, "start of the agent's interval"),
    ("time_end", MOMENT, "end of the agent's interval; what `--since` goes by"),
    ("first_seen", MOMENT, "first packet of the conversation in the interval"),
    ("last_seen", MOMENT, "last packet of the conversation in the interval"),
    ("kind", WORD, "`flow`; `rest`: a pod's traffic not told as flows, `edge`: first sight, without counters"),
    ("reporter", WORD, "`client` or `server`: at whose interface it was counted"),
    ("initiator_known", pa.bool_(), "false: nobody saw who opened it, and the reporting pod is put as client"),
    ("protocol", WORD, "TCP, UDP, ICMP, ICMPv6, SCTP, else the number"),
    ("family", pa.uint8(), "4 or 6"),
    *((name, WORD, "the client, as it was named at that time") for name in CLIENT),
    *((name, WORD, "the server; at the client's interface a Service keeps its own address") for name in SERVER),
    ("service", WORD, "`namespace/name:port` when the server is a Service address"),
    ("backends", WORD, "JSON [[address, port], ...]: where that Service's connections ended"),
    ("port", pa.uint16(), "the server's port as seen there; 0 for a protocol without ports"),
    ("sent_bytes", pa.uint64(), "client to server, IP headers included"),
    ("received_bytes", pa.uint64(), "server to client"),
    ("sent_packets", pa.uint64(), "client to server"),
    ("received_packets", pa.uint64(), "server to client"),
    ("connections", pa.uint32(), "opened in the interval"),
    ("failed", pa.uint32(), "TCP connections refused or given up before they were answered"),
    ("resets", pa.uint32(), "TCP connections that a RST ended"),
    ("severed", pa.uint32(), "TCP connections given up for want of any answer"),
    ("retransmissions", pa.uint32(), "TCP segments that the reporting pod sent again"),
    ("handshake_retransmissions", pa.uint32(), "those that were SYNs or SYN-ACKs"),
    ("timeouts", pa.uint32(), "expiries of the reporting pod's retransmission timer"),
    ("handshake_timeouts", pa.uint32(), "those before the connection was established"),
    (
        "connect_count",
        pa.uint32(),
        "connections answered; their times are from SYN to SYN-ACK at the reporting pod",
    ),
    ("connect_min_us", pa.uint32(), "the shortest time to connect, microseconds"),
    ("connect_max_us", pa.uint32(), "the longest"),
    ("connect_sum_us", pa.uint64(), "all of them added up"),
    ("srtt_us", pa.uint32(), "the reporting pod's smoothed round-trip time, the longest; 0 unknown"),
    ("srtt_count", pa.uint32(), "TCP connections that it is known of"),
    ("srtt_min_us", pa.uint32(), "the shortest"),
    ("srtt_sum_us", pa.uint64(), "all of them added up"),
    ("verdict", WORD, "of the policies in force: unjudged, allow, deny"),
    ("staged", WORD, "of the policies on trial"),
    ("reason", WORD, "why the verdict is deny: no_rule, posture, unknown_pod, fragment, unparsed"),
    ("staged_reason", WORD, "the same for the policies on trial"),
    ("verdict_rule", WORD, "the rule that allowed it"),
    ("staged_rule", WORD, "the same for the policies on trial"),
    ("denied", pa.uint32(), "packets dropped"),
    ("category", WORD, "intra-zone, inter-zone, node, cloud service, external or not classified, unknown"),
)

SCHEMA: Final = pa.schema([pa.field(name, kind, nullable=False) for name, kind, _ in COLUMNS])

UNKNOWN_FIELDS: Final = "unknown_fields"
"""In files of imported flows: what their records said beside, as JSON; of several added up, one of them."""
IMPORTED: Final = SCHEMA.append(pa.field(UNKNOWN_FIELDS, WORD, nullable=False))

TCP_HEALTH: Final = (
    "failed",
    "resets",
    "severed",
    "handshake_retransmissions",
    "timeouts",
    "handshake_timeouts",
    "connect_count",
    "connect_min_us",
    "connect_max_us",
    "connect_sum_us",
    "srtt_count",
    "srtt_min_us",
    "srtt_sum_us",
)
"""Columns that agents before 0.1.0 did not tell: zero in older files."""
