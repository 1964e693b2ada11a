"""Progress: told of what takes long, on a terminal in one line."""

import sys

import pytest

from fairway.kit.progress import Progress


def test_each_step_is_a_line_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(patience=0) as progress:
        for done in (0.2, 0.2, 0.45):
            progress.tell("reading", done)
    assert capsys.readouterr().err == "reading, 20%\nreading, 45%\n"


def test_a_terminal_has_one_line_which_goes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress(patience=0) as progress:
        progress.tell("reading", 0.2)
        progress.tell("thinking", 0.4)
    assert capsys.readouterr().err == "\r\x1b[Kreading, 20%\r\x1b[Kthinking, 40%\r\x1b[K"


def test_what_is_quick_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(patience=3600) as progress:
        progress.tell("reading", 0.2)
    assert capsys.readouterr().err == ""
