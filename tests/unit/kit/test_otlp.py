"""OTLP, read by OpenTelemetry's own definition; a collector that is away costs a line and no count."""

import threading

import pytest

from fairway.kit.openmetrics import Family, counter, gauge
from fairway.kit.otlp import Push, encode, problem
from support.collector import Collector, collecting, decoded


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
    with collecting(collector), Push(f"{collector.url}/", families, {}, lines.append, 0.02) as push:
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

    with Push("http://127.0.0.1:1", families, {}, say, 0.02):
        assert told.wait(30)
    assert lines == ["otlp http://127.0.0.1:1: Connection refused"]


@pytest.mark.parametrize(
    "url", ["collector:4318", "grpc://collector:4317", "http://", "http://a:b", "http://a?x=1"]
)
def test_what_is_no_url_is_said(url: str) -> None:
    assert problem(url) == f"`{url}` is no URL of a collector such as http://otel-collector.monitoring:4318"
    assert problem("https://collector.example/otlp") == ""
