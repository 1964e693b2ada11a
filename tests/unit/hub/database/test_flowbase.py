"""What goes in comes out, however it is asked for; the sums agree with plain Python, and a repeat adds nothing."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fairway.hub.columns import END
from fairway.hub.database import catalogue, pages
from fairway.hub.database.embedded import Embedded
from fairway.hub.database.errors import DatabaseError
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.question import Question
from fairway.hub.database.schema import CLIENTS, EACH, SUMS
from fairway.hub.edges import edges_of
from fairway.hub.matching import flows_matching
from fairway.kit.errors import UsageError
from fairway.views.filter import parse_filter
from support.flows import START_US, random_flows

FLOWS = random_flows(1, 3000)
COUNTED = np.random.default_rng(2).random(len(FLOWS)) < 0.6
ROWS = [row | {"counted": bool(counted)} for row, counted in zip(FLOWS.to_pylist(), COUNTED, strict=True)]
NOW = datetime.fromtimestamp(START_US / 1e6, UTC) + timedelta(hours=3)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowBase]:
    with Embedded(tmp_path_factory.mktemp("base")) as database:
        base = FlowBase(database)
        base.open()
        for start in range(0, len(FLOWS), 1000):
            part = FLOWS.slice(start, 1000)
            base.append(part, COUNTED[start : start + 1000], f"part-{start}")
        base.append(FLOWS.slice(0, 1000), COUNTED[:1000], "part-0")  # a segment that a crash repeats
        yield base


def test_flows_come_back_as_they_were(base: FlowBase) -> None:
    def words(table: pa.Table) -> list[str]:
        return sorted(map(str, table.to_pylist()))

    assert words(base.flows()) == words(FLOWS)


def test_a_time_is_from_since_to_before_until(base: FlowBase) -> None:
    since, until = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    wanted = sum(since <= row["time_end"] < until for row in ROWS)
    assert len(base.flows(since, until)) == wanted > 0


def test_edges_ever_seen_are_those_of_the_flows(base: FlowBase) -> None:
    """But that of an endpoint's labels and the like any of its latest may stand."""

    def told(edge: Any) -> tuple[Any, ...]:
        ends = ((end.kind, end.address, end.namespace, end.name) for end in (edge.client, edge.server))
        counters = (getattr(edge, name) for name in (*SUMS, "first_seen", "last_seen", "service", "category"))
        return (*ends, edge.port, edge.protocol, *counters)

    seen, computed = (sorted(map(told, edges)) for edges in (base.edges(), edges_of(FLOWS)))
    assert len(seen) == len(computed)
    # A connection of before the policies counts as one would-be denial per report; seen edges keep the connections.
    would = 4 + SUMS.index("would_deny")
    assert [one[:would] + one[would + 1 :] for one in seen] == [one[:would] + one[would + 1 :] for one in computed]


def plain(rows: list[Row], keys: Callable[[Row], tuple[Any, ...]]) -> dict[tuple[Any, ...], Counter[str]]:
    """Sums by hand."""
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        if row["kind"] != "flow":
            continue
        held = sums.setdefault(keys(row), Counter())
        for name in ("connections", "sent_bytes", "received_bytes", "sent_packets", "received_packets"):
            held[name] += row[name] if row["counted"] else 0
        for name in EACH:
            held[name] += row.get(name, 0)
        for name in CLIENTS:
            held[name] += row[name] if row["reporter"] == "client" or row["client_kind"] != "pod" else 0
        judged = row["staged"] == "deny" or (row["verdict"] == "deny" and not row["denied"])
        held["would_deny"] += row["connections"] if judged else 0
    return sums


def asked(table: pa.Table, *keys: str) -> dict[tuple[Any, ...], Counter[str]]:
    return {
        tuple(row[key] for key in keys): Counter({name: row[name] for name in SUMS}) for row in table.to_pylist()
    }


def group(row: Row, end: str) -> str:
    kind, address = row[f"{end}_kind"], row[f"{end}_address"]
    if kind == "pod":
        return str(row[f"{end}_workload"])
    if row[f"{end}_name"]:
        return str(row[f"{end}_name"])
    return str(ip_network(f"{address}/{64 if ':' in address else 24}", strict=False))


GROUPS = ("client_namespace", "client_group", "server_namespace", "server_group", "service")


REST = ("category", "client_kind", "server_kind", "port", "protocol")


def groups(row: Row) -> tuple[str, ...]:
    return (
        *(row["client_namespace"], group(row, "client"), row["server_namespace"], group(row, "server")),
        row["service"],
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("", lambda row: True, id="hours"),
        pytest.param("since=3h", lambda row: True, id="minutes"),
        pytest.param("since=3h node!=nowhere", lambda row: True, id="minutes of pods"),
        pytest.param("src.ip=0.0.0.0/0,::/0", lambda row: True, id="single flows"),
    ],
)
def test_the_map_is_the_same_from_hours_minutes_and_flows(
    base: FlowBase, text: str, kept: Callable[[Row], bool]
) -> None:
    table = base.ask(catalogue.map_edges(parse_filter(text, NOW), NOW))
    got: dict[tuple[Any, ...], Counter[str]] = {}
    for key, counters in asked(table, *GROUPS, *REST, "from_zone", "to_zone").items():
        got.setdefault(key[:5], Counter()).update(counters)
    wanted = {key: Counter(held) for key, held in plain(ROWS, groups).items()}
    assert {key: +held for key, held in got.items()} == {key: +held for key, held in wanted.items()}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("src.namespace=shop", lambda row: row["client_namespace"] == "shop"),
        ("namespace=shop", lambda row: "shop" in (row["client_namespace"], row["server_namespace"])),
        ("not namespace=shop", lambda row: "shop" not in (row["client_namespace"], row["server_namespace"])),
        ("dst.port=5432,53", lambda row: row["port"] in (5432, 53)),
        ("dst.port!=5432,53", lambda row: row["port"] not in (5432, 53)),
        ("dst.port>=5432", lambda row: row["port"] >= 5432),
        ("proto=udp", lambda row: row["protocol"] == "UDP"),
        ("src.workload=orders", lambda row: row["client_workload"] == "Deployment/orders"),
        ("src.workload=Deployment/orders", lambda row: row["client_workload"] == "Deployment/orders"),
        ("dst.name=db-*", lambda row: row["server_name"].startswith("db-")),
        ("dst.kind=external", lambda row: row["server_kind"] == "external"),
        ("dst.ip=10.0.1.0/24", lambda row: within(row["server_address"], "10.0.1.0/24")),
        ("ip=2001:db8::/32", lambda row: within(row["server_address"] or "::", "2001:db8::/32", row)),
        ("verdict=denied", lambda row: row["verdict"] == "deny"),
        ("verdict=denied or proto=UDP", lambda row: row["verdict"] == "deny" or row["protocol"] == "UDP"),
        (
            "bytes>1500 connections<=500",
            lambda row: row["sent_bytes"] + row["received_bytes"] > 1500 and row["connections"] <= 500,
        ),
        (
            'service="shop/orders:80" zone=1a',
            lambda row: row["service"] and "1a" in (row["client_zone"], row["server_zone"]),
        ),
        ("since=1h", lambda row: row["time_end"] >= NOW - timedelta(hours=1)),
        (
            "verdict=would-deny",
            lambda row: (
                (row["staged"] == "deny" or (row["verdict"] == "deny" and not row["denied"])) and row["connections"]
            ),
        ),
        ("name!=db-1,db-2", lambda row: not {row["client_name"], row["server_name"]} & {"db-1", "db-2"}),
        ("reason=no_rule", lambda row: row["reason"] == "no_rule"),
    ],
)
def test_a_filter_means_what_it_says(base: FlowBase, text: str, kept: Callable[[Row], bool]) -> None:
    wanted = [row for row in ROWS if row["kind"] == "flow" and kept(row)]
    found = base.ask(pages.flow_rows(parse_filter(text, NOW), NOW, limit=10_000))
    assert len(found) == len(wanted)
    assert 0 < len(wanted) < len(ROWS)
    assert sorted(found["sent_bytes"].to_pylist()) == sorted(row["sent_bytes"] for row in wanted)
    plain_flows = FLOWS.filter(pc.equal(FLOWS["kind"].cast(pa.string()), "flow"))
    held = flows_matching(parse_filter(text, NOW).expression, plain_flows)
    if "since" not in text:
        assert sorted(plain_flows.filter(held)["sent_bytes"].to_pylist()) == sorted(found["sent_bytes"].to_pylist())


def within(address: str, network: str, row: Row | None = None) -> bool:
    addresses = [row["client_address"], row["server_address"]] if row else [address]
    return any(ip_address(one) in ip_network(network) for one in addresses)


@pytest.mark.parametrize("sort", pages.SORTS)
def test_pages_hold_every_flow_once(base: FlowBase, sort: str) -> None:
    wanted, told, place = parse_filter("dst.port=53", NOW), [], None
    question = pages.flow_rows(wanted, NOW, limit=70, sort=sort)
    while rows := base.ask(question).to_pylist():
        told += rows
        place = pages.place_of(rows, sort, place)
        question = pages.flow_rows(wanted, NOW, limit=70, sort=sort, after=place)
    kept = [row for row in ROWS if row["kind"] == "flow" and row["port"] == 53]
    assert sorted(row["sent_bytes"] for row in told) == sorted(row["sent_bytes"] for row in kept)
    metric = {
        "time": lambda row: row["time_end"],
        "bytes": lambda row: row["sent_bytes"] + row["received_bytes"],
        "packets": lambda row: row["sent_packets"] + row["received_packets"],
    }.get(sort, lambda row: row[sort])
    assert [metric(row) for row in told] == sorted(map(metric, kept), reverse=True)


def test_flows_that_are_all_alike_are_told_as_often_as_they_are() -> None:
    """Nothing puts them in order: they are counted."""
    alike = pa.concat_tables([FLOWS.slice(0, 1)] * 25).drop_columns("kind")
    alike = alike.append_column("kind", pa.array(["flow"] * 25).dictionary_encode()).select(FLOWS.column_names)
    rows: list[Row] = []
    place, sizes = None, []
    for limit in (3, 3, 7, 20):
        page = [row | {"time_end": row["time_end"]} for row in alike.slice(len(rows), limit).to_pylist()]
        place = pages.place_of(page, "bytes", place)
        rows += page
        sizes.append(place.told)
    assert sizes == [3, 6, 13, 25]


@pytest.mark.parametrize("step", [30, 60, 600, 3600])
def test_a_series_adds_up(base: FlowBase, step: int) -> None:
    table = base.ask(catalogue.series(parse_filter("since=3h", NOW), NOW, timedelta(seconds=step)))
    wanted = plain(ROWS, lambda row: (int(row["time_end"].timestamp()) // step * step,))
    got = {row["moment"]: row["sent_bytes"] for row in table.to_pylist()}
    assert got == {key[0]: held["sent_bytes"] for key, held in wanted.items()}


def test_zones_and_tops(base: FlowBase) -> None:
    table = base.ask(catalogue.zones(parse_filter("", NOW), NOW))
    wanted = plain(ROWS, lambda row: (row["client_zone"], row["server_zone"], row["category"]))
    got = asked(table, "client_zone", "server_zone", "category")
    assert {key: +held for key, held in got.items()} == {key: +held for key, held in wanted.items()}
    top = base.ask(catalogue.top(parse_filter("", NOW), NOW, ("server_group", "port"), "retransmissions", 3))
    best = plain(ROWS, lambda row: (group(row, "server"), row["port"]))
    assert (
        top["retransmissions"].to_pylist()
        == sorted((held["retransmissions"] for held in best.values()), reverse=True)[:3]
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda: catalogue.top(parse_filter("", NOW), NOW, ("1; DROP TABLE flows",), "bytes", 3),
        lambda: catalogue.top(parse_filter("", NOW), NOW, ("port",), "sent_bytes)", 3),
        lambda: pages.flow_rows(parse_filter("", NOW), NOW, limit=0),
        lambda: catalogue.series(parse_filter("", NOW), NOW, timedelta()),
    ],
)
def test_what_is_no_question(ask: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        ask()


def test_a_value_is_never_part_of_a_statement(base: FlowBase) -> None:
    for text in ("x') OR 1=1 --", "\\", "'", "{p0:String}", "\u0000"):
        wanted = parse_filter(f'src.namespace="{text}"', NOW)
        assert base.ask(pages.flow_rows(wanted, NOW, limit=10)).num_rows == 0


def test_verdicts_and_endpoints_are_those_of_the_flows(base: FlowBase) -> None:
    denied = [row for row in ROWS if row["kind"] == "flow" and row["verdict"] == "deny"]
    events = base._database.query(
        "SELECT sum(packets) AS packets, sum(connections) AS connections FROM verdicts WHERE slot = 'active'"
    ).to_pylist()
    assert events == [
        {"packets": sum(row["denied"] for row in denied), "connections": sum(row["connections"] for row in denied)}
    ]
    ends: dict[tuple[str, ...], list[datetime]] = {}
    for row in ROWS:
        for end in ("client", "server") if row["kind"] != "rest" else ():
            moments = ends.setdefault(tuple(row[f"{end}_{field}"] for field in END), [])
            moments += [row["first_seen"], row["last_seen"]]
    seen = base._database.query("SELECT * FROM endpoints FINAL").to_pylist()
    assert {tuple(row[field] for field in END): [row["first_seen"], row["last_seen"]] for row in seen} == {
        key: [min(moments), max(moments)] for key, moments in ends.items()
    }


def test_a_question_that_wants_too_much_is_refused(base: FlowBase) -> None:
    poor = FlowBase(base._database, memory=1 << 20)
    with pytest.raises(DatabaseError) as refused:
        poor.ask(Question("SELECT groupArray(number) AS all FROM numbers(10000000)"))
    assert refused.value.out_of_memory
    assert "\n" not in str(refused.value)
