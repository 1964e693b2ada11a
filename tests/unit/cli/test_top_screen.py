"""What `fairway top` draws: fits any width, colours only where told, the most on top."""

import re

import pytest

from fairway.agent.live import Look, Talk
from fairway.cli.top_screen import lines, ranked, size
from fairway.cli.verb_top import SORTS


def talk(**fields: object) -> Talk:
    plain = {
        "pod": "shop/ui-1",
        "remote": "10.0.1.131",
        "port": 8080,
        "protocol": "TCP",
        "initiator": "pod",
        "in_bytes": 0.0,
        "out_bytes": 0.0,
        "packets": 0.0,
        "connections": 0,
        "retransmissions": 0,
        "denied": 0,
        "verdict": "",
    }
    return Talk(**{**plain, **fields})


TALKS = (
    talk(in_bytes=1.5e6, out_bytes=34_000.0, connections=12, retransmissions=3),
    talk(pod="orders/orders-postgresql-0", remote="2001:db8:0:1::102", port=5432, initiator="remote", in_bytes=9.4),
    talk(remote="8.8.8.8", port=0, protocol="ICMP", initiator="unknown"),
    talk(remote="10.9.9.9", denied=1234, verdict="deny"),
)


def draw(width: int = 80, height: int = 24, *, colour: bool = False, sort: str = "bytes") -> list[str]:
    return lines(Look(2.0, 3, TALKS), node="node-a", sort=sort, width=width, height=height, colour=colour)


def test_at_eighty_columns() -> None:
    assert [line.rstrip() for line in draw()] == [
        "fairway top  node-a  3 pods, 4 conversations                in 1.5M/s  out 34k/s",
        "POD                    REMOTE                    PORT    IN/s   OUT/s  CONN RETR",
        "shop/ui-1            → 10.0.1.131            8080/TCP    1.5M     34k    12    3",
        "orders…-postgresql-0 ← 2001:db8:0:1::102     5432/TCP       9       0     0    0",
        "shop/ui-1            → 10.9.9.9              8080/TCP  denied    1.2k     0    0",
        "shop/ui-1            · 8.8.8.8                   ICMP       0       0     0    0",
    ]


@pytest.mark.parametrize("width", [1, 60, 79, 80, 81, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert {len(line) for line in draw(width)[1:]} == {max(width, 60)}


@pytest.mark.parametrize(("height", "shown"), [(24, 6), (4, 4), (2, 2), (0, 2)])
def test_no_more_lines_than_fit(height: int, shown: int) -> None:
    assert len(draw(height=height)) == shown


def test_colour_only_where_told() -> None:
    plain, coloured = draw(), draw(colour=True)
    assert not any("\x1b" in line for line in plain)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == plain
    assert "\x1b[31m" in next(line for line in coloured if "denied" in line)


@pytest.mark.parametrize(
    ("sort", "first"),
    [("bytes", "10.0.1.131"), ("connections", "10.0.1.131"), ("denied", "10.9.9.9"), ("packets", "10.0.1.131")],
)
def test_sorted_by_choice(sort: str, first: str) -> None:
    assert ranked(TALKS, sort)[0].remote == first


def test_every_choice_sorts() -> None:
    for sort in SORTS:
        assert len(ranked(TALKS, sort)) == len(TALKS)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (999.6, "1.0k"),
        (9949, "9.9k"),
        (34_000, "34k"),
        (5.6e6, "5.6M"),
        (7e9, "7.0G"),
        (2e12, "2T"),
    ],
)
def test_sizes_in_few_columns(count: float, shown: str) -> None:
    assert size(count) == shown
