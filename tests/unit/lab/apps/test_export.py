import socketserver
from collections.abc import Callable

import pytest

from fairway.lab.apps import export, lines, web
from fairway.lab.apps.web import Reply, Request

Run = Callable[[socketserver.TCPServer], int]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, run: Run) -> list[str]:
    """A database and a bucket on loopback; what was written to the bucket."""
    written: list[str] = []

    def answer(request: Request) -> Reply:
        written.append(f"{request.method} {request.path} {len(request.body)}")
        return Reply(200, b"")

    monkeypatch.setattr(export, "PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("SOURCE_ENDPOINT", f"127.0.0.1:{run(lines.server(0, 'postgresql'))}")
    monkeypatch.setenv("TARGET_BUCKET", f"http://127.0.0.1:{run(web.server(0, answer))}/orders")
    return written


def test_every_part_is_copied(bucket: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main() == 0
    assert bucket == [f"PUT /orders/part-{n} 10500" for n in range(export.PARTS)]
    assert capsys.readouterr().out == "".join(f"part {n}: copied\n" for n in range(export.PARTS))


def test_a_part_that_cannot_be_read_is_tried_again_and_fails_the_job(
    bucket: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOURCE_ENDPOINT", "127.0.0.1:1")
    assert export.main() == 1
    assert capsys.readouterr().out.count("refused") == export.TRIES
    assert bucket == []
