"""Rows of a batch as named flows: nothing lost, nothing turned round."""

import datetime as dt
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fairway.hub.columns import COLUMNS, SCHEMA, TCP_HEALTH
from fairway.hub.names import Names
from fairway.hub.record import check, named
from fairway.hub.rows import endpoint_of
from fairway.kit.documents import read_documents
from fairway.policy.read import read_cluster
from fairway.wire import batch as wire
from fairway.wire.address import packed, text
from fairway.wire.words import Initiator, Reason, Verdict
from support.reports import DB, NODE_A, ORDERS, ORDERS_SERVICE, PODS, SECOND, T0, UI, report, write_cluster


@pytest.fixture
def names(tmp_path: Path) -> Names:
    names = Names()
    names.observe(read_cluster(read_documents([write_cluster(tmp_path / "cluster")])).cluster, T0)
    return names


def test_every_column_says_what_the_row_said(names: Names) -> None:
    batch = report(
        ORDERS,
        UI,
        8080,
        Initiator.REMOTE,
        rules=("", "orders/in ingress[0]"),
        verdict=Verdict.ALLOW,
        staged=Verdict.DENY,
        staged_reason=Reason.NO_RULE,
        verdict_rule=1,
        connections=1,
        retransmissions=2,
        srtt_us=3,
        **{name: index for index, name in enumerate(TCP_HEALTH, start=10)},
        tx_packets=4,
        rx_packets=5,
        tx_bytes=6,
        rx_bytes=7,
    )
    table = named([batch], names)
    [row] = table.to_pylist()
    at = dt.datetime.fromtimestamp(T0 / 1e6, dt.UTC)
    assert table.schema == SCHEMA
    assert (row["time_start"], row["time_end"]) == (at - dt.timedelta(seconds=1), at + dt.timedelta(seconds=1))
    assert (row["first_seen"], row["last_seen"]) == (at, at)
    assert (row["kind"], row["reporter"], row["protocol"], row["family"]) == ("flow", "server", "TCP", 4)
    assert (row["sent_packets"], row["received_packets"]) == (5, 4)
    assert (row["sent_bytes"], row["received_bytes"]) == (7, 6)
    assert (row["connections"], row["retransmissions"], row["srtt_us"]) == (1, 2, 3)
    assert [row[name] for name in TCP_HEALTH] == list(range(10, 10 + len(TCP_HEALTH)))
    assert (row["verdict"], row["verdict_rule"]) == ("allow", "orders/in ingress[0]")
    assert (row["staged"], row["staged_reason"], row["staged_rule"]) == ("deny", "no_rule", "")
    assert json.loads(row["server_labels"]) == {"app": "orders"}
    assert endpoint_of(row, "client") == names.name(packed(UI), T0, T0)
    assert endpoint_of(row, "server") == names.name(packed(ORDERS), T0, T0)


def test_a_service_row_carries_its_backends(names: Names) -> None:
    [row] = named([report(UI, ORDERS_SERVICE, 80, Initiator.POD)], names).to_pylist()
    assert (row["service"], json.loads(row["backends"])) == ("orders/orders:80", [[ORDERS, 8080]])


def test_many_rows_keep_their_own_names(names: Names) -> None:
    rng = np.random.default_rng(3)
    remotes = [*PODS, NODE_A, ORDERS_SERVICE, "192.0.2.1", "2001:db8::1"]
    batch = report(UI, DB, 1, Initiator.POD)
    rows = np.repeat(batch.rows, 2000)
    choice = rng.integers(0, len(remotes), len(rows))
    rows["remote_address"] = np.frombuffer(b"".join(map(packed, remotes)), "V16")[choice]
    rows["initiator"] = rng.integers(0, 3, len(rows))
    rows["port"] = np.arange(len(rows))
    found = named([wire.Batch(batch.header, rows)], names).to_pylist()
    for row, told in zip(rows, found, strict=True):
        remote, pod = text(row["remote_address"].tobytes()), UI
        ends = (remote, pod) if row["initiator"] == Initiator.REMOTE else (pod, remote)
        assert (told["client_address"], told["server_address"], told["port"]) == (*ends, row["port"])


def test_an_empty_batch_has_the_columns(names: Names) -> None:
    batch = report(UI, DB, 1, Initiator.POD)
    assert named([wire.Batch(batch.header, batch.rows[:0])], names).schema == SCHEMA
    assert named([], names) == SCHEMA.empty_table()


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        ({"first_us": 0, "last_us": 0}, T0 - SECOND, T0 + SECOND),
        ({"first_us": T0, "last_us": T0 - 5}, T0, T0),
        ({"first_us": -(1 << 62), "last_us": 1 << 62}, T0 - SECOND, 4_102_444_800 * SECOND),
    ],
)
def test_times_out_of_reach_are_mended(names: Names, fields: dict[str, int], first: int, last: int) -> None:
    [row] = named([report(UI, DB, 1, Initiator.POD, **fields)], names).to_pylist()
    assert [round(row[name].timestamp() * 1e6) for name in ("first_seen", "last_seen")] == [first, last]


def test_a_row_of_an_unknown_rule_is_refused(names: Names) -> None:
    with pytest.raises(wire.BatchError, match="rule 7 of 1"):
        named([report(UI, DB, 1, Initiator.POD, staged_rule=7)], names)


def test_an_answer_that_is_no_address_is_refused(names: Names) -> None:
    batch = report(UI, DB, 1, Initiator.POD)
    answers = (wire.Answer("192.0.2.999", "api.example.com", T0, 60),)
    with pytest.raises(wire.BatchError, match="which is no address"):
        check(wire.Batch(msgspec.structs.replace(batch.header, answers=answers), batch.rows))


def test_an_interval_that_is_no_time_is_refused(names: Names) -> None:
    with pytest.raises(wire.BatchError, match="is no time"):
        named([report(UI, DB, 1, Initiator.POD, at=1 << 61)], names)


def test_words_newer_than_this_program_are_kept_as_numbers(names: Names) -> None:
    [row] = named([report(UI, DB, 0, Initiator.POD, verdict=9, reason=99, kind=8)], names).to_pylist()
    assert (row["verdict"], row["reason"], row["kind"]) == ("9", "99", "8")


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs/hub.md").read_text()
    assert [name for name, _, _ in COLUMNS if f"`{name}`" not in page] == []
