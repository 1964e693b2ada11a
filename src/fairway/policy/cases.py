"""Cases: the lines that `verdicts` reads. One is a small cluster, its policies, and the connections to judge."""

from typing import Annotated, Any, Literal, get_args

import msgspec

from fairway.policy import plain
from fairway.wire.words import PROTOCOL_NUMBERS

PROTOCOLS = {name.upper(): name for name in PROTOCOL_NUMBERS}
"""By what a probe may write, in capitals."""
Spelling = Literal["TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "tcp", "udp", "sctp", "icmp", "icmpv6"]
SPELLINGS = {spelt: PROTOCOLS[spelt.upper()] for spelt in get_args(Spelling)}
Object = dict[str, Any]


class Probe(msgspec.Struct, frozen=True, gc=False):
    """A connection to judge. Ends are `namespace/pod`, `namespace/service` or an address; `port` is the server's
    own, 0 for a protocol without ports."""

    src: str
    dst: str
    port: int = 0
    proto: str = "TCP"


class Case(msgspec.Struct, frozen=True):
    """A cluster, its policies and probes. Objects need no `kind` but in `policies`; `names` are what domain names
    resolve to. Other fields are passed over."""

    probes: list[Probe]
    namespaces: list[Object] = []
    pods: list[Object] = []
    nodes: list[Object] = []
    services: list[Object] = []
    policies: list[Object] = []
    names: dict[str, list[str]] = {}


class PlainProbe(msgspec.Struct, frozen=True, gc=False):
    """A probe to a port, its protocol spelt as nearly everybody does."""

    src: str
    dst: str
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    proto: Spelling = "TCP"


class PlainCase(msgspec.Struct, frozen=True):
    """The same of ordinary objects. Policies are of any kind: each is decoded by itself."""

    probes: list[PlainProbe]
    namespaces: list[plain.Namespace] = []
    pods: list[plain.Pod] = []
    nodes: list[plain.Node] = []
    services: list[msgspec.Raw] = []
    policies: list[msgspec.Raw] = []
    names: dict[str, list[str]] = {}
