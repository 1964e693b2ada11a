"""What the status of a policy on trial says, as a table of moments."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fairway.hub.surroundings import WouldDeny
from fairway.kube.parts import StagedPart
from fairway.kube.trial import since_of, status_of
from fairway.policy.model import Cluster, Expression, NetworkPolicy, Operator, Pod, Selector
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Direction

NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
DB = Selector((Expression("app", Operator.IN, frozenset({"db"})),))
POLICY = NetworkPolicy("orders", "db", DB, ingress=())


def pod(name: str, node: str, app: str = "db", namespace: str = "orders", **more: Any) -> Pod:
    return Pod(f"uid-{name}", namespace, name, (("app", app),), node=node, **more)


CLUSTER = Cluster(
    pods=(
        pod("db-1", "a"),
        pod("db-2", "b"),
        pod("db-3", "c", finished=True),
        pod("db-4", "d", host_network=True),
        pod("ui-1", "e", app="ui"),
        pod("other", "f", namespace="dev"),
    )
)


def denied(
    reason: str, count: int, ago: int, direction: Direction = Direction.INGRESS, app: str = "db"
) -> WouldDeny:
    subject = Endpoint(kind=Kind.POD, address="10.0.0.1", namespace="orders", name="db-1", labels=(("app", app),))
    return WouldDeny(subject, direction, count, NOW - timedelta(seconds=ago), reason)


def judged(generation: int, **status: Any) -> StagedPart:
    return StagedPart(POLICY, generation, {"observedGeneration": 3, "since": "2026-11-23T11:00:00Z", **status})


def test_a_new_one_begins_with_the_next_minute() -> None:
    status = status_of(StagedPart(POLICY, 1, {}), CLUSTER, {}, [denied("x", 5, 1)], NOW)
    assert (status["since"], status["wouldDeny"], status["reasons"]) == ("2026-11-23T12:01:00Z", 0, [])
    assert (status["observedGeneration"], status["nodesTotal"], status["nodesProgrammed"]) == (1, 2, 0)
    [condition] = status["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "WaitingForAgents")


def test_a_changed_one_begins_anew() -> None:
    assert since_of(judged(3)) == datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert since_of(judged(4)) is None
    assert since_of(judged(3, since="yesterday")) is None


def test_one_that_cannot_be_read_says_so_and_nothing_else_is_new() -> None:
    bad = StagedPart(POLICY, 4, judged(3, wouldDeny=2).status, problem="ports[0]: `htt p` is no port")
    status = status_of(bad, CLUSTER, {}, [], NOW)
    assert (status["observedGeneration"], status["wouldDeny"]) == (4, 2)
    [condition] = status["conditions"]
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "Invalid", bad.problem)
    written = StagedPart(POLICY, 4, status, problem=bad.problem)
    assert status_of(written, CLUSTER, {}, [], NOW + timedelta(minutes=5)) == status, "written once"
    assert since_of(judged(5)) is None


def test_denials_of_its_own_pods_and_directions_count() -> None:
    found = [
        denied("ingress: no rule allows TCP 5432 from dev/x", 20, 60),
        denied("ingress: no rule allows TCP 5432 from dev/x", 7, 30),
        denied("ingress: no rule allows TCP 9 from dev/y", 1, 10),
        denied("egress: of no concern to it", 9, 10, Direction.EGRESS),
        denied("ingress: of another workload", 9, 10, app="ui"),
        denied("ingress: before it was judged", 9, 7200),
    ]
    status = status_of(judged(3), CLUSTER, {"a": True, "b": True}, found, NOW)
    assert status["since"] == "2026-11-23T11:00:00Z"
    assert status["wouldDeny"] == 28
    assert [(one["connections"], one["lastSeen"]) for one in status["reasons"]] == [
        (27, "2026-11-23T12:00:00Z"),
        (1, "2026-11-23T12:00:20Z"),
    ]
    assert (status["nodesTotal"], status["nodesProgrammed"]) == (2, 2)
    assert status["conditions"][0]["reason"] == "Judged"


def test_five_reasons_at_most_the_most_frequent_first() -> None:
    found = [denied(f"ingress: {index}", index, 1) for index in range(1, 9)]
    status = status_of(judged(3), CLUSTER, {}, found, NOW)
    assert [one["connections"] for one in status["reasons"]] == [8, 7, 6, 5, 4]
    assert status["wouldDeny"] == 36


def test_a_condition_moves_only_when_it_changes() -> None:
    before = [{"type": "Judged", "status": "False", "lastTransitionTime": "2026-11-23T11:00:00Z"}]
    kept = status_of(judged(3, conditions=before), CLUSTER, {"a": True}, [], NOW)["conditions"][0]
    moved = status_of(judged(3, conditions=before), CLUSTER, {"a": True, "b": True}, [], NOW)["conditions"][0]
    assert (kept["lastTransitionTime"], moved["lastTransitionTime"]) == (
        "2026-11-23T11:00:00Z",
        "2026-11-23T12:00:30Z",
    )


def test_one_that_selects_nothing_says_so() -> None:
    [condition] = status_of(judged(3), Cluster(), {}, [], NOW)["conditions"]
    assert (condition["reason"], condition["message"]) == ("SelectsNoPod", "it selects no running pod")
