"""Hubble's flow, as much of it as flows have columns for. Fields that are not here are passed over."""

from datetime import datetime
from typing import Any

import msgspec


class Ip(msgspec.Struct, gc=False):
    """Addresses as text."""

    source: str = ""
    destination: str = ""


class Flags(msgspec.Struct, gc=False):
    """Of TCP; the others say nothing about who opened it."""

    syn: bool = msgspec.field(name="SYN", default=False)
    ack: bool = msgspec.field(name="ACK", default=False)
    rst: bool = msgspec.field(name="RST", default=False)


class Ported(msgspec.Struct):
    """Ports, and of TCP the flags that are set."""

    source_port: int = 0
    destination_port: int = 0
    flags: Flags | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.source_port <= 65535 and 0 <= self.destination_port <= 65535):
            raise ValueError("a port is out of range")


class L4(msgspec.Struct):
    """One of these."""

    tcp: Ported | None = msgspec.field(name="TCP", default=None)
    udp: Ported | None = msgspec.field(name="UDP", default=None)
    sctp: Ported | None = msgspec.field(name="SCTP", default=None)
    icmp4: Any = msgspec.field(name="ICMPv4", default=None)
    icmp6: Any = msgspec.field(name="ICMPv6", default=None)


class L7(msgspec.Struct, gc=False):
    """REQUEST, RESPONSE or SAMPLE."""

    type: str = ""


class Named(msgspec.Struct, gc=False):
    """A workload, Service or policy."""

    name: str = ""
    namespace: str = ""
    kind: str = ""


class End(msgspec.Struct):
    """A Cilium endpoint; `labels` are its identity's, as `source:key=value`."""

    namespace: str = ""
    pod_name: str = ""
    labels: list[str] = []
    workloads: list[Named] = []


class Flow(msgspec.Struct):
    """One packet of a flow. `is_reply` None: not known at that point of its way."""

    time: datetime | None = None
    verdict: str = ""
    drop_reason_desc: str = ""
    ip: Ip | None = msgspec.field(name="IP", default=None)
    l4: L4 | None = None
    l7: L7 | None = None
    source: End | None = None
    destination: End | None = None
    is_reply: bool | None = None
    traffic_direction: str = ""
    destination_service: Named | None = None
    ingress_allowed_by: list[Named] = []
    egress_allowed_by: list[Named] = []

    def allowed_by(self) -> str:
        """The first policy that allowed it, as `namespace/name`; empty if Hubble does not say."""
        for policy in (*self.ingress_allowed_by, *self.egress_allowed_by):
            return f"{policy.namespace}/{policy.name}" if policy.namespace else policy.name
        return ""

    def service(self, port: int) -> str:
        """The Service that was dialled, as flows write it."""
        to = self.destination_service
        return f"{to.namespace}/{to.name}:{port}" if to and to.name else ""


class Lost(msgspec.Struct, gc=False):
    """Events that fell out of a buffer; protobuf's JSON writes 64 bits as a string."""

    num_events_lost: int | str = 0

    @property
    def count(self) -> int:
        text = str(self.num_events_lost)
        return int(text) if text.isdecimal() and len(text) < 20 else 0


class Line(Flow):
    """A line of output: `flow` in its wrapper, or (legacy) the flow itself; or what else Hubble tells of."""

    flow: Flow | None = None
    lost_events: Lost | None = None
    node_status: Any = None
    agent_event: Any = None
    debug_event: Any = None

    def the_flow(self) -> Flow | None:
        """The flow, with the line's own time if it has none; None if the line has no flow."""
        flow = self.flow
        if flow is None:
            return self if self.l4 is not None or self.verdict else None
        if flow.time is None:
            flow.time = self.time
        return flow

    def other(self) -> str:
        """What a line without a flow is."""
        others = (self.node_status, self.agent_event, self.debug_event)
        return "an event of the agent or a node, no flow" if any(o is not None for o in others) else "no flow"
