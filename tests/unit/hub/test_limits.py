"""Token buckets: what is there may be taken, and comes back with time."""

from fairway.hub.limits import Limit, Meter


def test_a_burst_then_the_rate() -> None:
    meter = Meter(Limit(rate=2, burst=4))
    told = [(at, meter.take("a", 1, at)) for at in (0, 0, 0, 0, 0, 0.25, 0.5, 0.5, 10, 10, 10, 10, 10)]
    assert [at for at, wait in told if wait] == [0, 0.25, 0.5, 10]
    assert [wait for _, wait in told if wait] == [0.5, 0.25, 0.5, 0.5]


def test_each_has_a_bucket_of_their_own() -> None:
    meter = Meter(Limit(rate=1, burst=1))
    assert [meter.take(who, 1, 0) for who in "abab"] == [0, 0, 1, 1]


def test_what_is_larger_than_the_bucket_waits_for_a_full_one() -> None:
    meter = Meter(Limit(rate=10, burst=100))
    assert [meter.take("a", 1000, at) for at in (0, 5, 10)] == [0, 5, 0]


def test_the_longest_unused_bucket_makes_room() -> None:
    meter = Meter(Limit(rate=1, burst=1))
    for number in range(1 << 15):
        meter.take(str(number), 1, 0)
    assert meter.take("0", 1, 0) == 1
    meter.take("new", 1, 0)
    assert [meter.take(who, 1, 0) for who in ("0", "1")] == [1, 0]
