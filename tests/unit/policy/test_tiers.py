"""What judging in tiers says beside yes and no. The answers are asked for in `test_edge_cases.py`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fairway.policy.compile import compile_rules
from fairway.policy.decide import decide
from fairway.policy.explain import explain
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policy_set
from fairway.policy.settle import Answer, settle
from fairway.wire.words import Posture, Slot, Verdict
from support.cases.tiered import OUTSIDE, PLACES, A, B, Y, Z, own
from support.objects import at, cluster
from support.tiered import app, banp, by, cnp, named, nets, to

Probe = tuple[str, str, str]


def policies_of(*objects: dict[str, Any], posture: Posture = Posture.ALLOW) -> PolicySet:
    return read_policy_set((("p.yaml", o) for o in objects), posture=posture)


def test_the_posture_is_last() -> None:
    where = cluster(*PLACES)
    policies = policies_of(cnp(tier="Baseline", egress=[to("Accept", app("b"))]), posture=Posture.DENY)
    decisions = (decide(policies, where.namespaces, at(where, A), at(where, end), 80, "TCP") for end in (B, Y))
    egress = [decision.egress for decision in decisions]
    assert [(side.verdict, side.reason.name) for side in egress] == [
        (Verdict.ALLOW, "NONE"),
        (Verdict.DENY, "POSTURE"),
    ]


def test_a_policy_on_trial_may_be_another_version_of_the_one_in_force() -> None:
    where = cluster(*PLACES)
    active, staged = (policies_of(cnp(egress=[to("Deny", app(name))])) for name in "bc")
    compiled = compile_rules(where, active, staged)
    ends = [(at(where, A), at(where, server), 80, "TCP") for server in (B, Z)]
    answers = {slot: [compiled.verdict(slot, *probe)[0] for probe in ends] for slot in Slot}
    assert answers == {Slot.ACTIVE: [Verdict.DENY, Verdict.ALLOW], Slot.STAGED: [Verdict.ALLOW, Verdict.DENY]}


def test_np75_names_are_judged_by_what_they_were_at_the_time() -> None:
    noon, one = (datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in (12, 13))
    names = {"example.com": [Answer(OUTSIDE, until=noon), Answer(B, since=noon, until=one)]}
    rule = to("Accept", named("example.com"))
    policies = policies_of(cnp(egress=[rule, to("Deny", nets("0.0.0.0/0"))]))
    where = cluster(*PLACES)

    def reached(when: datetime | None) -> list[str]:
        settled = settle(policies, where.nodes, names, when)
        rows, found = compile_rules(where, settled, None), []
        for address in (OUTSIDE, B):
            ends = at(where, A), at(where, address), 443, "TCP"
            decision = decide(settled, where.namespaces, *ends)
            assert rows.verdict(Slot.ACTIVE, *ends)[0] is decision.egress.verdict
            found += [address] if decision.allowed else []
        return found

    assert reached(noon.replace(hour=11)) == [OUTSIDE]
    assert reached(noon) == [B]
    assert reached(one) == []
    assert reached(None) == [OUTSIDE, B]


def test_what_is_not_settled_is_not_judged() -> None:
    where, policies = cluster(*PLACES), policies_of(cnp(egress=[to("Deny", {"nodes": {}})]))
    with pytest.raises(ValueError, match="settle the policies first"):
        decide(policies, where.namespaces, at(where, A), at(where, OUTSIDE), 80, "TCP")


@pytest.mark.parametrize(
    ("objects", "probe", "why"),
    [
        ([cnp("guard", egress=[to("Deny", app("b"), name="no b")])], (A, B, "80"),
         "egress: ClusterNetworkPolicy guard egress[0] (no b) of the Admin tier denies x/a TCP 80 to x/b"),
        ([cnp("guard", egress=[to("Pass", app("b"))]), own(policyTypes=["Egress"])], (A, B, "80"),
         "egress: x/p isolates x/a; no rule allows TCP 80 to x/b, "
         "after ClusterNetworkPolicy guard egress[0] of the Admin tier passed it on"),
        ([banp(ingress=[by("Allow")])], (A, B, "80"),
         "egress: no policy isolates x/a and the posture is allow. ingress: BaselineAdminNetworkPolicy default "
         "ingress[0] of the Baseline tier accepts TCP 80 from x/a"),
    ],
)  # fmt: skip
def test_explanations_name_tier_object_and_rule(objects: list[dict[str, Any]], probe: Probe, why: str) -> None:
    where, policies = cluster(*PLACES), policies_of(*objects)
    ends = at(where, probe[0]), at(where, probe[1])
    assert explain(decide(policies, where.namespaces, *ends, 80, "TCP"), *ends, 80, "TCP") == why
