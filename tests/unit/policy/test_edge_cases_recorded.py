"""Recorded traffic and addresses that are used again: replay judges whoever held an address when the flow was seen.

The number in a test's id is that of the line in docs/edge-cases.md.
"""

import pyarrow as pa
import pytest

from fairway.hub.edges import edges_of
from fairway.hub.names import Names
from fairway.hub.owners import GRACE_US
from fairway.hub.record import named
from fairway.policy.read import read_policy_set
from fairway.policy.replay import replay
from fairway.wire.edge import Edge
from fairway.wire.words import Initiator
from support.cases.policies import ingress, pods, sel
from support.objects import Object, cluster, node, pod
from support.reports import T0, report

SERVER, REUSED = "10.0.1.20", "10.0.1.30"
DAY = 24 * 3600 * 1_000_000
DB = pod("x/db-0", SERVER, labels={"app": "db"})
WEB, INTRUDER = (pod(f"x/{name}-0", REUSED, labels={"app": name}, on="n2") for name in ("web", "intruder"))
ONLY_WEB = read_policy_set([("p.yaml", ingress({"from": [pods(app="web")]}, subject=sel(app="db")))])


def world(*others: Object) -> list[Object]:
    return [node("n1", "10.0.1.10"), node("n2", "10.0.1.11"), DB, *others]


def finished(one: Object) -> Object:
    return {**one, "status": {**one["status"], "phase": "Succeeded"}}


def recorded(times: list[int], *moments: tuple[int, list[Object]]) -> list[Edge]:
    """Edges of one connection from REUSED to the database at each of `times`, with the cluster as it was from
    each moment on."""
    names, tables, waiting = Names(), [], list(times)
    for index, (since, objects) in enumerate(moments):
        names.observe(cluster(*objects), since)
        until = moments[index + 1][0] if index + 1 < len(moments) else max(times) + 1
        for at in [at for at in waiting if at < until]:
            waiting.remove(at)
            told = report(
                SERVER, REUSED, 5432, Initiator.REMOTE, at=at, connections=1, rx_packets=3, tx_packets=3,
                name=("n1", "x", "db-0"),
            )  # fmt: skip
            tables.append(named([told], names))
    return edges_of(pa.concat_tables(tables))


def broken(edges: list[Edge], *now: Object) -> list[tuple[str, int]]:
    """Who would be denied, with connections, where the cluster is as of now."""
    found = replay(edges, ONLY_WEB, cluster(*world(*now))).broken
    return [(one.client, one.connections) for one in found]


BEFORE, AFTER = T0, T0 + DAY
THEN, LATER = T0 + DAY // 2, T0 + 3 * DAY // 2


@pytest.mark.parametrize("now", [WEB, INTRUDER, finished(WEB)], ids=["web", "intruder", "nobody"])
@pytest.mark.parametrize("completed", [False, True], ids=["gone", "finished"])
def test_np37_each_flow_is_its_holders_of_the_time(now: Object, completed: bool) -> None:
    second = world(INTRUDER, *([finished(WEB)] if completed else []))
    edges = recorded([THEN, LATER], (BEFORE, world(WEB)), (AFTER, second))
    assert [edge.client.name for edge in edges] == ["web-0", "intruder-0"]
    assert broken(edges, now) == [("x/intruder-0", 1)]


def test_np37_the_other_way_round() -> None:
    edges = recorded([THEN, LATER], (BEFORE, world(INTRUDER)), (AFTER, world(WEB)))
    assert broken(edges, WEB) == [("x/intruder-0", 1)]


def test_np42_labels_are_those_of_the_time() -> None:
    promoted = pod("x/web-0", REUSED, labels={"app": "other"}, on="n2")
    then = recorded([THEN], (BEFORE, world(WEB)), (AFTER, world(promoted)))
    later = recorded([LATER], (BEFORE, world(WEB)), (AFTER, world(promoted)))
    assert (broken(then, promoted), broken(later, WEB)) == ([], [("x/web-0", 1)])


def test_np37_an_address_between_two_holders_is_nobodys() -> None:
    gap = recorded([AFTER + 2 * GRACE_US], (BEFORE, world(WEB)), (AFTER, world()), (LATER, world(INTRUDER)))
    assert [(edge.client.kind, edge.client.address) for edge in gap] == [("unknown", REUSED)]
    assert broken(gap, WEB) == [(REUSED, 1)]
