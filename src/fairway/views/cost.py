"""Cost: what moved between zones, what it costs, and how that differs from another time."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from fairway.cloud.prices import Prices, cost


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes between clients in one zone and servers in another, or in the same; an empty zone is outside, or not
    known. `cost` in the price table's currency, both ways; null where the table has no price."""

    client_zone: str
    server_zone: str
    sent_bytes: int
    received_bytes: int
    cost: float | None

    @property
    def size(self) -> int:
        """Bytes both ways."""
        return self.sent_bytes + self.received_bytes


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """`bytes` in all; `zoned_bytes` of them between ends whose zones are known, `crossing_bytes` of these between
    two zones. `cost` of all that has a price; `unpriced_bytes` have none."""

    bytes: int = 0
    zoned_bytes: int = 0
    crossing_bytes: int = 0
    cost: float = 0.0
    unpriced_bytes: int = 0

    @property
    def share(self) -> float | None:
        """What crosses of what could have stayed, 0 to 1: topology-aware routing brings it down."""
        return self.crossing_bytes / self.zoned_bytes if self.zoned_bytes else None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One pair of zones, both ways, now and before; `before` as if it had been as long a time."""

    client_zone: str
    server_zone: str
    bytes: int
    bytes_before: int
    cost: float | None
    cost_before: float | None


def crossings(rows: Iterable[Mapping[str, Any]], prices: Prices) -> list[Crossing]:
    """One for each pair, out of sums with `client_zone`, `server_zone`, `sent_bytes` and `received_bytes`."""
    moved: dict[tuple[str, str], tuple[int, int]] = {}
    for row in rows:
        pair = row["client_zone"], row["server_zone"]
        sent, received = moved.get(pair, (0, 0))
        moved[pair] = sent + row["sent_bytes"], received + row["received_bytes"]
    return [
        Crossing(
            client_zone=client,
            server_zone=server,
            sent_bytes=sent,
            received_bytes=received,
            cost=_both_ways(client, server, sent, received, prices),
        )
        for (client, server), (sent, received) in sorted(moved.items())
    ]


def bill(moved: Iterable[Crossing]) -> Bill:
    """All of it together."""
    whole, zoned, crossing, dollars, unpriced = 0, 0, 0, 0.0, 0
    for one in moved:
        known = bool(one.client_zone and one.server_zone)
        whole += one.size
        zoned += one.size * known
        crossing += one.size * (known and one.client_zone != one.server_zone)
        dollars += one.cost or 0.0
        unpriced += one.size * (one.cost is None)
    return Bill(bytes=whole, zoned_bytes=zoned, crossing_bytes=crossing, cost=dollars, unpriced_bytes=unpriced)


def changes(now: Iterable[Crossing], before: Iterable[Crossing], scale: float) -> list[Change]:
    """Pair by pair, the largest difference first; the time now is `scale` times as long as the one before."""
    pairs = {(one.client_zone, one.server_zone): one for one in now}
    earlier = {(one.client_zone, one.server_zone): one for one in before}
    found = [_change(pair, pairs.get(pair), earlier.get(pair), scale) for pair in {*pairs, *earlier}]
    return sorted(found, key=lambda one: (-abs(one.bytes - one.bytes_before), one.client_zone, one.server_zone))


def _change(pair: tuple[str, str], now: Crossing | None, before: Crossing | None, scale: float) -> Change:
    told = now or before
    priced = told is not None and told.cost is not None
    return Change(
        client_zone=pair[0],
        server_zone=pair[1],
        bytes=now.size if now else 0,
        bytes_before=round(before.size * scale) if before else 0,
        cost=(now.cost if now else 0.0) if priced else None,
        cost_before=((before.cost or 0.0) * scale if before else 0.0) if priced else None,
    )


def _both_ways(client: str, server: str, sent: int, received: int, prices: Prices) -> float | None:
    if not client or not server:
        return None
    there, back = cost(sent, client, server, prices), cost(received, server, client, prices)
    return None if there is None or back is None else there + back
