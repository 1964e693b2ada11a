"""Tables for people, the same values for programs."""

import json

import pytest
import yaml

from fairway.kit import show

ROWS = [{"pod": "ui/ui-1", "is_ready": True, "bytes": 12}, {"pod": "[dev]/x", "is_ready": False, "bytes": None}]


def test_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    show.rows(ROWS, right=("bytes",), title="pods")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "pods",
        "pod      is ready  bytes",
        "ui/ui-1  yes          12",
        "[dev]/x  no",
    ]


def test_a_wide_table_in_a_pipe_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows([{"what": "x" * 120, "why": "y" * 30}])
    assert "x" * 120 + "  " + "y" * 30 in capsys.readouterr().out


def test_a_narrow_table_goes_without_what_has_nothing_in_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"who": "shop/checkout", "sent": "300.0 KiB", "retr": "0", "would_deny": "7", "why": ""},
        {"who": "shop/ui", "sent": "1 B", "retr": "0", "would_deny": "0", "why": ""},
    ]
    told = {}
    for width in (60, 42, 32):
        monkeypatch.setattr(show.out, "width", width)
        show.rows(rows, right=("sent", "retr", "would_deny"))
        told[width] = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert told[60][0].split() == ["who", "sent", "retr", "would", "deny", "why"]
    assert told[42] == [
        "who                 sent  would deny",
        "shop/checkout  300.0 KiB           7",
        "shop/ui              1 B           0",
        "nothing in: retr, why",
    ]
    assert told[32] == [
        "                          would",
        "who                 sent   deny",
        "shop/checkout  300.0 KiB      7",
        "shop/ui              1 B      0",
        "nothing in: retr, why",
    ]


@pytest.mark.parametrize("output", [show.Output.JSON, show.Output.YAML])
def test_the_same_for_a_program(capsys: pytest.CaptureFixture[str], output: show.Output) -> None:
    show.rows(ROWS, output=output, right=("bytes",), empty="unused")
    told = capsys.readouterr().out
    assert (json.loads if output is show.Output.JSON else yaml.safe_load)(told) == ROWS
    show.rows([], output=output)
    assert yaml.safe_load(capsys.readouterr().out) == []


def test_nothing_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows([], empty="no edges [yet]")
    assert capsys.readouterr().out == "no edges [yet]\n"


def test_letters_of_all_the_world(capsys: pytest.CaptureFixture[str]) -> None:
    for output in (show.Output.JSON, show.Output.YAML):
        show.value({"name": "Straße → 東京"}, output=output)
        assert "Straße → 東京" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 << 20, "5.0 MiB"),
        (7 << 30, "7.0 GiB"),
        (3 << 40, "3.0 TiB"),
        (3 << 50, "3072.0 TiB"),
        (-2048, "-2.0 KiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert show.size(count) == text


@pytest.mark.parametrize(
    ("item", "text"), [(True, "yes"), (False, "no"), (None, ""), (0, "0"), ("[red]x[/red]", "\\[red]x\\[/red]")]
)
def test_cells(item: object, text: str) -> None:
    assert show.cell(item) == text
