"""A decision by direction: what decided, and who."""

import pytest

from fairway.policy.ask import ask
from fairway.policy.directory import Directory
from fairway.policy.generate import generate
from fairway.policy.model import PolicySet
from fairway.policy.sides import EXEMPT, POLICIES, POSTURE
from fairway.wire.words import Posture
from support.shop import shop, traffic

SHOP = shop()
MADE = PolicySet(tuple(p.policy for p in generate(traffic(SHOP), SHOP).policies))
UI, ORDERS, DB = "ui/ui-7d9f-1", "orders/orders-5c4b-1", "orders/orders-postgresql-0"
OUT = ("unjudged", "", (), ())


@pytest.mark.parametrize(
    ("client", "server", "port", "posture", "egress", "ingress"),
    [
        (ORDERS, DB, "5432", Posture.ALLOW,
         ("allow", POLICIES, ("orders/orders",), ("orders/orders egress[0]",)),
         ("allow", POLICIES, ("orders/orders-postgresql",), ("orders/orders-postgresql ingress[0]",))),
        (UI, DB, "5432", Posture.ALLOW,
         ("deny", POLICIES, ("ui/ui",), ()), ("deny", POLICIES, ("orders/orders-postgresql",), ())),
        ("dev/intruder", DB, "5432", Posture.ALLOW,
         ("allow", POSTURE, (), ()), ("deny", POLICIES, ("orders/orders-postgresql",), ())),
        ("dev/intruder", "192.0.2.1", "443", Posture.DENY, ("deny", POSTURE, (), ()), OUT),
        (UI, UI, "9", Posture.ALLOW, ("allow", EXEMPT, (), ()), ("allow", EXEMPT, (), ())),
        ("10.0.1.10", UI, "9", Posture.ALLOW, OUT, ("allow", EXEMPT, (), ())),
        (UI, "orders/orders", "80", Posture.ALLOW, ("allow", POLICIES, ("ui/ui",), ("ui/ui egress[0]",)), None),
    ],
)  # fmt: skip
def test_each_direction_says_what_decided(
    client: str, server: str, port: str, posture: Posture, egress: tuple[object, ...], ingress: tuple[object, ...]
) -> None:
    answer = ask(PolicySet(MADE.policies, posture), Directory(SHOP), client, server, port)
    found = {side.direction: (side.verdict, side.tier, side.policies, side.rules) for side in answer.sides}
    assert found == {"egress": egress, **({"ingress": ingress} if ingress else {})}
    assert all(side.why and not side.why.startswith(side.direction) for side in answer.sides)
