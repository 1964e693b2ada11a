"""rulings: what people decided about observed connections. Observed is not the same as wanted.

A decisions file is `decisions:`, a list of `client`, `server` (`namespace/workload`, an address or network, `*` for
any part), `port` and `protocol` (both optional), `decision` (allow or deny), `reason`, `who`, and `until` (a date,
optional). The first that fits an edge is obeyed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from fairway.kit.errors import InputErrors
from fairway.policy.decide import parsed
from fairway.policy.fields import Field, parse_network, shown
from fairway.wire.address import Network
from fairway.wire.edge import Edge
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import PROTOCOL_NUMBERS

_FIELDS: Final = ("client", "server", "port", "protocol", "decision", "reason", "who", "until")


@dataclass(frozen=True, slots=True)
class Ruling:
    """One decision; `port` and `protocol` None mean any. It holds up to and including the day `until`."""

    client: str
    server: str
    allow: bool
    reason: str
    who: str
    port: int | None = None
    protocol: str | None = None
    until: date | None = None

    @property
    def title(self) -> str:
        """`denied by ana: nobody should scan`, as evidence tells it."""
        until = f", until {self.until}" if self.until else ""
        return f"{'allowed' if self.allow else 'denied'} by {self.who}: {self.reason}{until}"

    def covers(self, other: "Ruling") -> bool:
        """It fits everything that the other one fits."""
        return (
            _covers(self.client, other.client)
            and _covers(self.server, other.server)
            and self.port in (None, other.port)
            and self.protocol in (None, other.protocol)
        )

    @property
    def pattern(self) -> str:
        what = f" {self.protocol or 'port'} {self.port or '*'}" if self.port or self.protocol else ""
        return f"{self.client} -> {self.server}{what}"


class Rulings:
    """The decisions that hold on one day."""

    def __init__(self, rulings: Iterable[Ruling] = (), today: date = date.min) -> None:
        given = tuple(rulings)
        self.expired = tuple(one for one in given if one.until and one.until < today)
        self._held = tuple(one for one in given if one not in self.expired)
        self._unseen: set[Ruling] = set()
        """Those that speak of something that was never seen: no flow fits them, and that is their point."""
        self._fitting: dict[tuple[bool, tuple[str, ...]], frozenset[int]] = {}

    @property
    def any(self) -> bool:
        """Some decision holds."""
        return bool(self._held)

    def of(self, edge: Edge) -> Ruling | None:
        """The decision on an edge; a Service that the client dialled counts as its server, too."""
        return self.on(edge.client, edge.server, edge.port, edge.protocol, edge.service)

    def on(self, client: Endpoint, server: Endpoint, port: int, protocol: str, service: str = "") -> Ruling | None:
        """The decision on a connection."""
        if not self._held:
            return None
        clients = self._fits(client, _names(client), as_client=True)
        fitting = clients and clients & self._fits(
            server, _names(server, service.rpartition(":")[0]), as_client=False
        )
        for number in sorted(fitting):
            one = self._held[number]
            if one.port in (None, port) and one.protocol in (None, protocol):
                return one
        return None

    def _fits(self, end: Endpoint, names: tuple[str, ...], *, as_client: bool) -> frozenset[int]:
        """The numbers of the decisions that an end fits on one side."""
        key = (as_client, names)
        if key not in self._fitting:
            patterns = ((n, one.client if as_client else one.server) for n, one in enumerate(self._held))
            self._fitting[key] = frozenset(n for n, pattern in patterns if _fits(pattern, names, end.address))
        return self._fitting[key]

    def about(self, client: str, server: str) -> Ruling | None:
        """The decision on a workload and a Service, both `namespace/name`, whatever the port; asked about what was
        never seen."""
        held = (one for one in self._held if _glob(one.client).fullmatch(client))
        found = next((one for one in held if _glob(one.server).fullmatch(server)), None)
        if found is not None:
            self._unseen.add(found)
        return found

    def obeyed(self, edges: Iterable[Edge]) -> tuple[list[Edge], list[Edge]]:
        """The edges that are wanted and those decided to be denied. One that was decided to be allowed is as
        good as opened, answered and never dropped."""
        wanted: list[Edge] = []
        unwanted: list[Edge] = []
        for edge in edges:
            ruling = self.of(edge)
            if ruling and ruling.allow:
                packets = max(edge.received_packets, 1)
                edge = msgspec.structs.replace(edge, received_packets=packets, denied=0, initiator_known=True)
            (unwanted if ruling and not ruling.allow else wanted).append(edge)
        return wanted, unwanted

    def remarks(self, edges: Iterable[Edge]) -> tuple[str, ...]:
        """What a person should know of the decisions themselves, one line each: those that are over, those that
        an earlier one never lets be reached, and those that fit no edge."""
        used = {self.of(edge) for edge in edges} | self._unseen
        found = [
            f"the decision `{one.pattern}` was over on {one.until}; renew or remove it" for one in self.expired
        ]
        for number, one in enumerate(self._held):
            first = next((earlier for earlier in self._held[:number] if earlier.covers(one)), None)
            if first is not None:
                says = "says it already; remove one" if first.allow is one.allow else "says otherwise; keep one"
                found.append(
                    f"the decision `{one.pattern}` ({one.title}) is never reached: "
                    f"`{first.pattern}` ({first.title}) comes before it and {says}"
                )
            elif one not in used:
                found.append(f"the decision `{one.pattern}` fits no flow; mend its pattern, or remove it")
        return tuple(found)


def read_rulings(documents: Iterable[tuple[str, Any]]) -> tuple[Ruling, ...]:
    """The decisions of files (source, value); InputErrors with every problem."""
    problems: list[str] = []
    found = []
    for source, value in documents:
        root = Field(value, "$", source, problems)
        root.only("decisions")
        if not root.get("decisions").present:
            root.problem("has no `decisions`; write the list")
        found += [_read(element) for element in root.get("decisions").each()]
    if problems:
        raise InputErrors(problems)
    return tuple(found)


def _read(field: Field) -> Ruling:
    field.only(*_FIELDS)
    decision = field.get("decision").required()
    if decision and decision not in ("allow", "deny"):
        field.get("decision").problem(f"{shown(decision)} is no decision; write `allow` or `deny`")
    protocol = field.get("protocol").text()
    if protocol and protocol not in PROTOCOL_NUMBERS:
        known = ", ".join(PROTOCOL_NUMBERS)
        field.get("protocol").problem(f"{shown(protocol)} is no protocol; one of {known}")
    return Ruling(
        client=field.get("client").required(),
        server=field.get("server").required(),
        allow=decision == "allow",
        reason=field.get("reason").required(),
        who=field.get("who").required(),
        port=field.get("port").integer(0, 65535),
        protocol=protocol or None,
        until=_date(field.get("until")),
    )


def _date(field: Field) -> date | None:
    if isinstance(field.value, datetime):
        return field.value.date()
    if field.value is None or isinstance(field.value, date):
        return field.value
    try:
        return date.fromisoformat(field.text())
    except ValueError:
        field.problem(f"{shown(field.value)} is no date; write one such as 2026-12-31")
        return None


def _names(end: Endpoint, service: str = "") -> tuple[str, ...]:
    own = f"{end.namespace}/{end.name}" if end.kind is Kind.SERVICE else end.group
    return tuple(name for name in (own, end.address, service) if name)


def _fits(pattern: str, names: tuple[str, ...], address: str) -> bool:
    network = _network(pattern)
    if network is not None:
        return parsed(address) in network
    return any(_glob(pattern).fullmatch(name) for name in names)


def _covers(pattern: str, other: str) -> bool:
    """Whatever fits the other pattern fits this one. A pattern's `*` fits another's `*` as it fits any text."""
    network = _network(pattern)
    if network is None:
        return _glob(pattern).fullmatch(other) is not None
    part = _network(other if "/" in other else f"{other}/{network.max_prefixlen}")
    return part is not None and part.version == network.version and part.subnet_of(network)  # type: ignore[arg-type]


@lru_cache(maxsize=4096)
def _network(pattern: str) -> Network | None:
    try:
        return parse_network(pattern)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))))
