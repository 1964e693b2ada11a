"""The map made: who talks to whom as nodes and edges, out of sums per pair of ends, port and Service dialled.

A connection to a Service is told twice: the client's agent names the Service, the backends' agents name themselves.
The traffic counts once, as the backend's; what only the client's agent knows (its retransmissions, its denials) is
laid on the backend's edge where all backends are one workload, and stays with the Service where they are several.

All rows are taken at once, column by column: a large cluster's map is tens of thousands of them, for a few thousand
edges.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, get_args

import numpy as np
import pyarrow as pa

from fairway.cloud.prices import Prices, cost
from fairway.kit.codes import Ints, Words, added, distinct, words_of
from fairway.views.board import Board, board_of, ends_of
from fairway.views.dialled import Dialled, backed
from fairway.views.map import (
    COUNTERS,
    Behind,
    End,
    Grain,
    Graph,
    Judged,
    MapEdge,
    Relation,
    Standing,
    means,
)

_TIMES: Final = ("srtt_sum_us", "srtt_count", "connect_sum_us", "connect_count")
_SUMS: Final = (*COUNTERS, *_TIMES)
INTER_ZONE: Final = "inter-zone"
_MOST_RULES: Final = 8
_STANDINGS: Final[tuple[Standing, ...]] = get_args(Standing)
_WORST: Final[Mapping[Standing, int]] = {word: rank for rank, word in enumerate(_STANDINGS)}

Told = dict[str, Sequence[object]]
"""What edges tell: by field, a value for each edge."""


def graph_of(
    rows: pa.Table,
    behind: Mapping[str, Behind],
    grain: Grain = "workload",
    collapsed: Collection[str] = (),
    *,
    outside_as_one: bool = False,
    unfolded: Collection[tuple[str, str]] = (),
    prices: Prices = Prices(),  # noqa: B008  # frozen
    judge: Callable[[Relation], Judged] | None = None,
) -> Graph:
    """The map of sums as the catalogue's `map_edges` answers them. Namespaces in `collapsed`, or all for `*`, are
    one node each, and all networks outside if `outside_as_one`; what moves within one of them is an edge to itself.
    Workloads in `unfolded`, by namespace and name, are a node for each pod, out of rows of single pods; what nobody
    knows which of them had is the workload's own. `judge` says what policies make of a relation."""
    rows = rows.combine_chunks()
    told = backed(rows, ends_of(rows, grain, unfolded), behind if grain == "workload" else {})
    # What only tells of Services' times is their backends' already.
    worth = np.any([rows[name].to_numpy() > 0 for name in COUNTERS], axis=0)
    left = worth | (np.array([end.kind != "service" for end in told.ends], bool)[told.server])
    rows, told = rows.filter(pa.array(left)), told.only(left)
    board = board_of(told.ends, grain, frozenset(collapsed), outside_as_one, unfolded)
    moved = (rows["sent_bytes"].to_numpy(), rows["received_bytes"].to_numpy())
    return Graph(
        nodes=board.nodes(told.client, told.server, *moved),
        edges=_edges(rows, told, board, prices, judge),
        parts=board.parts(told.client, told.server),
    )


def _edges(
    rows: pa.Table, told: Dialled, board: Board, prices: Prices, judge: Callable[[Relation], Judged] | None
) -> list[MapEdge]:
    """By client and server."""
    client, server = board.shown_of[told.client], board.shown_of[told.server]
    firsts, edge = distinct(client, server)
    sums = {name: added(edge, rows[name].to_numpy(), len(firsts)).tolist() for name in _SUMS}
    fields = {
        **{name: sums[name] for name in COUNTERS},
        **_named(rows, told, edge, len(firsts)),
        **_billed(rows, edge, len(firsts), prices),
        **_judged(told, edge, len(firsts), judge),
        "members": _members(board, told, edge, len(firsts)),
        "client": [board.shown[node].id for node in client[firsts].tolist()],
        "server": [board.shown[node].id for node in server[firsts].tolist()],
    }
    values, times = zip(*fields.values(), strict=True), zip(*(sums[name] for name in _TIMES), strict=True)
    edges = [
        _edge(dict(zip(fields, one, strict=True)), dict(zip(_TIMES, spent, strict=True)))
        for one, spent in zip(values, times, strict=True)
    ]
    return sorted(edges, key=lambda told: (told.client, told.server))


def _edge(fields: dict[str, object], times: dict[str, int]) -> MapEdge:
    if fields["denied"] or fields["would_deny"]:
        fields["standing"] = "denied" if fields["denied"] else "would-deny"
    return MapEdge(**fields, **means(times))  # type: ignore[arg-type]


def _named(rows: pa.Table, told: Dialled, edge: Ints, edges: int) -> Told:
    """Ports, Services and categories."""
    moved = rows["sent_bytes"].to_numpy() + rows["received_bytes"].to_numpy()
    firsts, groups = distinct(edge, told.labels.codes)
    volumes = added(groups, moved, len(firsts))
    ports: list[list[tuple[int, str]]] = [[] for _ in range(edges)]
    for place, label, volume in zip(
        edge[firsts].tolist(), told.labels.codes[firsts].tolist(), volumes.tolist(), strict=True
    ):
        if word := told.labels.words[label]:
            ports[place].append((-volume, word))
    categories = _sets(edge, words_of(rows["category"]), edges)
    return {
        "ports": [tuple(word for _, word in sorted(found)) for found in ports],
        "services": [tuple(sorted(found)) for found in _sets(edge, told.services, edges)],
        "categories": [tuple(sorted(found - {"unknown"})) or ("unknown",) for found in categories],
    }


def _sets(edge: Ints, words: Words, edges: int) -> list[set[str]]:
    """Each edge's words, without the empty one."""
    firsts, _ = distinct(edge, words.codes)
    found: list[set[str]] = [set() for _ in range(edges)]
    for place, code in zip(edge[firsts].tolist(), words.codes[firsts].tolist(), strict=True):
        if words.words[code]:
            found[place].add(words.words[code])
    return found


def _billed(rows: pa.Table, edge: Ints, edges: int, prices: Prices) -> Told:
    """What crossed zones, and what that costs; each two zones' price is looked up once."""
    inter = np.flatnonzero(words_of(rows["category"]).among(INTER_ZONE))
    here, there = words_of(rows["from_zone"]), words_of(rows["to_zone"])
    firsts, pairs = distinct(here.codes[inter], there.codes[inter])
    zones = [(here.words[here.codes[row]], there.words[there.codes[row]]) for row in inter[firsts]]
    costs, unpriced, crossed = np.zeros(edges), np.zeros(edges, np.int64), np.zeros(edges, np.int64)
    for way, ways in (("sent", zones), ("received", [(there, here) for here, there in zones])):
        moved = rows[f"{way}_bytes"].to_numpy()[inter]
        told = [cost(1, *pair, prices) for pair in ways]
        per_byte = np.array([np.nan if price is None else price for price in told], float)[pairs]
        known = ~np.isnan(per_byte)
        costs += np.bincount(edge[inter][known], moved[known] * per_byte[known], edges)
        unpriced += added(edge[inter], np.where(known, 0, moved), edges)
        crossed += added(edge[inter], moved, edges)
    return {
        "cross_zone_bytes": crossed.tolist(),
        "unpriced_bytes": unpriced.tolist(),
        "cost": np.round(costs, 9).tolist(),
    }


def _judged(told: Dialled, edge: Ints, edges: int, judge: Callable[[Relation], Judged] | None) -> Told:
    """Each edge's worst standing, and the rules that allow what it stands for."""
    worst = [_WORST["allowed"] if judge else _WORST["unknown"]] * edges
    rules: list[set[str]] = [set() for _ in range(edges)]
    if judge:
        whole = [End(*end[:3]) for end in told.ends]
        keys = (edge, told.client, told.server, told.port, told.protocols.codes, told.services.codes)
        firsts, _ = distinct(*keys)
        for place, client, server, port, protocol, service in zip(
            *(key[firsts].tolist() for key in keys), strict=True
        ):
            words = told.protocols.words[protocol], told.services.words[service]
            standing, allowing = judge(Relation(whole[client], whole[server], port, *words))
            worst[place] = min(worst[place], _WORST[standing])
            rules[place].update(allowing)
    return {
        "standing": [_STANDINGS[rank] for rank in worst],
        "rules": [tuple(sorted(found)[:_MOST_RULES]) for found in rules],
    }


def _members(board: Board, told: Dialled, edge: Ints, edges: int) -> list[int]:
    """How many pairs of nodes each edge stands for."""
    firsts, _ = distinct(board.own_of[told.client], board.own_of[told.server], edge)
    return list(np.bincount(edge[firsts], minlength=edges).tolist())
