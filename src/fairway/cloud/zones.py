"""Zones: what a zone's name says of its region and provider, and how two zones lie to each other.

A node's zone is its label `topology.kubernetes.io/zone`, a pod's that of its node; VPC flow logs have zone ids.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple


class Scope(StrEnum):
    """How far apart two ends are."""

    INTRA_ZONE = "intra-zone"
    INTER_ZONE = "inter-zone"
    INTER_REGION = "inter-region"


class Place(NamedTuple):
    """A zone; `provider` and `region` are empty where its name does not tell them."""

    provider: str
    region: str
    zone: str


_SIDE: Final = "(north|south|east|west|central)+"
"""All three providers name regions by points of the compass."""
_WORDS: Final = re.compile("gov|north|south|east|west|central")
_FORMS: Final = (
    # us-east-1a; local and wavelength zones: us-west-2-lax-1a
    ("aws", re.compile(rf"(?P<region>[a-z]{{2}}(-[a-z]+)?-{_SIDE}-\d+)(-[a-z]+-\d+)?[a-z]")),
    # zone ids: use1-az1, usw2-lax1-az1; their region is its short form
    ("aws", re.compile(r"(?P<region>[a-z]{3,5}\d+)(-[a-z]+\d+)?-az\d+")),
    ("gcp", re.compile(rf"(?P<region>[a-z]+-{_SIDE}\d+)-[a-z]")),
    ("azure", re.compile(rf"(?P<region>[a-z]*{_SIDE}[a-z]*\d?)-\d")),
)


@lru_cache(maxsize=4096)
def place(zone: str) -> Place:
    """What the zone's name says."""
    for provider, form in _FORMS:
        if found := form.fullmatch(zone):
            return Place(provider, found["region"], zone)
    return Place("", "", zone)


def scope(one: str, other: str) -> Scope | None:
    """How two zones lie to each other; None if a zone is empty, or if their names do not tell."""
    if not one or not other:
        return None
    if one == other:
        return Scope.INTRA_ZONE
    here, there = place(one), place(other)
    if not here.region or not there.region:
        return None
    if (here.provider, _short(here.region)) != (there.provider, _short(there.region)):
        return Scope.INTER_REGION
    # Which zone id is which zone's differs from account to account.
    return Scope.INTER_ZONE if here.region == there.region else None


def _short(region: str) -> str:
    """An AWS region as zone ids begin: us-east-1 is use1, ap-southeast-2 apse2; any other as it is."""
    area, *sides = region.split("-")
    return area + _WORDS.sub(lambda word: word[0][0], "".join(sides)) if len(sides) > 1 else region
