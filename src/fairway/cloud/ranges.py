"""Which cloud service an address belongs to, by the ranges its provider publishes.

Form: AWS `ip-ranges.json` (https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html).
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from fairway.kit.errors import UsageError
from fairway.wire.address import Address, Network

MAX_FILE_BYTES: Final = 64 << 20

GENERAL: Final = {"EC2": 1, "AMAZON": 2}
"""Names that say little: AMAZON is all of AWS, EC2 also covers what other services run on. The least comes last."""


class _Prefix4(msgspec.Struct):
    ip_prefix: str
    service: str
    region: str = ""


class _Prefix6(msgspec.Struct):
    ipv6_prefix: str
    service: str
    region: str = ""


class _File(msgspec.Struct):
    prefixes: list[_Prefix4]
    ipv6_prefixes: list[_Prefix6] = []
    create_date: str = msgspec.field(name="createDate", default="")


class _Level(NamedTuple):
    """All networks of one family and prefix length: the network's number to its best name."""

    shift: int
    names: dict[int, str]


class Ranges:
    """Published networks by service. `date` is the publisher's, as written; empty if unknown."""

    def __init__(self, networks: Mapping[str, tuple[Network, ...]], date: str = "") -> None:
        self.date = date
        self._networks = dict(networks)
        self._levels = {4: _levels(networks, IPv4Network, 32), 6: _levels(networks, IPv6Network, 128)}

    def service(self, address: str | Address) -> str | None:
        """The service's name as published, None outside all ranges; ValueError if the text is no address.

        Among names of equal weight (`GENERAL`) the longest prefix wins, then the first in alphabet.
        """
        parsed = ip_address(address) if isinstance(address, str) else address
        number, best = int(parsed), None
        for shift, names in self._levels[parsed.version]:
            name = names.get(number >> shift)
            if name is not None and (best is None or _weight(name) < _weight(best)):
                best = name
                if name not in GENERAL:
                    break
        return best

    def networks(self) -> Mapping[str, tuple[Network, ...]]:
        """All networks of each service, sorted: IPv4 first."""
        return self._networks


def read_ranges(path: Path) -> Ranges:
    """Read an ip-ranges.json; UsageError names the place that is wrong."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UsageError(f"{path}: is over the limit of {MAX_FILE_BYTES >> 20} MiB for address ranges")
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; give the provider's ip-ranges.json") from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: is no AWS ip-ranges.json: {error}") from error
    networks: dict[str, set[Network]] = {}
    for index, prefix in enumerate(file.prefixes):
        where = f"$.prefixes[{index}].ip_prefix"
        networks.setdefault(prefix.service, set()).add(_network(path, where, prefix.ip_prefix, IPv4Network))
    for index, prefix6 in enumerate(file.ipv6_prefixes):
        where = f"$.ipv6_prefixes[{index}].ipv6_prefix"
        networks.setdefault(prefix6.service, set()).add(_network(path, where, prefix6.ipv6_prefix, IPv6Network))
    return Ranges({name: tuple(sorted(nets, key=_order)) for name, nets in networks.items()}, file.create_date)


def _network(path: Path, where: str, text: str, kind: type[IPv4Network] | type[IPv6Network]) -> Network:
    try:
        return kind(text)
    except ValueError as error:
        raise UsageError(f"{path}: `{where}` `{text}` is no network: {error}") from error


def _order(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


def _weight(name: str) -> int:
    return GENERAL.get(name, 0)


def _levels(networks: Mapping[str, tuple[Network, ...]], kind: type, bits: int) -> tuple[_Level, ...]:
    """One dictionary per prefix length, longest first: a look-up is at most as many probes as lengths in use."""
    levels: dict[int, dict[int, str]] = {}
    for name in sorted(networks, key=lambda name: (_weight(name), name)):
        for network in networks[name]:
            if isinstance(network, kind):
                shift = bits - network.prefixlen
                levels.setdefault(shift, {}).setdefault(int(network.network_address) >> shift, name)
    return tuple(_Level(shift, levels[shift]) for shift in sorted(levels))
