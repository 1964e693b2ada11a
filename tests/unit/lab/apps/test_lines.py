import socket
import socketserver
import threading
from collections.abc import Callable

import pytest

from fairway.lab.apps import lines

Run = Callable[[socketserver.TCPServer], int]


@pytest.fixture
def port(run: Run) -> int:
    return run(lines.server(0, "mysql"))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(
    ("line", "answer"),
    [("PING", "PONG"), ("PUT a b c", "OK"), ("DROP", "ERROR unknown verb DROP"), ("", "ERROR unknown verb ")],
)
def test_each_line_is_answered_by_one(port: int, host: str, line: str, answer: str) -> None:
    assert lines.ask(host, port, line, 2.0) == answer.strip()


def test_what_was_put_is_got_and_anything_else_is_a_row(port: int) -> None:
    lines.ask("127.0.0.1", port, "PUT cart three items", 2.0)
    assert lines.ask("127.0.0.1", port, "GET cart", 2.0) == "three items"
    assert lines.ask("127.0.0.1", port, "GET 7", 2.0).startswith("row 7 ")


def test_a_connection_can_be_kept(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 2.0) as link, link.makefile("rw", newline="\n") as stream:
        lines.outlive_pauses(link)
        assert stream.readline() == "mysql ready\n"
        for _ in range(3):
            stream.write("PING\n")
            stream.flush()
            assert stream.readline() == "PONG\n"


def test_a_server_that_hangs_up_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:
        threading.Thread(target=lambda: rude.accept()[0].close()).start()
        with pytest.raises(OSError, match=r"closed|reset|[Bb]roken"):
            lines.ask("127.0.0.1", rude.getsockname()[1], "PING", 2.0)
