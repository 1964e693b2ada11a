import socketserver
from collections.abc import Callable

import pytest

from fairway.lab.apps import intruder, lines

Run = Callable[[socketserver.TCPServer], int]


@pytest.fixture
def port(run: Run) -> int:
    return run(lines.server(0, "mysql"))


def test_an_open_door(port: int) -> None:
    assert intruder.attempt("localhost", port, "192.0.2.1") == (
        "localhost",
        port,
        "127.0.0.1",
        True,
        "answered `mysql ready`",
    )


def test_without_a_name_the_address_is_tried(port: int) -> None:
    host, _, address, reached, detail = intruder.attempt("nowhere.invalid", port, "127.0.0.1")
    assert (host, address, reached) == ("nowhere.invalid", "127.0.0.1", True)
    assert detail.startswith("no name (")
    assert detail.endswith("by address: answered `mysql ready`")


def test_a_closed_door() -> None:
    *_, reached, detail = intruder.attempt("localhost", 1, "127.0.0.1")
    assert not reached
    assert detail.startswith("Connection refused after 0.")
