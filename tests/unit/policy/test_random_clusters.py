"""The random clusters that evaluators are compared on have everything that evaluators get wrong."""

import random
from collections import Counter

import pytest

from support.features import PLAIN, TIERED, features
from support.random_clusters import random_case

CASES = 300
RARE = 5
"""In so many cases of CASES each feature is found at least."""


@pytest.mark.parametrize(("tiers", "wanted"), [(False, PLAIN), (True, PLAIN | TIERED)], ids=["plain", "tiered"])
def test_every_feature_is_put_to_the_test(tiers: bool, wanted: set[str]) -> None:
    found: Counter[str] = Counter()
    for seed in range(CASES):
        found.update(features(*random_case(random.Random(seed), tiers=tiers)))
    assert {feature: found[feature] for feature in wanted if found[feature] < RARE} == {}
