"""What answers look like: the same words everywhere. Times are UTC, volumes IP bytes; `sent` is by the client."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from fairway.hub.rows import endpoint_of
from fairway.views.map import mean
from fairway.wire.endpoint import Endpoint


class End(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a connection, named as it was at that time."""

    kind: str
    address: str
    namespace: str
    name: str
    workload: str
    node: str
    zone: str
    labels: dict[str, str]

    @classmethod
    def of(cls, end: Endpoint) -> "End":
        return cls(
            kind=str(end.kind),
            address=end.address,
            namespace=end.namespace,
            name=end.name,
            workload=end.workload,
            node=end.node,
            zone=end.zone,
            labels=dict(end.labels),
        )


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent told of one conversation in one interval, which ended at `time`. `counted` false: the other
    end's agent tells of the same packets."""

    time: datetime
    seconds: float
    first_seen: datetime
    last_seen: datetime
    client: End
    server: End
    port: int
    protocol: str
    service: str
    reporter: str
    initiator_known: bool
    category: str
    connections: int
    sent_bytes: int
    received_bytes: int
    sent_packets: int
    received_packets: int
    failed: int
    resets: int
    severed: int
    retransmissions: int
    timeouts: int
    rtt_us: int | None
    connect_us: int | None
    verdict: str
    reason: str
    rule: str
    staged: str
    staged_reason: str
    staged_rule: str
    denied: int
    would_deny: int
    counted: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Flow":
        """From a row of the table `flows`."""
        same = (name for name in cls.__struct_fields__ if name in row)
        moments = ("first_seen", "last_seen")
        return cls(
            **{name: row[name].astimezone(UTC) if name in moments else row[name] for name in same},
            time=row["time_end"].astimezone(UTC),
            seconds=(row["time_end"] - row["time_start"]).total_seconds(),
            client=End.of(endpoint_of(row, "client")),
            server=End.of(endpoint_of(row, "server")),
            rtt_us=mean(row["srtt_sum_us"], row["srtt_count"]) or row["srtt_us"] or None,
            connect_us=mean(row["connect_sum_us"], row["connect_count"]),
            rule=row["verdict_rule"],
        )
