"""Published address ranges of AWS, Google and Azure, each in its provider's own form.

AWS `ip-ranges.json`: https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html. Google `cloud.json` and
`goog.json`: https://support.google.com/a/answer/10026322. Azure service tags:
https://learn.microsoft.com/azure/virtual-network/service-tags-overview.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway.kit.errors import UsageError
from fairway.wire.address import Network

MAX_FILE_BYTES: Final = 64 << 20

Entries = Iterator[tuple[str, str, str, type[Network] | None]]
"""Where in the document, the network as text, the service, and the family it must be of."""


@dataclass(frozen=True, slots=True)
class Published:
    """One file: networks by service, as published. `date` as written; Azure gives a number instead."""

    provider: str
    date: str
    networks: Mapping[str, frozenset[Network]]


class _Aws4(msgspec.Struct):
    ip_prefix: str
    service: str


class _Aws6(msgspec.Struct):
    ipv6_prefix: str
    service: str


class _Aws(msgspec.Struct):
    prefixes: list[_Aws4]
    ipv6_prefixes: list[_Aws6] = []
    create_date: str = msgspec.field(name="createDate", default="")

    def entries(self) -> Entries:
        for index, one in enumerate(self.prefixes):
            yield f"$.prefixes[{index}].ip_prefix", one.ip_prefix, one.service, IPv4Network
        for index, six in enumerate(self.ipv6_prefixes):
            yield f"$.ipv6_prefixes[{index}].ipv6_prefix", six.ipv6_prefix, six.service, IPv6Network


class _GooglePrefix(msgspec.Struct):
    v4: str = msgspec.field(name="ipv4Prefix", default="")
    v6: str = msgspec.field(name="ipv6Prefix", default="")
    service: str = "Google"


class _Google(msgspec.Struct):
    prefixes: list[_GooglePrefix]
    create_date: str = msgspec.field(name="creationTime", default="")

    def entries(self) -> Entries:
        for index, one in enumerate(self.prefixes):
            if one.v4:
                yield f"$.prefixes[{index}].ipv4Prefix", one.v4, one.service, IPv4Network
            if one.v6:
                yield f"$.prefixes[{index}].ipv6Prefix", one.v6, one.service, IPv6Network


class _AzureProperties(msgspec.Struct):
    prefixes: list[str] = msgspec.field(name="addressPrefixes", default_factory=list)


class _AzureTag(msgspec.Struct):
    name: str
    properties: _AzureProperties


class _Azure(msgspec.Struct):
    values: list[_AzureTag]
    number: int = msgspec.field(name="changeNumber", default=0)

    @property
    def create_date(self) -> str:
        return f"change {self.number}" if self.number else ""

    def entries(self) -> Entries:
        """`Storage` holds what `Storage.WestEurope` holds; a tag in parts alone goes by what they share."""
        whole = {tag.name for tag in self.values if "." not in tag.name}
        for index, tag in enumerate(self.values):
            service = tag.name.partition(".")[0]
            if service == tag.name or service not in whole:
                for number, text in enumerate(tag.properties.prefixes):
                    yield f"$.values[{index}].properties.addressPrefixes[{number}]", text, service, None


_Form = type[_Aws] | type[_Google] | type[_Azure]


def read_published(path: Path) -> Published:
    """Read one file of any provider; UsageError names the place that is wrong."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UsageError(f"{path}: is over the limit of {MAX_FILE_BYTES >> 20} MiB for address ranges")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; give the provider's ip-ranges.json") from error
    return parse(content, str(path))


def parse(content: bytes, where: str) -> Published:
    """The ranges in a file's bytes; `where` names the file in the UsageError that tells what is wrong."""
    try:
        provider, form = _form(msgspec.json.decode(content, type=dict[str, msgspec.Raw]))
        file = msgspec.json.decode(content, type=form)
    except (msgspec.MsgspecError, RecursionError) as error:
        known = "AWS ip-ranges.json, Google cloud.json or Azure service tags"
        raise UsageError(f"{where}: is no {known}: {error}") from error
    networks: dict[str, set[Network]] = {}
    for place, text, service, kind in file.entries():
        networks.setdefault(service, set()).add(_network(where, place, text, kind))
    return Published(provider, file.create_date, {name: frozenset(found) for name, found in networks.items()})


def _form(document: Mapping[str, msgspec.Raw]) -> tuple[str, _Form]:
    if "values" in document:
        return "Azure", _Azure
    return ("Google", _Google) if "creationTime" in document else ("AWS", _Aws)


def _network(where: str, place: str, text: str, kind: type[Network] | None) -> Network:
    make: Callable[[Any], Network] = kind or (IPv6Network if ":" in text else IPv4Network)
    try:
        return make(text)
    except ValueError as error:
        raise UsageError(f"{where}: `{place}` `{text}` is no network: {error}") from error
