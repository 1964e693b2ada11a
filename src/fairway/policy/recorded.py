"""Recorded: connections that were seen, as columns over their distinct ends. Millions of them fit in memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint
from fairway.wire.words import PROTOCOL_NUMBERS, protocol_name

Array = NDArray[Any]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row per edge, or per flow of one; all columns are of one length.

    `client`, `server` and `service` are places in `ends` and `services`, `protocol` is IP's number, `last_seen` in
    microseconds since 1970. `dropped`: all that was seen was denied; `unanswered`: TCP that nobody took up;
    `known`: somebody saw who opened it.
    """

    ends: Sequence[Endpoint]
    services: Sequence[str]
    client: Array
    server: Array
    port: Array
    protocol: Array
    service: Array
    connections: Array
    last_seen: Array
    dropped: Array
    unanswered: Array
    known: Array

    def __len__(self) -> int:
        return len(self.client)

    def only(self, chosen: Array) -> "Recorded":
        """The rows that are chosen: a boolean for each."""
        columns = (f.name for f in fields(self) if f.name not in ("ends", "services"))
        return replace(self, **{name: getattr(self, name)[chosen] for name in columns})

    def edges(self) -> Iterator[Edge]:
        """Every row as an Edge."""
        return map(self.edge, range(len(self)))

    def edge(self, row: int, connections: int | None = None) -> Edge:
        """One row as an Edge, of which only what is recorded here is told."""
        client, server = self.ends[self.client[row]], self.ends[self.server[row]]
        seen = _EPOCH + int(self.last_seen[row]) * _MICROSECOND
        dropped, answered = bool(self.dropped[row]), not self.unanswered[row]
        return Edge(
            client=client,
            server=server,
            port=int(self.port[row]),
            protocol=protocol_name(int(self.protocol[row])),
            family=6 if ":" in client.address else 4,
            first_seen=seen,
            last_seen=seen,
            service=self.services[self.service[row]],
            connections=int(self.connections[row]) if connections is None else connections,
            received_packets=int(answered),
            denied=int(dropped),
            initiator_known=bool(self.known[row]),
        )


def recorded(edges: Iterable[Edge]) -> Recorded:
    """Edges as columns, in their order."""
    listed = list(edges)
    ends: dict[int, int] = {}  # by place in memory: hashing an Endpoint takes longer than all the rest
    found: list[Endpoint] = []
    for edge in listed:
        for end in (edge.client, edge.server):
            if id(end) not in ends:
                ends[id(end)] = len(found)
                found.append(end)
    services = {name: place for place, name in enumerate(dict.fromkeys(edge.service for edge in listed))}
    numbers = {name: PROTOCOL_NUMBERS.get(name) or int(name) for name in {edge.protocol for edge in listed}}
    return Recorded(
        ends=found,
        services=tuple(services),
        client=np.array([ends[id(edge.client)] for edge in listed], np.int32),
        server=np.array([ends[id(edge.server)] for edge in listed], np.int32),
        port=np.array([edge.port for edge in listed], np.uint16),
        protocol=np.array([numbers[edge.protocol] for edge in listed], np.uint8),
        service=np.array([services[edge.service] for edge in listed], np.int32),
        connections=np.array([edge.connections for edge in listed], np.int64),
        last_seen=np.array([(edge.last_seen - _EPOCH) // _MICROSECOND for edge in listed], np.int64),
        dropped=np.array([edge.denied > 0 and edge.connections == 0 for edge in listed], bool),
        unanswered=np.array([edge.protocol == "TCP" and not edge.answered for edge in listed], bool),
        known=np.array([edge.initiator_known for edge in listed], bool),
    )
