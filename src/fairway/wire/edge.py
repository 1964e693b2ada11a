"""Edge: everything known about one (client, server, port, protocol), at the grain of single pods."""

from datetime import datetime

import msgspec

from fairway.wire.endpoint import Endpoint


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """Connections of one client endpoint to one server endpoint, added up over a time range.

    `port` is the server's own port: where the client used a Service address, that is the backend's target
    port, and `service` (`namespace/name:port`) tells what the client dialled. Port 0: a protocol without ports.
    Bytes and packets are IP ones (headers included, Ethernet's not); `sent` is client to server.
    `initiator_known` is False when nobody saw who opened the connection: such an edge is shown, and never
    makes a rule by itself. `denied` and `would_deny` count packets that the active slot dropped and first
    packets of connections that a slot on trial would have dropped. What TCP tells of itself has the meanings of
    `wire.batch`; a mean time is its sum by its count.
    """

    client: Endpoint
    server: Endpoint
    port: int
    protocol: str
    family: int
    first_seen: datetime
    last_seen: datetime
    service: str = ""
    connections: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    sent_packets: int = 0
    received_packets: int = 0
    failed: int = 0
    resets: int = 0
    severed: int = 0
    retransmissions: int = 0
    handshake_retransmissions: int = 0
    timeouts: int = 0
    handshake_timeouts: int = 0
    connect_count: int = 0
    connect_sum_us: int = 0
    srtt_count: int = 0
    srtt_sum_us: int = 0
    denied: int = 0
    would_deny: int = 0
    initiator_known: bool = True
    category: str = "unknown"

    @property
    def answered(self) -> bool:
        """The server sent something back; a TCP connection nobody answered was not a conversation."""
        return self.received_packets > 0
