"""Port sets: algebra and words."""

import pytest

from fairway.policy.reach import EVERYTHING, NOTHING, Reach, both, minus, only, opens, port_titles, sample

WEB, RANGE = only(80, "TCP"), only(8000, "TCP", 8100)
LESS = minus(EVERYTHING, WEB)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (both(EVERYTHING, WEB), WEB),
        (both(WEB, EVERYTHING), WEB),
        (both(RANGE, only(8050, "TCP", 9000)), only(8050, "TCP", 8100)),
        (both(WEB, only(80, "UDP")), NOTHING),
        (minus(RANGE, only(8000, "TCP", 8099)), only(8100, "TCP")),
        (minus(WEB, EVERYTHING), NOTHING),
        (both(LESS, WEB), NOTHING),
    ],
)
def test_algebra(found: Reach, expected: Reach) -> None:
    assert found == expected


def test_words() -> None:
    assert port_titles(EVERYTHING) == ("every port and protocol",)
    assert port_titles(WEB) == ("TCP 80",)
    assert port_titles(RANGE) == ("TCP 8000-8100",)
    assert port_titles(LESS) == (
        "TCP 1-79", "TCP 81-65535", "UDP every port", "SCTP every port", "other protocols")  # fmt: skip


def test_samples_and_members() -> None:
    assert sample(RANGE, 4) == (8000, "TCP")
    only_other = minus(EVERYTHING, (EVERYTHING[0], EVERYTHING[1], EVERYTHING[2], ()))
    assert [sample(only_other, family) for family in (4, 6)] == [(0, "ICMP"), (0, "ICMPv6")]
    assert (opens(only_other, 0, "ICMP"), opens(only_other, 80, "TCP"), opens(RANGE, 8001, "TCP")) == (
        True, False, True)  # fmt: skip
    with pytest.raises(ValueError, match="no port"):
        sample(NOTHING, 4)
