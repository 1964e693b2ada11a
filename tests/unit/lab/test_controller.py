import json
import socketserver
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fairway.lab import controller, shop
from fairway.lab.apps.web import Reply, Request, server
from fairway.lab.config import LabConfig
from fairway.lab.service_rules import Backend, Frontend

PODS = shop.pods()
UI = [pod for pod in PODS if pod.workload.name == "ui"]


def test_only_ready_pods_are_backends_and_every_service_is_known() -> None:
    found = controller.backends(PODS, {UI[1].title})
    assert found[Frontend("10.96.0.24", "tcp", 80)] == [Backend(UI[1].addresses[0], 8080)]
    assert found[Frontend("fd00:10:96::24", "tcp", 80)] == [Backend(UI[1].addresses[1], 8080)]
    assert found[Frontend("10.96.0.10", "udp", 53)] == []
    assert Frontend("10.96.0.20", "tcp", 80) not in found  # catalog has no IPv4


def test_targets(tmp_path: Path) -> None:
    config = LabConfig("x", tmp_path)
    controller.write_targets(config, PODS, {UI[0].title})
    assert json.loads(config.balancer_targets.read_text()) == [list(UI[0].addresses)]
    groups = json.loads(config.scrape_targets.read_text())
    assert len(groups) == 10
    assert groups[-1]["labels"]["namespace"] == "ui"


class Loopback(shop.Pod):
    """A pod that happens to live on this machine's loopback address."""

    @property
    def addresses(self) -> tuple[str, str]:
        return "127.0.0.1", "::1"


@pytest.fixture
def served(run: Callable[[socketserver.TCPServer], int]) -> tuple[list[int], int]:
    """A server whose status the test sets, and its port."""
    status = [200]

    def answer(request: Request) -> Reply:
        return Reply(status[0] if request.path == "/health" else 404, b"why")

    return status, run(server(0, answer))


def pod(probe: str | None, port: int) -> shop.Pod:
    workload = replace(UI[0].workload, probe=probe, ports=(shop.Port("http", port),))
    return Loopback(workload, "x", 0, "node-a", 0)


@pytest.mark.parametrize(
    ("probe", "status", "answer"),
    [("/health", 200, ""), ("/health", 503, "503 why"), ("/other", 200, "404 why"), ("", 503, ""), (None, 503, "")],
)
def test_probe(served: tuple[list[int], int], probe: str | None, status: int, answer: str) -> None:
    served[0][0] = status
    assert controller.probe(pod(probe, served[1])) == answer


@pytest.mark.parametrize("probe", ["", "/health"])
def test_a_closed_port_is_unready(served: tuple[list[int], int], probe: str) -> None:
    assert "refused" in controller.probe(pod(probe, 1))
