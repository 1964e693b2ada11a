"""Metrics as text, read back by the parsers that others use."""

import math

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from fairway.kit.openmetrics import counter, gauge, render, wants_openmetrics

NASTY = 'a"b\\c\nd é'
FAMILIES = [
    counter("boat_turns", 'Turns, "all" of\nthem \\.', ({"boat": NASTY}, 2**63), ({"boat": "b"}, 0)),
    gauge("boat_speed", "Now.", ({}, 1.5)),
    gauge("boat_depth", "Nowhere."),
    counter("boat_hours", "Used.", ({}, 0.1)),
]


def test_both_formats_say_what_was_meant() -> None:
    for parse, text in (
        (openmetrics, render(FAMILIES, openmetrics=True)),
        (plain, render(FAMILIES, openmetrics=False)),
    ):
        families = {family.name: family for family in parse(text)}
        assert set(families) == {"boat_turns", "boat_speed", "boat_hours"}
        turns = families["boat_turns"]
        assert (turns.type, turns.documentation) == ("counter", FAMILIES[0].about)
        assert [(s.name, s.labels, s.value) for s in turns.samples] == [
            ("boat_turns_total", {"boat": NASTY}, 2**63),
            ("boat_turns_total", {"boat": "b"}, 0),
        ]
        assert families["boat_speed"].type == "gauge"
        assert math.isclose(families["boat_hours"].samples[0].value, 0.1)


def test_only_openmetrics_has_an_end() -> None:
    assert render(FAMILIES, openmetrics=True).endswith("# EOF\n")
    assert "EOF" not in render(FAMILIES, openmetrics=False)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75", True),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", False),
        ("", False),
    ],
)
def test_what_a_scraper_asks_for(accept: str, wanted: bool) -> None:
    assert wants_openmetrics(accept) is wanted
