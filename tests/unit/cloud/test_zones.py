"""A zone's name tells its region, where its provider writes it so."""

import pytest

from fairway.cloud.zones import Scope, place, scope


@pytest.mark.parametrize(
    ("zone", "provider", "region"),
    [
        ("us-east-1a", "aws", "us-east-1"),
        ("us-gov-west-1b", "aws", "us-gov-west-1"),
        ("us-west-2-lax-1a", "aws", "us-west-2"),
        ("use1-az1", "aws", "use1"),
        ("apse2-az3", "aws", "apse2"),
        ("us-central1-a", "gcp", "us-central1"),
        ("westeurope-1", "azure", "westeurope"),
        ("eastus2-3", "azure", "eastus2"),
        ("rack-7b", "", ""),
        ("", "", ""),
    ],
)
def test_place(zone: str, provider: str, region: str) -> None:
    assert place(zone) == (provider, region, zone)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("us-east-1a", "us-east-1a", Scope.INTRA_ZONE),
        ("us-east-1a", "us-east-1b", Scope.INTER_ZONE),
        ("us-west-2-lax-1a", "us-west-2b", Scope.INTER_ZONE),
        ("us-east-1a", "us-west-2a", Scope.INTER_REGION),
        ("us-east-1a", "us-central1-a", Scope.INTER_REGION),
        ("use1-az1", "use1-az2", Scope.INTER_ZONE),
        ("us-east-1a", "use1-az1", None),  # perhaps the same zone
        ("ap-southeast-2a", "apse2-az1", None),
        ("us-gov-west-1a", "usgw1-az1", None),
        ("us-east-1a", "usw2-az1", Scope.INTER_REGION),
        ("rack-7", "rack-7", Scope.INTRA_ZONE),
        ("rack-7", "rack-8", None),
        ("us-east-1a", "", None),
    ],
)
def test_scope(one: str, other: str, expected: Scope | None) -> None:
    assert scope(one, other) is expected
    assert scope(other, one) is expected
