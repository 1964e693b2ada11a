"""What `decide` says beside yes and no. Its answers are asked for in `test_edge_cases.py`."""

from fairway.policy.decide import decide, decide_service
from fairway.policy.directory import Directory
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policies
from fairway.wire.words import Reason
from support.cases.pods import MIXED, MIXED_PLACES, TO_B
from support.cases.policies import PLACES, A, B, egress, ingress, pods
from support.objects import at, cluster


def policies_of(*objects: dict[str, object]) -> PolicySet:
    return PolicySet(read_policies(("p.yaml", o) for o in objects))


def test_np57_a_mixed_service_says_which_backends_are_closed() -> None:
    where, policies = cluster(*MIXED_PLACES), policies_of(TO_B)
    judged = decide_service(policies, Directory(where), at(where, A), MIXED, 80, "TCP")
    assert not judged.allowed
    assert [(end.title, port) for end, port in judged.denied] == [("x/c", 8080)]


def test_a_judgement_names_policies_rules_and_reasons() -> None:
    where, policies = cluster(*PLACES), policies_of(ingress({"from": [pods(app="b")]}, {}), egress(title="x/q"))
    decision = decide(policies, where.namespaces, at(where, B), at(where, A), 80, "TCP")
    assert decision.ingress.isolating == ("x/p",)
    assert decision.ingress.rules == ("x/p ingress[0]", "x/p ingress[1]")
    assert decision.ingress.rule == "x/p ingress[0]"
    assert decision.egress.reason is Reason.NONE
    back = decide(policies, where.namespaces, at(where, A), at(where, B), 80, "TCP")
    assert (back.allowed, back.egress.reason, back.egress.isolating) == (False, Reason.NO_RULE, ("x/q",))
