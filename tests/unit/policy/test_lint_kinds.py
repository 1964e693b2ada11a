"""Which kinds of policies which plugin enforces: the whole table."""

import pytest

from fairway.policy.findings import Severity
from fairway.policy.lint_kinds import KINDS
from support.linting import api, found
from support.tiered import anp, application, aws, banp, by, cnp

ERROR, WARNING, NOTE = Severity
RULE = [by("Deny")]
POLICIES = {
    "np": api(),
    "anp": anp(ingress=RULE),
    "banp": banp(ingress=RULE),
    "cnp": cnp(ingress=RULE),
    "aws": aws(ingress=RULE),
    "app": application("a/app", policyTypes=["Ingress"]),
}
TABLE = {
    # plugin: np, anp, banp, cnp, aws, app
    "antrea": (None, NOTE, NOTE, NOTE, ERROR, ERROR),
    "calico": (None, WARNING, WARNING, NOTE, ERROR, ERROR),
    "cilium": (None, ERROR, ERROR, NOTE, ERROR, ERROR),
    "flannel": (ERROR,) * 6,
    "kube-router": (None, ERROR, ERROR, ERROR, ERROR, ERROR),
    "ovn-kubernetes": (None, None, None, WARNING, ERROR, ERROR),
    "vpc-cni": (None, ERROR, ERROR, ERROR, NOTE, WARNING),
}


@pytest.mark.parametrize("cni", TABLE)
def test_what_is_enforced(cni: str) -> None:
    told = []
    for policy in POLICIES.values():
        severities = [f.severity for f in found(policy, cni=cni) if f.code == "cni-ignores"]
        told.append(severities[0] if severities else None)
        assert len(severities) < 2
    assert tuple(told) == TABLE[cni]


def test_the_table_is_about_every_plugin() -> None:
    assert TABLE.keys() == KINDS.keys()


def test_many_policies_of_a_kind_are_told_once() -> None:
    told = found(*(api(name=f"a/p{n}") for n in range(5)), cni="flannel")
    (one,) = [f for f in told if f.code == "cni-ignores"]
    assert one.where == "p.yaml: a/p0 and 4 more"
