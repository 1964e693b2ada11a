"""Each provider's own form of published ranges, together with the others'."""

import json
from ipaddress import ip_network
from pathlib import Path

import pytest

from fairway.cloud.published import parse
from fairway.cloud.ranges import read_ranges
from fairway.kit.errors import UsageError

AWS = {"createDate": "2026-11-22-00-00-00", "prefixes": [{"ip_prefix": "198.18.0.0/24", "service": "S3"}]}
GOOGLE = {
    "syncToken": "1",
    "creationTime": "2026-11-21T00:00:00",
    "prefixes": [
        {"ipv4Prefix": "198.18.1.0/24", "service": "Google Cloud", "scope": "us-east1"},
        {"ipv6Prefix": "2001:db8:1::/48", "service": "Google Cloud", "scope": "us-east1"},
        {"ipv4Prefix": "198.18.0.0/16"},  # as goog.json has them, without a service
    ],
}
AZURE = {
    "changeNumber": 363,
    "cloud": "Public",
    "values": [
        {"name": "Storage", "properties": {"addressPrefixes": ["198.18.2.0/24", "2001:db8:2::/48"]}},
        {"name": "Storage.WestEurope", "properties": {"addressPrefixes": ["198.18.2.0/25"]}},
        {"name": "AzureFrontDoor.Backend", "properties": {"addressPrefixes": ["198.18.3.0/24"]}},
        {"name": "AzureCloud", "properties": {"addressPrefixes": ["198.18.2.0/26"]}},
    ],
}


def folder(path: Path) -> Path:
    for name, content in (("aws", AWS), ("google", GOOGLE), ("azure", AZURE)):
        (path / f"{name}.json").write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("198.18.0.9", "S3"),  # Google's own name for all of its is weaker
        ("198.18.1.9", "Google Cloud"),
        ("198.18.200.1", "Google"),
        ("198.18.2.1", "Storage"),
        ("198.18.3.1", "AzureFrontDoor"),
        ("2001:db8:1::1", "Google Cloud"),
        ("2001:db8:2::1", "Storage"),
        ("198.19.0.1", None),
    ],
)
def test_several_files_together(address: str, service: str | None, tmp_path: Path) -> None:
    assert read_ranges(folder(tmp_path)).service(address) == service


def test_sources_keep_their_dates(tmp_path: Path) -> None:
    ranges = read_ranges(folder(tmp_path))
    assert [(s.provider, s.date, s.networks) for s in ranges.sources] == [
        ("AWS", "2026-11-22-00-00-00", 1),
        ("Azure", "change 363", 4),
        ("Google", "2026-11-21T00:00:00", 3),
    ]
    assert ranges.networks()["Storage"] == (ip_network("198.18.2.0/24"), ip_network("2001:db8:2::/48"))


def test_files_may_be_named_one_by_one(tmp_path: Path) -> None:
    folder(tmp_path)
    ranges = read_ranges(tmp_path / "aws.json", tmp_path / "azure.json")
    assert set(ranges.networks()) == {"S3", "Storage", "AzureFrontDoor", "AzureCloud"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"values": [{"name": "X", "properties": {"addressPrefixes": ["x"]}}]}, r"addressPrefixes\[0\]` `x`"),
        ({"creationTime": "x", "prefixes": [{"ipv4Prefix": "2001:db8::/32"}]}, r"\$.prefixes\[0\].ipv4Prefix"),
        ({"values": [{"name": 3}]}, r"\$.values\[0\]"),
        ({"something": []}, "is no AWS ip-ranges.json, Google cloud.json or Azure service tags"),
    ],
)
def test_malformed(content: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(json.dumps(content).encode(), "here.json")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no \*.json"):
        read_ranges(tmp_path)


PUBLISHED = Path(__file__).parents[4] / "shared/data/ip-ranges"


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the providers' published files are not beside the repository")
def test_the_published_files() -> None:
    ranges = read_ranges(PUBLISHED)
    assert {source.provider for source in ranges.sources} == {"AWS", "Azure", "Google"}
    assert all(source.date for source in ranges.sources)
    assert {"S3", "DYNAMODB", "Storage", "Sql", "AzureFrontDoor", "Google Cloud"} <= set(ranges.networks())
    assert ranges.service("34.80.0.1") == "Google Cloud"
