"""Which cloud service an address belongs to, by the ranges that providers publish.

Nothing is built in: without a file nothing is called a cloud service. `cloud.published` reads the files.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import chain
from pathlib import Path
from typing import Final

from fairway.cloud.published import Published, read_published
from fairway.kit.errors import UsageError
from fairway.wire.address import Address, Network

GENERAL: Final = {"EC2": 1, "AMAZON": 2, "AzureCloud": 2, "Google Cloud": 2, "Google": 3}
"""Names that say little: AMAZON is all of AWS, EC2 also covers what other services run on. The least comes last."""

_Rank = tuple[int, int, str]
"""Weight, length of the prefix (negative), name: the least is the one to tell."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that ranges come from. `date` is the publisher's, as written; empty if unknown."""

    path: str
    provider: str
    date: str
    networks: int


class Ranges:
    """Published networks by service, of one provider or several."""

    def __init__(
        self, networks: Mapping[str, tuple[Network, ...]], date: str = "", sources: tuple[Source, ...] = ()
    ) -> None:
        self.date = date
        self.sources = sources
        self._networks = dict(networks)
        self._parts = {4: _parts(networks, 4), 6: _parts(networks, 6)}

    def service(self, address: str | Address) -> str | None:
        """The service's name as published, None outside all ranges; ValueError if the text is no address.

        Among names of equal weight (`GENERAL`) the longest prefix wins, then the first in alphabet.
        """
        parsed = ip_address(address) if isinstance(address, str) else address
        starts, names = self._parts[parsed.version]
        return names[bisect_right(starts, int(parsed)) - 1]

    def networks(self) -> Mapping[str, tuple[Network, ...]]:
        """All networks of each service, sorted: IPv4 first."""
        return self._networks


def read_ranges(path: Path, *more: Path) -> Ranges:
    """The ranges in files, and in the `*.json` of folders, together; UsageError names the place that is wrong."""
    files = list(chain.from_iterable(_files(one) for one in (path, *more)))
    published = [read_published(file) for file in files]
    networks: dict[str, set[Network]] = {}
    for one in published:
        for name, found in one.networks.items():
            networks.setdefault(name, set()).update(found)
    return Ranges(
        {name: tuple(sorted(found, key=_order)) for name, found in networks.items()},
        ", ".join(one.date for one in published if one.date),
        tuple(_source(file, one) for file, one in zip(files, published, strict=True)),
    )


def _files(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.json"))
    if not found:
        raise UsageError(f"{path}: holds no *.json; give files of published address ranges")
    return found


def _source(path: Path, published: Published) -> Source:
    return Source(str(path), published.provider, published.date, sum(map(len, published.networks.values())))


def _order(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


def _parts(networks: Mapping[str, tuple[Network, ...]], version: int) -> tuple[list[int], list[str | None]]:
    """The whole address space in parts with one name each: where each begins, and its name.

    Networks nest or are apart, so one pass with a stack of those that are open does.
    """
    found = sorted(
        (int(net.network_address), -int(net.broadcast_address), (GENERAL.get(name, 0), -net.prefixlen, name))
        for name, nets in networks.items()
        for net in nets
        if net.version == version
    )
    starts: list[int] = [0]
    names: list[str | None] = [None]
    open_: list[tuple[int, _Rank]] = []

    def begin(at: int) -> None:
        name = open_[-1][1][2] if open_ else None
        if starts[-1] == at:
            names[-1] = name
        elif names[-1] != name:
            starts.append(at)
            names.append(name)

    for start, last, rank in found:
        while open_ and open_[-1][0] < start:
            ended, _ = open_.pop()
            begin(ended + 1)
        open_.append((-last, min(rank, open_[-1][1]) if open_ else rank))
        begin(start)
    while open_:
        ended, _ = open_.pop()
        begin(ended + 1)
    return starts, names
