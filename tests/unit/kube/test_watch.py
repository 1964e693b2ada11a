"""What a watch does when the server does what servers do: transcripts against one that replays the protocol."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from fairway.kube import parts
from fairway.kube.resources import WATCHED
from fairway.kube.source import ApiServer
from fairway.kube.watch import Pace
from support.apiserver import ApiServerReplay, api_server
from support.hubs import until

FAST = {"first": 0.02, "longest": 0.2, "recheck": 0.1}


def pod(
    name: str, address: str = "", phase: str = "Running", created: str = "2026-01-01T00:00:00Z"
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": created},
        "spec": {"nodeName": "n1", "containers": [{"name": "main"}]},
        "status": {"phase": phase, "podIPs": [{"ip": address}] if address else []},
    }


class Watched:
    """A server and what is seen of it."""

    def __init__(self, server: ApiServerReplay, source: ApiServer) -> None:
        self.server = server
        self.source = source
        self.names: list[str] | None = None

    def sees(self, *names: str) -> None:
        """Wait until exactly these pods are seen."""

        def look() -> bool:
            sight = self.source.look()
            if sight:
                self.names = sorted(one.name for one in sight.cluster.pods)
            return self.names == sorted(names)

        until(look)

    def lists(self) -> int:
        return self.server.asked["GET pods"] - len([one for one in self.server.watched_from if one[0] == "pods"])


@pytest.fixture
def server() -> Iterator[ApiServerReplay]:
    with api_server(for_hub=True) as running:
        yield running


@pytest.fixture
def watched(server: ApiServerReplay) -> Iterator[Watched]:
    source = ApiServer(server.access, pace=Pace(**FAST), page=2).start()
    yield Watched(server, source)
    source.close()


def following(watched: Watched) -> None:
    """Wait until pods are watched."""
    until(lambda: watched.server.watchers.get("pods"))


def test_a_list_comes_in_pages(server: ApiServerReplay, watched: Watched) -> None:
    following(watched)
    for index in range(5):
        server.put("pods", pod(f"p{index}"))
    server.forget()
    server.gone()
    watched.sees("p0", "p1", "p2", "p3", "p4")
    until(lambda: server.asked["GET pods"] >= 1 + 1 + 3)  # a list of none, its watch, and three pages of two


def test_a_watch_that_ends_goes_on_where_it_was(server: ApiServerReplay, watched: Watched) -> None:
    following(watched)
    server.put("pods", pod("a"))
    watched.sees("a")
    lists, version = watched.lists(), server.version
    server.end_watches()
    until(lambda: ("pods", version) in server.watched_from)
    server.put("pods", pod("b"))
    watched.sees("a", "b")
    assert watched.lists() == lists


def test_a_bookmark_moves_the_place_to_go_on_from(server: ApiServerReplay, watched: Watched) -> None:
    following(watched)
    server.put("pods", pod("a"))
    mark = server.bookmark()
    watched.sees("a")
    server.forget()  # what was before the bookmark
    server.end_watches()
    until(lambda: ("pods", mark) in server.watched_from)
    assert watched.lists() == 1


def test_a_broken_connection_loses_and_doubles_nothing(server: ApiServerReplay, watched: Watched) -> None:
    following(watched)
    for index in range(20):
        server.put("pods", pod(f"p{index:02}"))
        if index % 3 == 0:
            server.reset()
            server.delete("pods", f"p{index:02}", "shop")
    watched.sees(*(f"p{index:02}" for index in range(20) if index % 3))
    pods = next(watch for watch in watched.source.watches if watch._resource.kind == "Pod")
    assert pods.counts["events"] == 20 + 7
    assert pods.counts["lists"] == 1


def test_gone_as_an_event_lists_again(server: ApiServerReplay, watched: Watched) -> None:
    following(watched)
    server.put("pods", pod("a"))
    watched.sees("a")
    lists = watched.lists()
    server.gone()
    until(lambda: watched.lists() == lists + 1)
    server.put("pods", pod("b"))
    watched.sees("a", "b")


def test_what_went_while_the_server_was_away_is_gone(server: ApiServerReplay, watched: Watched) -> None:
    server.put("pods", pod("a"))
    server.put("pods", pod("b"))
    watched.sees("a", "b")
    server.stop()
    until(watched.source.world.warnings)
    server.delete("pods", "a", "shop")
    server.put("pods", pod("c"))
    server.forget()
    server.start()
    watched.sees("b", "c")
    until(lambda: not watched.source.world.warnings())


def test_a_continuation_that_expired_begins_anew(server: ApiServerReplay, watched: Watched) -> None:
    following(watched)
    for index in range(5):
        server.put("pods", pod(f"p{index}"))
    watched.sees("p0", "p1", "p2", "p3", "p4")
    server.expired_continues = 2
    server.forget()
    server.gone()
    until(lambda: server.expired_continues == 0)
    server.put("pods", pod("p5"))
    watched.sees("p0", "p1", "p2", "p3", "p4", "p5")


def test_no_permission_for_one_resource_is_named_and_the_rest_goes_on(
    server: ApiServerReplay, watched: Watched
) -> None:
    server.put("pods", pod("a"))
    server.forbidden = {"endpointslices"}
    server.gone()
    watched.sees("a")
    until(
        lambda: [line for line in watched.source.warnings() if line.startswith("endpointslices.discovery.k8s.io:")]
    )
    line = next(line for line in watched.source.warnings() if line.startswith("endpointslices"))
    assert "is forbidden" in line
    assert line.endswith("the rest goes on without")
    server.put("pods", pod("b"))
    watched.sees("a", "b")
    server.forbidden = set()
    until(lambda: not watched.source.world.warnings())


def test_a_definition_that_is_missing_is_no_trouble_and_is_found_when_it_comes(
    server: ApiServerReplay, watched: Watched
) -> None:
    server.missing = {"stagednetworkpolicies"}
    server.gone()
    watched.sees()
    until(lambda: watched.source.world.lacking().get("stagednetworkpolicies.fairway.dev") == "")
    assert watched.source.world.warnings() == []
    server.missing = set()
    server.put(
        "stagednetworkpolicies", {"metadata": {"name": "t", "namespace": "shop"}, "spec": {"podSelector": {}}}
    )
    until(lambda: ("shop", "t") in watched.source.world.staged())


def test_a_flapping_server_is_asked_ever_less(server: ApiServerReplay, watched: Watched) -> None:
    following(watched)
    server.failing = 60
    server.reset()
    until(lambda: server.failing == 0)
    server.put("pods", pod("a"))
    watched.sees("a")
    assert sum(watch.counts["failures"] for watch in watched.source.watches) >= 20


def test_a_slow_server_is_waited_for(server: ApiServerReplay, watched: Watched) -> None:
    server.delay = 0.2
    server.put("pods", pod("a"))
    server.reset()
    watched.sees("a")


def test_a_pod_that_came_and_went_between_two_looks_is_seen_once(server: ApiServerReplay, watched: Watched) -> None:
    following(watched)
    watched.sees()
    server.put("pods", pod("brief", "10.1.0.5"))
    server.delete("pods", "brief", "shop")
    server.put("pods", pod("done", "10.1.0.6", phase="Succeeded"))
    until(lambda: watched.source.counters().get("events") == 3)
    sight = watched.source.look()
    assert sight is not None
    assert [(one.name, one.finished) for one in sight.cluster.pods] == [("brief", False), ("done", False)]
    watched.sees("done")
    assert watched.source.look() is None


def test_an_address_that_two_claim_is_the_youngers(server: ApiServerReplay, watched: Watched) -> None:
    server.put("pods", pod("old", "10.1.0.5", created="2026-01-01T00:00:00Z"))
    server.put("pods", pod("new", "10.1.0.5", created="2026-01-01T00:00:09Z"))
    watched.sees("new", "old")
    sight = watched.source.world.sight(0)[0]
    assert {one.name: one.addresses for one in sight.pods} == {"new": ("10.1.0.5",), "old": ()}


def test_an_object_that_makes_no_sense_is_told_and_left_out(server: ApiServerReplay, watched: Watched) -> None:
    bad = {"metadata": {"name": "bad", "namespace": "shop"}, "spec": {"podSelector": {}, "ingress": [{"form": []}]}}
    server.put("networkpolicies", bad)
    server.put("pods", pod("a"))
    watched.sees("a")
    [line] = [line for line in watched.source.warnings() if "bad" in line]
    assert line.startswith("NetworkPolicy shop/bad: `$.spec.ingress[0]` has no field `form`")
    assert watched.source.world.sight(0)[0].policies == ()
    server.delete("networkpolicies", "bad", "shop")
    until(lambda: not watched.source.world.warnings())


def test_a_watch_ends_at_once_when_it_is_told_to(server: ApiServerReplay) -> None:
    source = ApiServer(server.access).start()
    until(lambda: len(server.watchers) >= len(WATCHED) - 6)
    ended = threading.Event()
    threading.Thread(target=lambda: (source.close(), ended.set())).start()
    assert ended.wait(10)


def test_waits_double_up_to_a_bound_with_jitter() -> None:
    pace = Pace(first=1.0, longest=8.0)
    waits = [pace.failed() for _ in range(6)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, (1, 2, 4, 8, 8, 8), strict=True))
    assert pace.failed(least=30) == 30
    pace.fine()
    assert pace.failed() <= 1.0


def test_the_clock_of_this_machine_is_not_asked(server: ApiServerReplay, watched: Watched) -> None:
    """Objects of the future and of long ago are as good as others."""
    server.put("pods", pod("future", created="2099-01-01T00:00:00Z"))
    server.put("pods", pod("past", created="1999-01-01T00:00:00Z"))
    watched.sees("future", "past")
    assert time.time() < 4e9


def test_a_mistake_of_our_own_in_one_kind_is_told_and_hurts_that_one_alone(
    server: ApiServerReplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("nobody thought of that")

    monkeypatch.setitem(parts._READERS, "CronJob", broken)
    server.put("cronjobs", {"metadata": {"name": "c", "namespace": "shop"}})
    server.put("pods", pod("a"))
    source = ApiServer(server.access, pace=Pace(**FAST)).start()
    try:
        until(
            lambda: any(
                "cronjobs.batch: cannot be watched: RuntimeError: nobody thought of that" in line
                for line in source.warnings()
            )
        )
        until(lambda: source.look())  # the rest goes on without
        assert source.world.counts()["pods"] == 1
    finally:
        source.close()


def test_a_permission_that_is_taken_away_takes_nothing_away(server: ApiServerReplay, watched: Watched) -> None:
    server.put("pods", pod("a"))
    watched.sees("a")
    server.forbidden = {"pods"}
    server.gone()
    until(lambda: any(line.startswith("pods: pods is forbidden") for line in watched.source.warnings()))
    [line] = [line for line in watched.source.warnings() if line.startswith("pods:")]
    assert line.endswith("what was seen last stays")
    assert [one.name for one in watched.source.world.sight(0)[0].pods] == ["a"]
    server.delete("pods", "a", "shop")
    server.forbidden = set()
    watched.sees()
    assert watched.source.world.warnings() == []
