"""Traffic: what was seen, hour by hour, in the form that every detector reads. Hours are counted since 1970."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

COUNTERS: Final = (
    *("connections", "failed", "sent_bytes", "received_bytes", "sent_packets", "received_packets"),
    "retransmissions",
)
OUTSIDE: Final = "outside"
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
K = TypeVar("K", "str", "Pair")


class Pair(msgspec.Struct, frozen=True, order=True):
    """A client, whom it calls and where. Ends are groups: `shop/ui` for pods, a Service, a cloud service, a network
    outside. `outside`: the server is not of the cluster; `pod`: the client is a workload's pod."""

    client: str
    server: str
    port: int
    protocol: str
    outside: bool = False
    pod: bool = True

    @property
    def title(self) -> str:
        """`shop/ui -> shop/orders 8080/TCP`."""
        return f"{self.client} -> {self.server} {self.port}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Rows of counters: of pair `pairs[of[i]]`, in hour `hours[i]`, `counts[i]` in the order of COUNTERS."""

    pairs: tuple[Pair, ...]
    of: Ints
    hours: Ints
    counts: Floats

    def column(self, name: str) -> Floats:
        """One counter of every row."""
        column: Floats = self.counts[:, COUNTERS.index(name)]
        return column

    @property
    def bytes(self) -> Floats:
        """Both ways."""
        return self.column("sent_bytes") + self.column("received_bytes")

    def chosen(self, rows: NDArray[np.bool_]) -> "Traffic":
        """Those rows alone; pairs keep their numbers."""
        return Traffic(self.pairs, self.of[rows], self.hours[rows], self.counts[rows])

    def within(self, begin: int, end: int) -> "Traffic":
        """Rows of the hours from `begin` to before `end`."""
        return self.chosen((self.hours >= begin) & (self.hours < end))


@dataclass(frozen=True, slots=True)
class Grouped(Generic[K]):
    """Pairs put together: `keys` are the groups, `group` each pair's number among them, -1 for none."""

    keys: tuple[K, ...]
    group: Ints

    @classmethod
    def by(cls, pairs: Iterable[Pair], key: Callable[[Pair], K | None]) -> Self:
        """Groups in the order of their first pair; a key of None leaves a pair out."""
        numbers: dict[K, int] = {}
        group = [-1 if (told := key(pair)) is None else numbers.setdefault(told, len(numbers)) for pair in pairs]
        return cls(tuple(numbers), np.array(group, np.int64))

    def sums(self, traffic: Traffic, values: Floats, begin: int, end: int) -> Floats:
        """A row for each group and a column for each hour: `values`, one for each row of the traffic, added up."""
        width = end - begin
        group = self.group[traffic.of] if len(traffic.of) else traffic.of
        rows = (group >= 0) & (traffic.hours >= begin) & (traffic.hours < end)
        cells = group[rows] * width + traffic.hours[rows] - begin
        summed = np.bincount(cells, weights=values[rows], minlength=len(self.keys) * width)
        return summed.astype(np.float64).reshape(len(self.keys), width)


@dataclass(frozen=True, slots=True)
class Hour:
    """The hour that is judged. `whole`: it is over; else it is judged as far as it came. `alive` are workloads that
    have pods now, None where nobody knows; `changed` those deployed lately."""

    number: int
    traffic: Traffic
    whole: bool = True
    alive: frozenset[str] | None = None
    changed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of before the hour that is judged: `traffic` of the hours from `begin` to before `end`.
    `watched` says of each of them whether anything was reported at all; `left_out` are subjects and hours that must
    not be learned from, because something was wrong then; `changed` workloads and the hours after a deploy."""

    traffic: Traffic
    begin: int
    end: int
    watched: NDArray[np.bool_]
    left_out: frozenset[tuple[str, int]] = frozenset()
    changed: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def of(
        cls,
        traffic: Traffic,
        begin: int,
        end: int,
        left_out: Iterable[tuple[str, int]] = (),
        changed: Iterable[tuple[str, int]] = (),
    ) -> "Past":
        """Of all rows of the hours from `begin`, but not before the first that anything is known of, to before
        `end`."""
        held = traffic.within(begin, end)
        begin = int(held.hours.min()) if len(held.hours) else end
        watched = np.bincount(held.hours - begin, minlength=max(0, end - begin)) > 0
        return cls(held, begin, end, watched, frozenset(left_out), frozenset(changed))

    def often(self, hours: int) -> frozenset[Pair]:
        """Pairs that were active in at least so many hours: what is rarer has no rhythm, and may be legion."""
        active = np.bincount(self.traffic.of, minlength=len(self.traffic.pairs))
        return frozenset(self.traffic.pairs[number] for number in np.flatnonzero(active >= hours))

    def sums(self, groups: Grouped[K], values: Floats) -> Floats:
        """As of `Grouped.sums`, NaN for hours nobody watched, before a group was first seen, and those left out.
        A group is left out by its own name, or its client's."""
        summed = groups.sums(self.traffic, values, self.begin, self.end)
        summed[:, ~self.watched] = np.nan
        born = np.argmax(summed > 0, axis=1) if summed.shape[1] else np.zeros(len(summed), np.int64)
        summed[np.arange(summed.shape[1])[None, :] < born[:, None]] = np.nan
        numbers = {title_of(key): index for index, key in enumerate(groups.keys)}
        for subject, hour in self.left_out:
            if subject in numbers and self.begin <= hour < self.end:
                summed[numbers[subject], hour - self.begin] = np.nan
        return summed


def title_of(key: Pair | str) -> str:
    """A group's name: a pair's title, else the key as it is written."""
    return key.title if isinstance(key, Pair) else key


def moment(hour: int) -> datetime:
    """When an hour begins."""
    return datetime.fromtimestamp(hour * 3600, UTC)
