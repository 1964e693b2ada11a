"""Pods that stop being ready and containers that start again, look by look."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fairway.hub.rollouts.readiness import Readiness
from fairway.policy.model import Cluster, Pod
from fairway.rollout.drift import shift
from fairway.rollout.order import Gates
from fairway.rollout.seen import Signal

T0 = datetime(2026, 11, 23, tzinfo=UTC)
PODS = tuple(Pod(uid=str(n), namespace="shop", name=f"web-{n}") for n in range(20))
OTHER = Pod(uid="x", namespace="other", name="x")


def look(readiness: Readiness, at: int, step: int | None, *changed: Pod) -> dict[str, Signal]:
    """After so many seconds, with some pods as they are by then."""
    pods = {pod.uid: pod for pod in (*PODS, OTHER, *changed)}
    moment = None if step is None else T0 + timedelta(seconds=step)
    cluster = Cluster(pods=tuple(pods.values()))
    found = readiness.signals(cluster, ("shop",), moment, T0 + timedelta(seconds=at))
    return {signal.name: signal for signal in found}


def alarming(signal: Signal) -> bool:
    found = shift(signal.before, signal.after, signal.spans)
    return found.alarming(Gates().alarm, signal.least)


def test_restarts_since_a_step_alarm_and_those_of_ordinary_times_do_not() -> None:
    readiness = Readiness()
    for minute in range(120):
        look(readiness, 60 * minute, None)
    once = replace(PODS[0], restarts=1)
    found = look(readiness, 7200, 7190, once)
    assert found["restarts"].after.bad == 1
    assert not alarming(found["restarts"])  # one may start again at any time
    several = [replace(pod, restarts=3) for pod in PODS[:5]]
    found = look(readiness, 7210, 7190, *several)
    assert found["restarts"].after.bad == 1 + 2 + 4 * 3
    assert alarming(found["restarts"])
    assert not alarming(found["unready-pods"])
    # The next step begins with nothing.
    assert look(readiness, 7220, 7215, *several)["restarts"].after.bad == 0


def test_pods_of_other_namespaces_and_pods_that_are_new_count_for_nothing() -> None:
    readiness = Readiness()
    look(readiness, 0, None)
    new = Pod(uid="new", namespace="shop", name="new", restarts=9, ready=False)
    found = look(readiness, 1, 0, new, replace(OTHER, ready=False, restarts=9))
    assert [signal.after.bad for signal in found.values()] == [0, 0]
    gone = replace(PODS[0], ready=False)
    assert look(readiness, 2, 0, gone)["unready-pods"].after.bad == 1
