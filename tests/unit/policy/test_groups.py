"""Groups: who shares a policy number."""

from typing import Any

from fairway.policy.groups import Catalogue, Grouping, Groups
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policies
from fairway.wire.rules import CLOSED, FIRST_POLICY, OPEN, UNUSED
from fairway.wire.words import Posture
from support.objects import cluster, pod, policy

PLACE = cluster(
    pod("a/p", "10.0.0.1", labels={"app": "p"}, ports={"web": 80}),
    pod("a/q", "10.0.0.2", labels={"app": "q"}, ports={"web": 81}),
    pod("a/r", "10.0.0.3", labels={"app": "q", "track": "new"}, ports={"web": 81}),
    pod("b/p", "10.0.0.4", labels={"app": "p"}),
)


def numbers(*policies: dict[str, Any], posture: Posture = Posture.ALLOW) -> dict[str, tuple[int, int]]:
    chosen = PolicySet(read_policies(("p.yaml", one) for one in policies), posture)
    groups: Groups = {}
    grouping = Grouping(chosen, Catalogue([chosen]), PLACE, groups)
    return {one.title: grouping.numbers(one) for one in PLACE.pods}


def test_pods_that_no_policy_isolates_have_the_posture() -> None:
    assert set(numbers().values()) == {(OPEN, OPEN)}
    assert set(numbers(posture=Posture.DENY).values()) == {(CLOSED, CLOSED)}
    assert Grouping(None, Catalogue([]), PLACE, {}).numbers(PLACE.pods[0]) == (UNUSED, UNUSED)


def test_the_same_policies_are_one_group_and_directions_are_apart() -> None:
    found = numbers(policy("a/all", ingress=[], egress=[{"ports": [{"port": 1}]}]))
    assert found["a/p"] == found["a/q"] == found["a/r"] == (FIRST_POLICY, FIRST_POLICY + 1)
    assert found["b/p"] == (OPEN, OPEN)


def test_named_ports_divide_a_group_in_ingress_only() -> None:
    found = numbers(policy("a/all", ingress=[{"ports": [{"port": "web"}]}], egress=[{"ports": [{"port": "web"}]}]))
    assert found["a/q"] == found["a/r"] != found["a/p"]
    assert found["a/q"][1] == found["a/p"][1]


def test_equal_policies_of_two_sets_have_one_number() -> None:
    first, second = (PolicySet(read_policies([("p.yaml", policy("a/all", ingress=rules))])) for rules in ([], [{}]))
    catalogue = Catalogue([first, second, first])
    assert len(catalogue.policies) == 2
    assert [catalogue.number(chosen.policies[0]) for chosen in (first, second)] == [0, 1]
