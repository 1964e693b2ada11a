"""The formats there are: their names, how each is told from the others, and who reads it."""

import re
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from fairway.hub.importers.calico import Calico
from fairway.hub.importers.cni import Cni
from fairway.hub.importers.ends import Ends, Words
from fairway.hub.importers.hubble import Hubble
from fairway.hub.importers.lines import Block
from fairway.hub.importers.netobserv import NetObserv
from fairway.hub.importers.sight import Sights
from fairway.hub.importers.tally import Tally
from fairway.hub.importers.vpc import Vpc
from fairway.hub.importers.vpc_parquet import MAGIC


class Reader(Protocol):
    """One format's reader of one file."""

    def read(self, block: Block) -> Sights:
        """The sights of a block of lines; what is of no use goes to the tally."""


Make = Callable[[Ends, Words, Tally, Sequence[str]], Reader]
"""The last are the fields of a custom log format, or none."""

READERS: Final[dict[str, Make]] = {
    "hubble": lambda ends, words, tally, _: Hubble(ends, words, tally),
    "calico": lambda ends, words, tally, _: Calico(ends, words, tally),
    "vpc-cni": lambda ends, _, tally, __: Cni(ends, tally),
    "vpc-flow-log": lambda ends, _, tally, fields: Vpc(ends, tally, fields),
    "netobserv": lambda ends, _, tally, __: NetObserv(ends, tally),
}

_SIGNS: Final = (
    ("vpc-cni", rb"Flow Info|PolicyVerdict"),
    ("netobserv", rb"SrcAddr.{0,4}\"[^\n]*DstAddr|DstAddr.{0,4}\"[^\n]*SrcAddr"),
    ("calico", rb"\"(source_name|SourceName|sourceName|source_name_aggr)\""),
    (
        "hubble",
        rb"\"(flow|lost_events|agent_event|debug_event|node_status)\"\s*:\s*\{|\"(l4|traffic_direction)\"\s*:",
    ),
    ("vpc-flow-log", rb"\b(pkt-)?srcaddr\b|\b(ACCEPT|REJECT|-) (OK|NODATA|SKIPDATA)\b"),
)


def detect(head: bytes) -> str | None:
    """The format of a file that begins like this; None if it is none of them."""
    if head.startswith(MAGIC):
        return "vpc-flow-log"
    return next((name for name, sign in _SIGNS if re.search(sign, head)), None)
