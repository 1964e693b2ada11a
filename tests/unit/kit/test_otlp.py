"""OTLP, read by OpenTelemetry's own definition; a collector that is away costs a line and no count."""

import threading
from pathlib import Path

import pytest

from fairway.kit.openmetrics import Family, counter, gauge
from fairway.kit.otlp import Collector as Of
from fairway.kit.otlp import Push, encode, problem, read_headers
from support.collector import Collector, collecting, decoded
from support.hub import Certificates


def families() -> list[Family]:
    return [
        counter("boat_miles", "Since the start.", ({"boat": "a"}, 2**53 + 1), ({"boat": 'b"\n'}, 1.5)),
        gauge("boat_speed", "Now.", ({}, 0.25)),
        gauge("boat_none", "Nobody has it."),
    ]


def test_counters_are_monotonic_sums_and_gauges_are_gauges() -> None:
    [told] = decoded(encode(families(), {"service.name": "fairway-hub"}, 5, 7)).resource_metrics
    assert [(one.key, one.value.string_value) for one in told.resource.attributes] == [
        ("service.name", "fairway-hub")
    ]
    [scope] = told.scope_metrics
    miles, speed = scope.metrics
    assert (miles.name, miles.description, miles.sum.is_monotonic) == ("boat_miles", "Since the start.", True)
    assert miles.sum.aggregation_temporality == 2, "since the start"
    first, second = miles.sum.data_points
    assert (first.as_int, first.start_time_unix_nano, first.time_unix_nano) == (2**53 + 1, 5, 7)
    assert (second.as_double, second.attributes[0].value.string_value) == (1.5, 'b"\n')
    [now] = speed.gauge.data_points
    assert (now.as_double, now.start_time_unix_nano) == (0.25, 0)


def test_what_is_pushed_arrives_and_trouble_is_told_once() -> None:
    lines: list[str] = []
    collector = Collector(statuses=[503, 503, 200])
    with collecting(collector), Push(Of(f"{collector.url}/"), families, {}, lines.append, 0.02) as push:
        collector.wait_for(lambda: len(collector.posted) >= 5)
    assert {path for path, _ in collector.posted} == {"/v1/metrics"}
    assert decoded(collector.posted[0][1]).resource_metrics
    assert lines == [f"otlp {collector.url}/: it answers 503", f"otlp {collector.url}/: well again"]
    assert push.exports["failed"] == 2
    assert push.exports["sent"] >= 2


def test_nobody_there_is_told() -> None:
    told = threading.Event()
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        told.set()

    with Push(Of("http://127.0.0.1:1"), families, {}, say, 0.02):
        assert told.wait(30)
    assert lines == ["otlp http://127.0.0.1:1: Connection refused"]


@pytest.mark.parametrize(
    "url", ["collector:4318", "grpc://collector:4317", "http://", "http://a:b", "http://a?x=1"]
)
def test_what_is_no_url_is_said(url: str) -> None:
    assert problem(Of(url)) == f"`{url}` is no URL of a collector such as http://otel-collector.monitoring:4318"
    assert problem(Of("https://collector.example/otlp")) == ""


def test_credentials_go_where_nobody_listens(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    assert problem(Of("http://collector.example", file)).endswith("in the clear; use https://")
    assert problem(Of("http://127.0.0.1:4318", file)) == problem(Of("https://collector.example", file)) == ""
    assert read_headers(None) == read_headers(file) == {}
    file.write_text("Authorization: Bearer a:b\n\n X-Scope : 7 \n")
    assert read_headers(file) == {"Authorization": "Bearer a:b", "X-Scope": "7"}
    for wrong in ("secret", "a b: secret", "a: secr\x00et", ": secret"):
        file.write_text(f"X: 1\n{wrong}\n")
        with pytest.raises(ValueError, match="line 2 is no header") as told:
            read_headers(file)
        assert "secret" not in str(told.value)


def test_a_collector_that_wants_a_login_and_has_a_certificate_of_its_own(tmp_path: Path) -> None:
    """The headers are read anew for each push, and never told."""
    lines: list[str] = []
    told = threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        told.set()

    file, certificates = tmp_path / "headers", Certificates(tmp_path)
    file.write_text("Authorization: Bearer old\n")
    collector = Collector(bearer="new", certificates=certificates)
    with collecting(collector):
        with Push(Of(collector.url, file, certificates.authority), families, {}, say, 0.02):
            assert told.wait(30)
            file.write_text("Authorization: Bearer new\n")
            collector.wait_for(lambda: bool(collector.posted))
        told.clear()
        with Push(Of(collector.url, file), families, {}, say, 0.02):
            assert told.wait(30)
    assert lines[0] == f"otlp {collector.url}: it answers 401"
    assert "certificate verify failed" in lines[-1].lower()
    assert not any("Bearer" in line for line in lines)
