import socketserver
import time
from collections.abc import Callable

import pytest

from fairway.lab.apps import lines
from fairway.lab.apps.broker import Connection

Run = Callable[[socketserver.TCPServer], int]


@pytest.fixture
def port(run: Run) -> int:
    return run(lines.server(0, "rabbitmq"))


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_connection_tells_when_it_was_opened_and_stays_the_same(port: int) -> None:
    before = time.time()
    connection = Connection("127.0.0.1", port)
    assert not connection.fresh
    connection.start()
    wait(lambda: connection.fresh and connection.told()["heard_at"] > 0)
    first = connection.told()
    assert first["peer"] == f"127.0.0.1:{port}"
    assert before <= first["opened_at"] <= time.time()
    connection.publish("order placed")
    wait(lambda: connection.told()["heard_at"] > first["heard_at"])
    assert connection.told()["opened_at"] == first["opened_at"]
    assert lines.ask("127.0.0.1", port, "GET order", 2.0) == "placed"


def test_without_a_broker_nothing_is_fresh_and_nothing_can_be_published() -> None:
    connection = Connection("127.0.0.1", 1)
    connection.start()
    assert not connection.told()["alive"]
    with pytest.raises(ConnectionError, match="no connection"):
        connection.publish("x")
