"""An address belongs to the service whose name says most, by the longest published prefix."""

import json
import random
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from fairway.cloud.ranges import GENERAL, Ranges, read_ranges
from fairway.kit.errors import UsageError

FILE = {
    "createDate": "2026-11-22-00-00-00",
    "prefixes": [
        {"ip_prefix": "198.18.0.0/15", "service": "AMAZON", "region": "r"},
        {"ip_prefix": "198.18.0.0/16", "service": "EC2", "region": "r"},
        {"ip_prefix": "198.18.0.0/24", "service": "S3", "region": "r"},
        {"ip_prefix": "198.18.0.0/24", "service": "EC2", "region": "r"},
        {"ip_prefix": "198.18.0.128/25", "service": "AMAZON", "region": "r"},
        {"ip_prefix": "198.18.0.64/32", "service": "EBS", "region": "r"},
        {"ip_prefix": "198.18.9.0/24", "service": "CLOUDFRONT_ORIGIN_FACING", "region": "r"},
        {"ip_prefix": "198.18.9.0/24", "service": "CLOUDFRONT", "region": "r"},
    ],
    "ipv6_prefixes": [{"ipv6_prefix": "2001:db8:a000::/48", "service": "S3", "region": "r"}],
}


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("198.18.0.1", "S3"),
        ("198.18.0.200", "S3"),  # the longer prefix is only AMAZON's
        ("198.18.0.64", "EBS"),
        ("198.18.1.1", "EC2"),
        ("198.19.0.1", "AMAZON"),
        ("198.18.9.9", "CLOUDFRONT"),
        ("198.20.0.1", None),
        ("2001:db8:a000::7", "S3"),
        ("2001:db8:a001::7", None),
        ("::ffff:198.18.0.1", None),
    ],
)
def test_service(tmp_path: Path, address: str, service: str | None) -> None:
    assert read_ranges(written(tmp_path / "r.json", FILE)).service(address) == service


def test_networks_and_date(tmp_path: Path) -> None:
    ranges = read_ranges(written(tmp_path / "r.json", FILE))
    assert ranges.date == "2026-11-22-00-00-00"
    assert ranges.networks()["S3"] == (ip_network("198.18.0.0/24"), ip_network("2001:db8:a000::/48"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is no AWS ip-ranges.json, Google cloud.json or Azure service tags"),
        ("[]", "is no AWS ip-ranges.json, Google cloud.json or Azure service tags"),
        ({"prefixes": [{"service": "S3"}]}, r"\$.prefixes\[0\]"),
        ({"prefixes": [{"ip_prefix": "10.0.0.1/24", "service": "S3"}]}, r"`\$.prefixes\[0\].ip_prefix`.*host bits"),
        ({"prefixes": [], "ipv6_prefixes": [{"ipv6_prefix": "10.0.0.0/8", "service": "S3"}]}, "no network"),
    ],
)
def test_malformed(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_ranges(written(tmp_path / "r.json", content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.json: cannot be read"):
        read_ranges(tmp_path / "none.json")


def plain(ranges: Ranges, address: str) -> str | None:
    """The same answer by looking at every network."""
    parsed = ip_address(address)
    held = [(GENERAL.get(name, 0), -network.prefixlen, name)
            for name, networks in ranges.networks().items() for network in networks
            if network.version == parsed.version and parsed in network]  # fmt: skip
    return min(held)[2] if held else None


def test_agrees_with_the_plain_search() -> None:
    rng = random.Random(7)
    networks: dict[str, set[object]] = {}
    for _ in range(300):
        name, length = rng.choice(["AMAZON", "EC2", "S3", "EBS", "EFS"]), rng.choice([8, 12, 16, 20, 24, 28, 32])
        network = ip_network((rng.getrandbits(12) << 20 | rng.getrandbits(4) << 8, length), strict=False)
        networks.setdefault(name, set()).add(network)
    ranges = Ranges({name: tuple(sorted(found)) for name, found in networks.items()})
    addresses = [str(ip_address(rng.getrandbits(12) << 20 | rng.getrandbits(9))) for _ in range(3000)]
    answers = [ranges.service(address) for address in addresses]
    assert answers == [plain(ranges, address) for address in addresses]
    assert len(set(answers)) == 6


PUBLISHED = Path(__file__).parents[4] / "shared/data/ip-ranges/aws-ip-ranges.json"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published ip-ranges.json is not beside the repository")
def test_the_published_file() -> None:
    ranges = read_ranges(PUBLISHED)
    rng = random.Random(1)
    for name in ("S3", "DYNAMODB", "ROUTE53_RESOLVER"):
        for network in rng.sample(ranges.networks()[name], 5):
            address = str(network[rng.randrange(min(network.num_addresses, 1 << 30))])
            assert ranges.service(address) == plain(ranges, address)
            assert ranges.service(address) not in GENERAL
