"""Bytes between two zones cost what the most particular price says, a person's own before the list's."""

from pathlib import Path

import pytest

from fairway.cloud.prices import LIST, Price, Prices, cost, read_prices
from fairway.cloud.zones import Scope
from fairway.kit.errors import UsageError

GB = 1 << 30
OWN = """
currency: USD
prices:
  - {scope: inter-zone, out: 0.005, in: 0.005}
  - {region: us-east-1, scope: inter-zone, out: 0.004}
  - {zones: [us-east-1b, us-east-1a], out: 0}
  - {region: us-east-1, to_region: eu-west-1, out: 0.05}
"""


@pytest.mark.parametrize(
    ("sender", "receiver", "dollars"),
    [
        ("us-east-1a", "us-east-1a", 0.0),
        ("us-east-1a", "us-east-1b", 0.02),
        ("use1-az1", "use1-az2", 0.02),
        ("us-east-1a", "us-west-2a", 0.02),
        ("us-central1-a", "us-central1-b", 0.01),
        ("westeurope-1", "westeurope-2", 0.0),
        ("rack-7", "rack-8", None),
        ("us-east-1a", "", None),
    ],
)
def test_list_prices(sender: str, receiver: str, dollars: float | None) -> None:
    assert cost(GB, sender, receiver, Prices()) == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("sender", "receiver", "dollars"),
    [
        ("eu-west-1a", "eu-west-1b", 0.01),  # one's own price for all, before the list's for AWS
        ("us-east-1a", "us-east-1c", 0.004),
        ("us-east-1a", "us-east-1b", 0.0),
        ("us-east-1b", "us-east-1a", 0.0),
        ("us-east-1a", "eu-west-1a", 0.05),
        ("eu-west-1a", "us-east-1a", 0.02),
        ("us-east-1a", "us-east-1a", 0.0),
    ],
)
def test_a_table_of_ones_own(sender: str, receiver: str, dollars: float, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(OWN)
    assert cost(GB, sender, receiver, read_prices(tmp_path / "prices.yaml")) == pytest.approx(dollars)


def test_the_last_word_counts_among_equals_and_units_are_the_tables() -> None:
    table = Prices(
        prices=(Price(scope=Scope.INTER_ZONE, out=1), Price(scope=Scope.INTER_ZONE, out=2)),
        bytes_per_gb=10**9,
        defaults=False,
    )
    assert cost(5 * 10**8, "us-east-1a", "us-east-1b", table) == 1.0
    assert cost(1, "us-east-1a", "us-west-2a", table) is None
    assert cost(0, "us-east-1a", "us-east-1b", table) == 0.0


def test_each_listed_price_is_of_one_provider_or_of_all() -> None:
    assert {price.provider for price in LIST} == {"", "aws", "gcp", "azure"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prices: [{out: -1}]", r"\$.prices\[0\].out"),
        ("prices: [{in: 1}]", "missing required field `out`"),
        ("prices: [{out: 1, scoop: inter-zone}]", "unknown field `scoop`"),
        ("prices: [{out: 1, scope: far}]", r"Invalid enum value 'far'"),
        ("[]", "Expected `object`"),
        ("", "holds 0 documents"),
    ],
)
def test_malformed(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=said):
        read_prices(path)
