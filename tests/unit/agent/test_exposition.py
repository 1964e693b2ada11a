"""The metrics port: TLS, token, both formats; whoever misuses it costs nothing."""

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fairway.agent.exposition import Exposition
from fairway.kit.errors import EnvironmentLacksError
from fairway.kit.openmetrics import Family, gauge
from support.hub import Certificates

HERE = ("127.0.0.1", 0)


def families() -> list[Family]:
    return [gauge("boat_speed", "Now.", ({}, 1.5))]


@contextmanager
def exposed(**options: object) -> Iterator[Exposition]:
    one = Exposition(options.pop("address", HERE), families, **options)
    try:
        yield one
    finally:
        one.close()


def get(
    of: Exposition, path: str = "/metrics", context: ssl.SSLContext | None = None, **headers: str
) -> tuple[int, str, str]:
    host = "127.0.0.1"
    connection = (
        http.client.HTTPSConnection(host, of.server_port, timeout=5, context=context)
        if context
        else http.client.HTTPConnection(host, of.server_port, timeout=5)
    )
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.headers["Content-Type"], answer.read().decode()
    connection.close()
    return found


def test_each_scraper_gets_the_format_it_asks_for() -> None:
    with exposed() as one:
        assert get(one) == (
            200,
            "text/plain; version=0.0.4; charset=utf-8",
            "# HELP boat_speed Now.\n# TYPE boat_speed gauge\nboat_speed 1.5\n",
        )
        status, kind, body = get(one, Accept="application/openmetrics-text; version=1.0.0")
        assert (status, kind) == (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        assert body.endswith("# EOF\n")
        assert get(one, "/")[0] == 404
        assert get(one, "/metrics?x=y")[0] == 200


def test_both_families_on_one_port() -> None:
    with exposed(address=("::", 0)) as one:
        for host in ("127.0.0.1", "::1"):
            connection = http.client.HTTPConnection(host, one.server_port, timeout=5)
            connection.request("GET", "/metrics")
            assert connection.getresponse().status == 200
            connection.close()


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer secret", 200),
        ("Bearer secre", 401),
        ("secret", 401),
        ("", 401),
        ("Bearer ", 401),
        ("Bearer sécret", 401),
    ],
)
def test_a_token_lets_in_and_nothing_else(tmp_path: Path, header: str, status: int) -> None:
    (tmp_path / "token").write_text("secret\n")
    with exposed(token_file=tmp_path / "token") as one:
        assert get(one, Authorization=header)[0] == status
        (tmp_path / "token").write_text("")
        assert get(one, Authorization=header)[0] == 401, "an empty token lets nobody in"
        (tmp_path / "token").unlink()
        assert get(one, Authorization=header)[0] == 401


def test_over_tls(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with exposed(certificate=certificates.make("good", days=2)) as one:
        assert get(one, context=ssl.create_default_context(cafile=str(certificates.authority)))[0] == 200
        with socket.create_connection(("127.0.0.1", one.server_port), timeout=5) as plain:
            plain.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert b"boat" not in plain.recv(4096)
        assert get(one, context=ssl.create_default_context(cafile=str(certificates.authority)))[0] == 200


def test_who_connects_and_says_nothing_holds_up_nobody() -> None:
    with exposed() as one:
        silent = [socket.create_connection(("127.0.0.1", one.server_port)) for _ in range(7)]
        assert get(one)[0] == 200
        for connection in silent:
            connection.close()


def test_too_many_at_once_are_hung_up_on() -> None:
    with exposed() as one:
        silent = [socket.create_connection(("127.0.0.1", one.server_port), timeout=5) for _ in range(20)]
        assert silent[-1].recv(1) == b""
        for connection in silent:
            connection.close()


def test_what_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    with (
        exposed() as one,
        pytest.raises(EnvironmentLacksError, match=r"cannot serve metrics on 127.0.0.1:\d+: Address"),
    ):
        Exposition(("127.0.0.1", one.server_port), families)
    for content in (None, "", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"):
        path = tmp_path / "certificate"
        path.unlink(missing_ok=True) if content is None else path.write_text(content)
        with pytest.raises(EnvironmentLacksError, match=r"the metrics certificate .*; renew it"):
            Exposition(HERE, families, (path, None))
