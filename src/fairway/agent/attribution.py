"""Whose rows are whose: interfaces become pods."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fairway.agent.conversations import group_addresses
from fairway.agent.kernel import Records
from fairway.wire.address import family, packed
from fairway.wire.rules import NodePod


def of_known_pods(rows: NDArray[np.void], keys: Records, by_interface: Mapping[int, NodePod]) -> NDArray[np.void]:
    """Rows with `pod`, an index into the mapping's values, and `pod_address` filled in.

    Left out, and so in the rest: those of an interface that is not known, or just went away, and those to nobody in
    particular (multicast, link-local).
    """
    if not len(rows) or not by_interface:
        return rows[:0]
    order = np.argsort(interfaces := np.array(list(by_interface), "i8"))
    sorted_ones = interfaces[order]
    mine = keys["ifindex"].astype("i8")
    at = np.minimum(np.searchsorted(sorted_ones, mine), len(sorted_ones) - 1)
    known = np.flatnonzero((sorted_ones[at] == mine) & ~group_addresses(rows["remote_address"]))
    rows, pods = rows.take(known), order[at[known]]
    rows["pod"] = pods
    addresses = np.zeros((len(by_interface), 2), "V16")
    for index, pod in enumerate(by_interface.values()):
        for address in map(packed, pod.addresses):
            addresses[index, int(family(address) == 6)] = np.frombuffer(address, "V16")[0]
    rows["pod_address"] = addresses[pods, (rows["family"] == 6).astype("i8")]
    return rows
