"""Cost: what bytes between zones cost, by prices per GB."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

GB: Final = 1 << 30
"""What providers bill as a GB."""

Prices = Mapping[tuple[str, str], float]
"""Dollars per GB from one zone to another, both ends' charges together."""


class Crossing(NamedTuple):
    """Bytes that went from the first zone to the second; empty where a zone is not known."""

    sender: str
    receiver: str
    size: int


class Bill(NamedTuple):
    """`dollars` of the bytes that have a price, among them `crossing` ones between zones; `unpriced` bytes have
    none, because a zone is not known or the pair is not in the table."""

    dollars: float = 0.0
    crossing: int = 0
    unpriced: int = 0


def bill(crossings: Iterable[Crossing], prices: Prices, gb: int = GB) -> Bill:
    """What all of them cost. Within a zone nothing does, unless the table says otherwise."""
    dollars, crossing, unpriced = 0.0, 0, 0
    for sender, receiver, size in crossings:
        price = prices.get((sender, receiver), 0.0 if sender and sender == receiver else None)
        if price is None:
            unpriced += size
            continue
        crossing += size * (sender != receiver)
        dollars += size / gb * price
    return Bill(dollars, crossing, unpriced)


def both_ways(client_zone: str, server_zone: str, sent: int, received: int) -> tuple[Crossing, Crossing]:
    """A flow's bytes by who sent them."""
    return Crossing(client_zone, server_zone, sent), Crossing(server_zone, client_zone, received)
