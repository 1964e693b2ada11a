"""Domain names and their addresses from documents."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fairway.kit.errors import InputErrors
from fairway.policy.read_names import read_names
from fairway.policy.settle import Answer

EIGHT = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


def test_addresses_with_and_without_times() -> None:
    timed = {"address": "::ffff:192.0.2.8", "since": "2026-11-22T20:00:00Z", "until": EIGHT.replace(tzinfo=None)}
    found = read_names(
        [("a.yaml", {"API.example.com.": ["192.0.2.7", timed]}), ("b.yaml", {"api.example.com": ["fd00::1"]})]
    )
    answers = [Answer("192.0.2.7"), Answer("192.0.2.8", EIGHT, EIGHT), Answer("fd00::1")]
    assert found == {"api.example.com": answers}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "n.yaml: `$` `[]` is no mapping"),
        ({"a.com": "192.0.2.7"}, "n.yaml: `$['a.com']` `192.0.2.7` is not a list"),
        ({"a.com": ["b.com"]}, "n.yaml: `$['a.com'][0]` `b.com` is not an IP address"),
        ({"a.com": [{"since": EIGHT}]}, "n.yaml: `$['a.com'][0].address` is missing"),
        ({"a.com": [{"address": "192.0.2.7", "since": "soon"}]}, "n.yaml: `$['a.com'][0].since` `soon` is no time"),
        ({"a.com": [{"address": "192.0.2.7", "ttl": 60}]}, "n.yaml: `$['a.com'][0]` has no field `ttl`"),
        ({1: []}, None),
    ],
)
def test_problems(value: Any, said: str | None) -> None:
    if said is None:
        assert read_names([("n.yaml", value)]) == {"1": []}
        return
    with pytest.raises(InputErrors) as caught:
        read_names([("n.yaml", value)])
    assert any(line.startswith(said) for line in caught.value.problems), caught.value.problems
