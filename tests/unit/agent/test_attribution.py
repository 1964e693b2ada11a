"""Whose rows are whose: by interface, and each under the pod's address of its own family."""

from typing import Any

import numpy as np
import pytest

from fairway.agent.attribution import of_known_pods
from fairway.wire.address import packed, text
from fairway.wire.batch import RECORD
from fairway.wire.rules import NodePod

PODS = {
    7: NodePod("uid-a", "n", "a", ("10.0.1.130", "2001:db8::1")),
    3: NodePod("uid-b", "n", "b", ("10.0.1.131",)),
    9: NodePod("uid-c", "n", "c", ()),
}


def told(spec: Any, *given: tuple[int, int, str]) -> list[tuple[int, str]]:
    """(place of the pod, its address) of the rows kept out of (interface, family, remote address)."""
    rows, keys = np.zeros(len(given), RECORD), np.zeros(len(given), spec.tables["flows"].key)
    for index, (interface, family, remote) in enumerate(given):
        keys["ifindex"][index], rows["family"][index] = interface, family
        rows["remote_address"][index] = np.frombuffer(packed(remote), "V16")[0]
    kept = of_known_pods(rows, keys, PODS)
    return [(int(row["pod"]), text(row["pod_address"].tobytes())) for row in kept]


def test_each_row_gets_its_pod_and_the_address_of_its_family(spec: Any) -> None:
    rows = (
        (3, 4, "10.0.1.1"),
        (7, 4, "10.0.1.1"),
        (7, 6, "2001:db8::9"),
        (3, 6, "2001:db8::9"),
        (9, 4, "10.0.1.1"),
    )
    assert told(spec, *rows) == [
        (1, "10.0.1.131"),
        (0, "10.0.1.130"),
        (0, "2001:db8::1"),
        (1, "::"),
        (2, "::"),
    ]


@pytest.mark.parametrize(
    ("interface", "remote"), [(1, "10.0.1.1"), (8, "10.0.1.1"), (99, "10.0.1.1"), (7, "224.0.0.1")]
)
def test_strangers_and_talk_to_nobody_in_particular_are_left_out(spec: Any, interface: int, remote: str) -> None:
    assert told(spec, (3, 4, "10.0.1.1"), (interface, 4, remote)) == [(1, "10.0.1.131")]
    assert told(spec, (interface, 4, remote)) == []


def test_without_pods_or_rows_there_is_nothing(spec: Any) -> None:
    assert told(spec) == []
    rows, keys = np.zeros(2, RECORD), np.zeros(2, spec.tables["flows"].key)
    assert len(of_known_pods(rows, keys, {})) == 0
