"""Field: a value inside a document that knows its path, so that every problem can be told by place."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

import msgspec

from fairway.kit.errors import one_line
from fairway.wire.address import Address, Network

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAPPED_BITS: Final = 96
_QUOTED: Final = 60


def shown(value: Any) -> str:
    """A value of the input as a problem quotes it: short, printable, in backticks unless it is a number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    text = value if isinstance(value, str) else _beginning(value)
    short = f"{text[:_QUOTED]}..." if len(text) > _QUOTED else text
    return short if number else f"`{one_line(short)}`"


def _beginning(value: Any) -> str:
    """The first characters of a value as JSON. What aliases made endless, or JSON cannot say, ends early."""
    text = ""
    try:
        for part in json.JSONEncoder(default=str).iterencode(value):
            text += part
            if len(text) > _QUOTED:
                break
    except (TypeError, ValueError, RecursionError):
        text += "..."
    return text


def parse_address(text: str) -> Address:
    """An address; an IPv4 address mapped into IPv6 is the IPv4 address. ValueError if it is none."""
    if "%" in text:
        raise ValueError("a zone is part of an interface, not of an address")
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def parse_network(text: str) -> Network:
    """A network with its host bits cleared (RFC 4632); mapped IPv4 is IPv4. ValueError if it is none."""
    if "/" not in text or "%" in text:
        raise ValueError("has no prefix length")
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


@lru_cache(maxsize=1024)
def _step(key: str) -> str:
    """A key as a path has it."""
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"['{key}']"


class Field(msgspec.Struct, frozen=True, gc=False):
    """A value at `path` of the object `owner` (`file: Kind namespace/name`). Absent and null are both None.

    The reading methods never raise: a value of the wrong type is told in `problems` and read as absent.
    """

    value: Any
    path: str
    owner: str
    problems: list[str]

    @property
    def present(self) -> bool:
        return self.value is not None

    def problem(self, text: str) -> None:
        """Tell one problem of this value: what is wrong; what to do."""
        line = f"{self.owner}: `{self.path}` {text}"
        if line not in self.problems[-50:]:
            self.problems.append(line)

    def get(self, *keys: str) -> "Field":
        """The value below one or more keys."""
        field = self
        for key in keys:
            content = field.value
            if content is not None and not isinstance(content, dict):
                field.problem(f"{shown(content)} is not a mapping; see `kubectl explain`")
                content = None
            field = Field((content or {}).get(key), field.path + _step(key), self.owner, self.problems)
        return field

    def only(self, *keys: str) -> None:
        """Tell every key that is not one of these: a misspelt one would silently widen a policy."""
        if isinstance(self.value, dict):
            for key in self.value:
                if key not in keys:
                    self.problem(f"has no field {shown(key)}; one of {', '.join(keys)}")

    def each(self) -> Iterator["Field"]:
        """The elements of a list."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            self.problem(f"{shown(self.value)} is not a list; write `- ` before each element")
            return
        for index, element in enumerate(self.value):
            yield Field(element, f"{self.path}[{index}]", self.owner, self.problems)

    def text(self, default: str = "") -> str:
        if self.value is None:
            return default
        if isinstance(self.value, str):
            return self.value
        self.problem(f"{shown(self.value)} is not text; put it in quotes")
        return default

    def required(self) -> str:
        """Text that must be there."""
        if self.value is None or self.value == "":
            self.problem("is missing; write it")
            return ""
        return self.text()

    def integer(self, low: int, high: int) -> int | None:
        if self.value is None:
            return None
        if isinstance(self.value, int) and not isinstance(self.value, bool) and low <= self.value <= high:
            return self.value
        self.problem(f"{shown(self.value)} is not a number from {low} to {high}; write one")
        return None

    def truth(self) -> bool:
        if self.value is None or isinstance(self.value, bool):
            return bool(self.value)
        self.problem(f"{shown(self.value)} is not true or false; write one of them")
        return False

    def strings(self) -> dict[str, str]:
        """A mapping of text to text, such as labels."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            self.problem(f"{shown(self.value)} is not a mapping; write `key: value`")
            return {}
        return {str(key): self.get(str(key)).text() for key in self.value}

    def texts(self) -> list[str]:
        """A list of text."""
        return [element.text() for element in self.each()]

    def address(self) -> str | None:
        """An address in canonical text."""
        text = self.text()
        try:
            return str(parse_address(text)) if text else None
        except ValueError:
            self.problem(f"{shown(text)} is not an IP address; write one such as `10.0.0.7` or `fd00::7`")
            return None

    def network(self) -> Network | None:
        """A network; host bits are cleared."""
        text = self.required()
        try:
            return parse_network(text) if text else None
        except ValueError:
            self.problem(f"{shown(text)} is not a network; write one such as `10.0.0.0/16` or `fd00::/64`")
            return None
