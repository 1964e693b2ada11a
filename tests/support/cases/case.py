"""A case: a small cluster, policies, and what they must say about some connections."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fairway.wire.words import Posture

Object = dict[str, Any]


class Probe(NamedTuple):
    """A connection between two addresses to the server's port (`80`, `53/UDP`, `0/ICMP`), and the right answer."""

    client: str
    server: str
    port: str
    allowed: bool

    @property
    def number(self) -> int:
        return int(self.port.partition("/")[0])

    @property
    def protocol(self) -> str:
        return self.port.partition("/")[2] or "TCP"


@dataclass(frozen=True)
class Case:
    """`id` begins with `np` and the number of its line in the list; `names` are what domain names resolve to."""

    id: str
    objects: Sequence[Object]
    policies: Sequence[Object]
    probes: Sequence[Probe]
    names: dict[str, list[str]] = field(default_factory=dict)
    posture: Posture = Posture.ALLOW


Row = tuple[str, list[Object], list[tuple[str, str, str, bool]]]
"""A line of a table: id, policies, probes."""


def table(objects: Sequence[Object], rows: Iterable[Row], **more: Any) -> tuple[Case, ...]:
    """Cases over one cluster."""
    return tuple(Case(id, objects, policies, [Probe(*p) for p in probes], **more) for id, policies, probes in rows)
