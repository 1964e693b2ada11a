"""Locality: how much of what calls a workload stays in its zone, and how much could, by its replicas."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from fairway.cloud.prices import Prices
from fairway.views.cost import Bill, Crossing, bill, crossings


class Locality(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one workload between ends whose zones are known. `stays`: the share of their bytes that stayed in
    the caller's zone; `could`: of callers in zones with a ready replica, which topology-aware routing can keep
    there; both 0 to 1. `cost` of what crossed, `avoidable` what of it the callers' own zones could have answered,
    in the price table's currency. `replicas` that are ready, by zone; `zones` that call it and have none."""

    workload: str
    bytes: int
    stays: float
    could: float
    cost: float
    avoidable: float
    replicas: dict[str, int]
    zones: list[str]
    stays_before: float | None = None


def localities(
    rows: Iterable[Mapping[str, Any]], replicas: Mapping[str, Mapping[str, int]], prices: Prices
) -> list[Locality]:
    """One for each called workload, the dearest first. `rows` are sums with `server_namespace` and `server_group`
    (as `Kind/name`), both ends' zones, and bytes both ways; `replicas` by `namespace/Kind/name`, then zone."""
    called: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["client_zone"] and row["server_zone"]:
            called[f"{row['server_namespace']}/{row['server_group']}"].append(row)
    found = [_of(name, crossings(some, prices), replicas.get(name, {})) for name, some in called.items()]
    return sorted(found, key=lambda one: (-one.avoidable, -one.cost, -one.bytes, one.workload))


def compared(now: Iterable[Locality], before: Iterable[Locality]) -> list[Locality]:
    """The same, with the share that stayed at another time: what a change of routing or of replicas did."""
    earlier = {one.workload: one.stays for one in before}
    return [msgspec.structs.replace(one, stays_before=earlier.get(one.workload)) for one in now]


def _of(name: str, moved: list[Crossing], replicas: Mapping[str, int]) -> Locality:
    total = bill(moved)
    near = [one for one in moved if replicas.get(one.client_zone)]
    return Locality(
        workload=name,
        bytes=total.bytes,
        stays=1 - (total.share or 0.0),
        could=bill(near).bytes / total.bytes if total.bytes else 0.0,
        cost=_crossed(moved).cost,
        avoidable=_crossed(near).cost,
        replicas=dict(sorted(replicas.items())),
        zones=sorted({one.client_zone for one in moved} - replicas.keys()),
    )


def _crossed(moved: Iterable[Crossing]) -> Bill:
    return bill(one for one in moved if one.client_zone != one.server_zone)
