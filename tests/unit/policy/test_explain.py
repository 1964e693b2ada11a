"""Decisions in words."""

import pytest

from fairway.policy.decide import decide
from fairway.policy.explain import BY_WORKLOAD, explain, port_title
from fairway.policy.generate import generate
from fairway.policy.model import PolicySet
from fairway.wire.words import Posture
from support.objects import at
from support.shop import shop, traffic

SHOP = shop()
POLICIES = tuple(p.policy for p in generate(traffic(SHOP), SHOP).policies)
UI, ORDERS, DB, INTRUDER, NODE = "10.0.1.131", "10.0.1.141", "10.0.1.160", "10.0.2.190", "10.0.1.10"


def words(client: str, server: str, port: int, protocol: str = "TCP", posture: Posture = Posture.ALLOW) -> str:
    ends = at(SHOP, client), at(SHOP, server)
    decision = decide(PolicySet(POLICIES, posture), SHOP.namespaces, *ends, port, protocol)
    return explain(decision, *ends, port, protocol)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ((INTRUDER, DB, 5432),
         "ingress: orders/orders-postgresql isolates orders/orders-postgresql-0; "
         "no rule allows TCP 5432 from dev/intruder"),
        ((INTRUDER, DB, 5432, "TCP", Posture.DENY),
         "egress: no policy selects dev/intruder and the posture is deny; TCP 5432 to orders/orders-postgresql-0 "
         "needs a policy. ingress: orders/orders-postgresql isolates orders/orders-postgresql-0; "
         "no rule allows TCP 5432 from dev/intruder"),
        ((ORDERS, DB, 5432),
         "egress: orders/orders egress[0] allows TCP 5432 to orders/orders-postgresql-0. "
         "ingress: orders/orders-postgresql ingress[0] allows TCP 5432 from orders/orders-5c4b-1"),
        ((NODE, UI, 8080),
         "egress: n1 is no pod of the cluster; policies do not judge it. "
         "ingress: ui/ui-7d9f-1 is always reached by its own node"),
        ((UI, UI, 8080), "egress: ui/ui-7d9f-1 always reaches itself. ingress: ui/ui-7d9f-1 always reaches itself"),
        ((INTRUDER, "203.0.113.9", 443),
         "egress: no policy isolates dev/intruder and the posture is allow. "
         "ingress: 203.0.113.9 is no pod of the cluster; policies do not judge it"),
        ((UI, "203.0.113.9", 0, "ICMP"), "egress: ui/ui isolates ui/ui-7d9f-1; no rule allows ICMP to 203.0.113.9"),
    ],
)  # fmt: skip
def test_sentences(asked: tuple[str, str, int], text: str) -> None:
    assert words(*asked) == text


def test_by_workload() -> None:
    ends = at(SHOP, INTRUDER), at(SHOP, ORDERS)
    decision = decide(PolicySet(POLICIES), SHOP.namespaces, *ends, 8080, "TCP")
    assert explain(decision, *ends, 8080, "TCP", BY_WORKLOAD) == (
        "ingress: orders/orders isolates orders/orders; no rule allows TCP 8080 from dev/intruder"
    )


def test_ports_in_words() -> None:
    assert (port_title(53, "UDP"), port_title(0, "ICMP")) == ("UDP 53", "ICMP")
