"""Hops: what stood between two ends, as far as a cloud's imported flow logs tell."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pyarrow as pa

from fairway.hub.columns import UNKNOWN_FIELDS
from fairway.hub.importers.vpc_columns import HOP

PATHS: Final = {
    "1": "another resource of the VPC",
    "2": "internet gateway or gateway endpoint",
    "3": "virtual private gateway",
    "4": "VPC peering",
    "5": "VPC peering with another region",
    "6": "local gateway",
    "7": "gateway endpoint",
    "8": "internet gateway",
}
"""AWS's field `traffic-path`: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html."""


def hops_of(flows: pa.Table, names: Mapping[str, str]) -> dict[frozenset[str], frozenset[str]]:
    """By both ends' addresses. `names` are descriptions of network interfaces, by id and by address."""
    found: dict[frozenset[str], set[str]] = defaultdict(set)
    told = flows.select(["client_address", "server_address", UNKNOWN_FIELDS]).group_by(
        ["client_address", "server_address", UNKNOWN_FIELDS], use_threads=False
    )
    for row in told.aggregate([]).to_pylist():
        fields = msgspec.json.decode(row[UNKNOWN_FIELDS]) if row[UNKNOWN_FIELDS] else {}
        found[frozenset((row["client_address"], row["server_address"]))] |= set(_words(fields, names))
    return {ends: frozenset(words) for ends, words in found.items() if words}


def _words(fields: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    words = []
    if isinstance(hop := fields.get(HOP), str):
        called = next((names[word] for word in hop.split() if word in names), "")
        words.append(f"{called} ({hop})" if called else f"NAT ({hop})")
    if (path := fields.get("traffic-path")) in PATHS:
        words.append(PATHS[path])
    return words
