import json
import socketserver
from collections.abc import Callable
from pathlib import Path

import pytest

from fairway.lab import topology
from fairway.lab.apps import balancer, web
from fairway.lab.apps.balancer import Balancer
from fairway.lab.apps.web import Reply, Request

Run = Callable[[socketserver.TCPServer], int]
GET = Request("GET", "/home", b"")


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, run: Run) -> list[int]:
    """A target on loopback; the test sets the status of its health."""
    health = [200]

    def answer(request: Request) -> Reply:
        return Reply(health[0] if request.path == balancer.HEALTH_PATH else 200, request.path.encode())

    monkeypatch.setattr(topology, "BALANCER_INSIDE", ("127.0.0.2", "127.0.0.3", "::1", "::1"))
    monkeypatch.setattr(balancer, "TARGET_PORT", run(web.server(0, answer)))
    return health


def test_requests_go_to_healthy_targets_over_both_families(target: list[int], tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    file.write_text(json.dumps([["127.0.0.1", "::1"]]))
    lb = Balancer(file)
    assert lb.answer(GET).status == 503
    lb.check()
    assert [lb.answer(GET) for _ in range(4)] == [Reply(200, b"/home")] * 4
    target[0] = 503
    lb.check()
    assert lb.answer(GET).status == 503


def test_a_target_that_is_taken_off_gets_nothing(target: list[int], tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    file.write_text(json.dumps([["127.0.0.1", "::1"]]))
    lb = Balancer(file)
    lb.check()
    file.write_text("[]")
    lb.check()
    assert lb.answer(GET).status == 503


def test_a_target_that_vanishes_between_checks_is_a_gateway_timeout(
    target: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "targets.json"
    file.write_text(json.dumps([["127.0.0.1", "::1"]]))
    lb = Balancer(file)
    lb.check()
    monkeypatch.setattr(balancer, "TARGET_PORT", 1)
    assert lb.answer(GET).status == 504
