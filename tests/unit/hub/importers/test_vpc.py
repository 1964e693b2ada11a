"""VPC flow logs: any fields in any order, headers anywhere, both directions one edge, each packet once."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairway.hub.importers.ends import Ends
from fairway.hub.importers.run import Import, run
from fairway.hub.importers.vpc import DEFAULT, fields_of
from fairway.hub.store import read_edges
from fairway.kit.errors import UsageError
from support.records import imported

A, B = "10.0.1.5", "10.0.2.6"
OPENED = "2 123456789012 eni-b 10.0.1.5 10.0.2.6 40001 8080 6 6 600 1790000000 1790000009 ACCEPT OK"
ANSWER = "2 123456789012 eni-b 10.0.2.6 10.0.1.5 8080 40001 6 5 900 1790000000 1790000009 ACCEPT OK"
FLAGS = "srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags interface-id"


def flagged(source: str, target: str, ports: str, flags: int, *, action: str = "ACCEPT", eni: str = "eni-b") -> str:
    return f"{source} {target} {ports} 6 6 600 1790000000 1790000009 {action} {flags} {eni}"


def test_both_directions_are_one_edge_whose_initiator_is_a_guess(tmp_path: Path) -> None:
    tally, (edge,) = imported(tmp_path, "auto", [OPENED, ANSWER])
    assert (edge.client.address, edge.server.address, edge.port, edge.protocol) == (A, B, 8080, "TCP")
    assert (edge.sent_bytes, edge.received_bytes, edge.sent_packets, edge.received_packets) == (600, 900, 6, 5)
    assert (edge.connections, edge.initiator_known, edge.answered) == (1, False, True)
    assert (tally.format, tally.lines, tally.records, tally.used) == ("vpc-flow-log", 2, 2, 2)


@pytest.mark.parametrize(
    ("lines", "known", "connections", "answered"),
    [
        ([flagged(A, B, "40001 8080", 2), flagged(B, A, "8080 40001", 18)], True, 1, True),
        ([flagged(A, B, "8080 40001", 3), flagged(B, A, "40001 8080", 19)], True, 1, True),  # an odd server port
        ([flagged(A, B, "40001 8080", 2)], True, 1, False),
        ([flagged(B, A, "8080 40001", 18)], True, 0, True),
        ([flagged(A, B, "40001 8080", 0), flagged(B, A, "8080 40001", 0)], False, 0, True),
    ],
)
def test_a_handshake_tells_who_opened(
    lines: list[str], known: bool, connections: int, answered: bool, tmp_path: Path
) -> None:
    _, (edge,) = imported(tmp_path, "auto", [FLAGS, *lines])
    assert (edge.client.address, edge.server.address) == (A, B)
    assert (edge.initiator_known, edge.connections, edge.answered) == (known, connections, answered)


def test_several_client_ports_tell_as_well(tmp_path: Path) -> None:
    lines = [OPENED.replace("40001", str(port)) for port in (40001, 40002, 40003, 40004)]
    _, (edge,) = imported(tmp_path, "auto", lines)
    assert (edge.initiator_known, edge.connections) == (True, 4)
    _, (edge,) = imported(tmp_path, "auto", [*lines[:3], lines[0]])
    assert not edge.initiator_known


def test_what_was_rejected_was_dropped(tmp_path: Path) -> None:
    _, (edge,) = imported(tmp_path, "auto", [FLAGS, flagged(A, B, "40001 8080", 2, action="REJECT")])
    assert (edge.denied, edge.connections, edge.sent_packets) == (6, 0, 0)


def test_the_same_packets_at_two_interfaces_count_once(tmp_path: Path) -> None:
    both = [
        flagged(source, target, ports, flags, eni=eni)
        for source, target, ports, flags in ((A, B, "40001 8080", 2), (B, A, "8080 40001", 18))
        for eni in ("eni-a", "eni-nat", "eni-b")
    ]
    _, (edge,) = imported(tmp_path, "auto", [FLAGS, *both])
    assert (edge.sent_bytes, edge.received_bytes, edge.connections) == (600, 600, 1)


def test_a_gateway_may_log_one_way_only(tmp_path: Path) -> None:
    lines = [
        flagged(A, B, "40001 8080", 2, eni="eni-gateway"),
        flagged(A, B, "40001 8080", 2, eni="eni-a"),
        flagged(B, A, "8080 40001", 18, eni="eni-a"),
    ]
    _, (edge,) = imported(tmp_path, "auto", [FLAGS, *lines])
    assert (edge.sent_bytes, edge.received_bytes, edge.answered) == (600, 600, True)


def test_behind_nat_the_packet_has_the_pods_address(tmp_path: Path) -> None:
    header = f"{FLAGS} pkt-srcaddr pkt-dstaddr"
    lines = [
        flagged("10.0.9.9", B, "40001 443", 2) + f" {A} 203.0.113.5",
        flagged(B, "10.0.9.9", "443 40001", 18) + f" 203.0.113.5 {A}",
        flagged(A, "10.0.3.3", "40002 80", 2) + " - -",
    ]
    _, edges = imported(tmp_path, "auto", [header, *lines])
    seen = {(edge.client.address, edge.server.address, edge.port) for edge in edges}
    assert seen == {(A, "203.0.113.5", 443), (A, "10.0.3.3", 80)}


def test_the_record_may_say_which_service_and_zone(tmp_path: Path) -> None:
    header = f"{FLAGS} pkt-src-aws-service pkt-dst-aws-service az-id flow-direction"
    lines = [
        flagged(A, "52.95.128.179", "40001 443", 2) + " - S3 use1-az1 egress",
        flagged("52.95.128.179", A, "443 40001", 18) + " S3 - use1-az1 ingress",
    ]
    _, (edge,) = imported(tmp_path, "auto", [header, *lines])
    assert (edge.server.kind, edge.server.name, edge.category) == ("cloud", "S3", "cloud service")
    assert (edge.client.zone, edge.server.zone) == ("use1-az1", "")


def test_a_header_anywhere_says_what_follows(tmp_path: Path) -> None:
    other = "dstaddr srcaddr protocol dstport srcport start tcp-flags"
    lines = [
        "version srcaddr dstaddr",
        OPENED,
        " ".join(DEFAULT),
        OPENED,
        "",
        other,
        f"{B} {A} 6 8080 40001 1790000000 2",
    ]
    tally, (edge,) = imported(tmp_path, "vpc-flow-log", lines)
    assert (edge.connections, edge.initiator_known) == (2, True)
    assert tally.not_used == {"a record of 14 fields where the log has 3": 1}
    assert tally.places == {"a record of 14 fields where the log has 3": [2]}


def test_what_is_of_no_use_is_counted_with_its_line(tmp_path: Path) -> None:
    tail = "- - - - - - - 1790000000 1790000060 -"
    lines = [
        OPENED,
        f"2 123456789012 eni-b {tail} NODATA",
        f"2 123456789012 eni-b {tail} SKIPDATA",
        OPENED.replace(A, "10.0.1.555"),
        OPENED.replace("40001", "70000"),
        OPENED.replace("40001", "x"),
        OPENED.replace("600", "9" * 30),
        OPENED.replace("1790000009", "99999999999"),
        "nonsense",
        '{"logEvents": "',
        OPENED.replace(" 8080", "  8080"),
    ]
    tally, (edge,) = imported(tmp_path, "vpc-flow-log", lines)
    assert tally.places == {
        "NODATA: no traffic at the interface": [2],
        "SKIPDATA: AWS left records out": [3],
        "an address is none": [4],
        "a port, protocol or time is out of range": [5, 8],
        "a field is no number": [6, 7],
        "a record of 1 fields where the log has 14": [9],
        "not JSON": [10],
    }
    assert (tally.used, edge.connections) == (2, 2)


@pytest.mark.parametrize("many", [1, 3000])
def test_the_quick_and_the_careful_reading_agree(many: int, tmp_path: Path) -> None:
    lines = [OPENED, ANSWER] * many
    _, quick = imported(tmp_path, "auto", lines)
    _, careful = imported(tmp_path, "auto", [line.replace(" 6 ", "  6 ", 1) for line in lines])
    assert quick == careful
    assert quick[0].sent_bytes == 600 * many


@pytest.mark.parametrize(
    "envelope",
    [
        lambda line: {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": line}]},
        lambda line: {"id": "1", "timestamp": 1571081770000, "message": line, "extractedFields": {"srcport": "1"}},
    ],
)
def test_envelopes_of_log_pipelines(envelope: object, tmp_path: Path) -> None:
    assert callable(envelope)
    tally, (edge,) = imported(tmp_path, "auto", [json.dumps(envelope(OPENED)), json.dumps(envelope(ANSWER))])
    assert (edge.sent_bytes, edge.received_bytes, tally.not_used) == (600, 900, {})


def test_fields_given_for_a_log_without_header(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"{B} {A} 6 8080 40001 1790000000 2\n")
    fields = fields_of("${dstaddr} ${srcaddr} ${protocol} ${dstport} ${srcport} ${start} ${tcp-flags}")
    run(Import("vpc-flow-log", [str(tmp_path / "log")], fields), Ends(), tmp_path / "flows.parquet")
    (edge,) = read_edges(tmp_path / "flows.parquet")
    assert (edge.client.address, edge.port) == (A, 8080)
    with pytest.raises(UsageError, match="names no address"):
        fields_of("version bytes")


def test_parquet_is_the_same(tmp_path: Path) -> None:
    table = pa.table(
        {
            "version": pa.array([5, 5, 5], pa.int32()),
            "interface_id": ["eni-b", "eni-b", "eni-b"],
            "srcaddr": [A, B, None],
            "dstaddr": [B, A, None],
            "srcport": pa.array([40001, 8080, None], pa.int32()),
            "dstport": pa.array([8080, 40001, None], pa.int32()),
            "protocol": pa.array([6, 6, None], pa.int32()),
            "packets": pa.array([6, 5, None], pa.int64()),
            "bytes": pa.array([600, 900, None], pa.int64()),
            "start": pa.array([1790000000] * 3, pa.int64()),
            "end": pa.array([1790000009] * 3, pa.int64()),
            "action": ["ACCEPT", "ACCEPT", None],
            "log_status": ["OK", "OK", "NODATA"],
            "tcp_flags": pa.array([2, 18, None], pa.int32()),
        }
    )
    pq.write_table(table, tmp_path / "log.parquet")
    result = run(Import("auto", [str(tmp_path / "log.parquet")]), Ends(), tmp_path / "flows.parquet")
    (edge,) = read_edges(tmp_path / "flows.parquet")
    assert (edge.client.address, edge.sent_bytes, edge.received_bytes, edge.initiator_known) == (A, 600, 900, True)
    assert result.tallies[0].not_used == {"NODATA: no traffic at the interface": 1}


def test_a_parquet_file_of_something_else(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(UsageError, match="has no column `srcaddr`"):
        run(Import("auto", [str(tmp_path / "x.parquet")]), Ends(), None)


@pytest.mark.parametrize("missing", ["srcport", "protocol"])
def test_a_log_without_ports_or_protocol_is_of_no_use(missing: str, tmp_path: Path) -> None:
    header = FLAGS.replace(f" {missing}", "")
    line = " ".join(["10.0.1.5", "10.0.2.6", *["1"] * (len(header.split()) - 2)])
    with pytest.raises(UsageError, match=f"the log has no field {missing}"):
        imported(tmp_path, "auto", [header, line])


def test_records_without_a_time_have_the_files(tmp_path: Path) -> None:
    tally, (edge,) = imported(tmp_path, "auto", ["srcaddr dstaddr srcport dstport protocol", f"{A} {B} 40001 80 6"])
    assert tally.notes == {"records without a time have the file's": 1}
    assert abs(edge.first_seen.timestamp() - (tmp_path / "records").stat().st_mtime) < 2
