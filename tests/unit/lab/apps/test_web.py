import socket
import socketserver
import threading
from collections.abc import Callable

import pytest

from fairway.lab.apps import web
from fairway.lab.apps.web import Reply, Request

Run = Callable[[socketserver.TCPServer], int]


def echo(request: Request) -> Reply:
    return Reply(201, f"{request.method} {request.path} {len(request.body)}".encode())


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "/a?b=c", b"", b"GET /a 0"),
        ("POST", "/a", b"xy", b"POST /a 2"),
        ("PUT", "/", b"z" * 9000, b"PUT / 9000"),
    ],
)
def test_both_families_and_all_methods(
    run: Run, host: str, method: str, path: str, body: bytes, told: bytes
) -> None:
    port = run(web.server(0, echo))
    assert web.fetch(f"http://{host}:{port}{path}", method=method, body=body) == (201, told)


def families(port: int, count: int) -> list[int]:
    found = []
    for _ in range(count):
        with web.dial("localhost", port, 2.0) as link:
            found.append(link.family)
    return found


def both(port: int) -> list[tuple[object, ...]]:
    four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
    six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
    return [four, six]


def test_a_host_of_both_families_is_dialled_by_each_in_turn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    port = run(web.server(0, echo))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both(port))
    found = families(port, 4)
    assert set(found[:2]) == {socket.AF_INET, socket.AF_INET6}
    assert found[2:] == found[:2]


def test_the_other_family_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as only_four:
        port = only_four.getsockname()[1]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both(port))
        assert families(port, 3) == [socket.AF_INET] * 3


def test_a_server_that_is_silent_or_speaks_no_http_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        web.fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.2)
    with socket.create_server(("127.0.0.1", 0)) as strange:
        threading.Thread(target=greet, args=(strange,)).start()
        with pytest.raises(OSError, match=r"BadStatusLine|reset"):
            web.fetch(f"http://127.0.0.1:{strange.getsockname()[1]}/", timeout=2.0)


def greet(listener: socket.socket) -> None:
    link, _ = listener.accept()
    with link:
        link.sendall(b"220 mail\r\n")
        link.recv(1000)
