"""Which node's link is to blame, where those that talk to it wait as well and the machine is busy."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from fairway.signals.observed import Counts, Observed, Row
from fairway.signals.places import of_nodes

SINCE = datetime(2026, 9, 21, 14, tzinfo=UTC)
OWN = ("node-a", "node-b", "node-c")
Links = dict[str, tuple[float, float]]
"""Packets sent again and milliseconds of a round trip, of pairs of nodes by their letters."""


def rows(links: Links, usual: tuple[float, float] = (0, 0.2), nodes: str = "abcd") -> tuple[Row, ...]:
    return tuple(
        Row(
            reporter="server", client=f"node-{a}", server=f"node-{b}", client_node=f"node-{a}",
            server_node=f"node-{b}",
            counts=Counts(
                sent_packets=400, received_packets=400, sent_bytes=4e4, received_bytes=1e5, srtt_count=40,
                retransmissions=links.get(a + b, usual)[0], srtt_sum_us=40_000 * links.get(a + b, usual)[1],
            ),
        )
        for a, b in combinations(nodes, 2)
    )  # fmt: skip


def blamed(links: Links, usual: tuple[float, float] = (0, 0.2), nodes: str = "abcd") -> list[str]:
    seen = Observed(
        client="ui/ui",
        server="",
        since=SINCE,
        until=SINCE + timedelta(seconds=6),
        begin=SINCE - timedelta(seconds=6),
        now=tuple(row for row in rows(links, usual, nodes) if {row.client_node, row.server_node} <= set(OWN)),
        nodes=rows(links, usual, nodes),
        nodes_before=rows({}, nodes=nodes),
    )
    return [f"{cause.kind} {cause.where}" for cause in of_nodes(seen)]


@pytest.mark.parametrize(
    ("links", "usual", "first"),
    [
        # A round trip over a lossy link is long by chance: only that to one other node is.
        ({"ab": (60, 90), "bc": (60, 0.3), "bd": (60, 0.2)}, (0, 0.2), ["loss node-b"]),
        # A busy machine: three times as long as before, and nobody would notice.
        ({"ab": (60, 0.7), "bc": (60, 0.7), "bd": (60, 0.7)}, (0, 0.2), ["loss node-b"]),
        # A busier one: long everywhere.
        ({"ab": (60, 9), "bc": (60, 7), "bd": (60, 8)}, (0, 5), ["loss node-b"]),
        ({}, (0, 9), []),
        # A queue that drops, and one that only makes wait.
        ({"ab": (60, 90), "bc": (60, 80), "bd": (60, 90)}, (0, 0.4), ["bandwidth node-b"]),
        ({"ab": (0, 90), "bc": (0, 80), "bd": (0, 90)}, (0, 0.4), ["bandwidth node-b"]),
        # Two at once: what is lost at one does not hide the other's queue.
        ({"ab": (60, 3), "bc": (60, 90), "bd": (60, 4), "ac": (0, 90), "cd": (0, 80)}, (0, 0.4),
         ["loss node-b", "bandwidth node-c"]),
        # A node that the subject has nothing to do with: no other is blamed in its place.
        ({"ad": (60, 90), "bd": (60, 0.3), "cd": (60, 0.3)}, (0, 0.2), []),
    ],
)  # fmt: skip
def test_one_node_is_to_blame_and_not_those_that_talk_to_it(
    links: Links, usual: tuple[float, float], first: list[str]
) -> None:
    assert blamed(links, usual) == first


@pytest.mark.parametrize(
    ("links", "nodes", "first"),
    [
        ({"ab": (60, 90), "bc": (60, 0.3), "ac": (0, 8)}, "abc", ["loss node-b"]),
        ({"ab": (60, 0.5)}, "ab", ["loss node-a"]),
    ],
)
def test_a_second_is_not_blamed_without_comparison(links: Links, nodes: str, first: list[str]) -> None:
    assert blamed(links, nodes=nodes) == first
