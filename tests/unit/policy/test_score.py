"""The score: what costs points, and what to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fairway.policy.score import THRESHOLD, Score, score_of
from fairway.policy.watch import History, Watch

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAYS = 14
ALL = tuple(range(DAYS * 24))
FULL = History(
    kinds={"a": ALL, "b": ALL[3:], "c": ALL[5::24]}, watched=ALL, starts=1, replicas=2, replicas_seen=2, lost=0
)
SHOP = ("shop", "Deployment/ui")


def scored(history: History, start: datetime = MONDAY) -> Score:
    bins = history.watched
    return score_of(SHOP, history, Watch(start, HOUR, len(bins) * HOUR, bins, ()))


def test_two_whole_weeks_over_the_end_of_a_month_with_nothing_new_lack_nothing() -> None:
    found = scored(FULL)
    assert (found.score, found.lacks) == (100, ())
    assert found.observed_seconds == DAYS * 86400
    assert found.quiet_seconds == (DAYS * 24 - 6) * 3600


@pytest.mark.parametrize(
    ("less", "start", "points", "what"),
    [
        ({"starts": 0}, MONDAY, 15, "no pod of it started"),
        ({"lost": 7}, MONDAY, 15, "7 events were lost on its nodes"),
        ({"replicas": 4}, MONDAY, 5, "2 of 4 replicas were not seen"),
        ({"watched": ALL[:144]}, datetime(2026, 11, 24, tzinfo=UTC), 12, "not, or not all day, observed on Monday"),
        ({}, datetime(2026, 11, 3, tzinfo=UTC), 4, "no whole end of a month"),
        ({"kinds": {"a": ALL, "b": ALL[251:]}}, MONDAY, 30, "a new kind of connection appeared 75 % into"),
    ],
)
def test_each_lack_costs_its_points_and_says_what_to_do(
    less: dict[str, object], start: datetime, points: int, what: str
) -> None:
    found = scored(replace(FULL, **less), start)
    lack = next(lack for lack in found.lacks if what in lack.what)
    assert lack.points == pytest.approx(points, abs=0.4)
    assert lack.do
    assert found.score == int(100 - sum(lack.points for lack in found.lacks))


def test_kinds_seen_once_cost_points_and_say_how_many_more_there_are() -> None:
    found = scored(replace(FULL, kinds={"a": ALL, **{f"rare {i}": (i,) for i in range(4)}}))
    assert found.score is not None
    assert found.score < THRESHOLD
    assert "about 6 more kinds of connection exist" in found.lacks[0].what


def test_hours_of_the_day() -> None:
    working = tuple(bin for bin in ALL if 8 <= bin % 24 < 18)
    found = scored(replace(FULL, watched=working))
    assert "14 hours of the day were not observed" in [lack.what for lack in found.lacks]


def test_too_short_for_statistics() -> None:
    short = replace(FULL, watched=ALL[:23], kinds={"a": ALL[:23]})
    assert (scored(short).score, scored(short).lacks) == (None, ())


@pytest.mark.parametrize(
    ("kind", "do"),
    [
        ("Deployment", ["restart it once: kubectl rollout restart deployment/ui -n shop"]),
        ("Pod", ["start one of its pods anew"]),
        ("CronJob", []),
    ],
)
def test_how_to_see_a_start(kind: str, do: list[str]) -> None:
    history = replace(FULL, starts=0)
    found = score_of(("shop", f"{kind}/ui"), history, Watch(MONDAY, HOUR, len(ALL) * HOUR, ALL, ()))
    assert [lack.do for lack in found.lacks] == do
