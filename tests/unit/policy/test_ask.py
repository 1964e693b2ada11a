"""Questions as people write them."""

import pytest

from fairway.kit.errors import UsageError
from fairway.policy.ask import Backend, ask
from fairway.policy.directory import Directory
from fairway.policy.generate import generate
from fairway.policy.model import PolicySet
from fairway.policy.read import read_policy_set
from support.cases.pods import MIXED_PLACES, TO_B
from support.cases.policies import ingress, sel
from support.objects import cluster
from support.shop import shop, traffic

SHOP = shop()
DIRECTORY = Directory(SHOP)
POLICIES = PolicySet(tuple(p.policy for p in generate(traffic(SHOP), SHOP).policies))


@pytest.mark.parametrize(
    ("client", "server", "port", "allowed"),
    [
        ("ui/ui-7d9f-1", "orders/orders-5c4b-2", "8080", True),
        ("ui/ui-7d9f-1", "2001:db8:2::141", "8080/tcp", True),
        ("ui/ui-7d9f-1", "orders/orders", "80", True),
        ("ui/ui-7d9f-1", "orders/orders", "81", False),
        ("ui/ui-7d9f-1", "orders/orders-postgresql-0", "5432/TCP", False),
        ("203.0.113.9", "ui/ui-7d9f-1", "8080", False),
        ("10.0.1.10", "ui/ui-7d9f-1", "8080", True),
        ("ui/ui-7d9f-1", "10.0.1.150", "53/udp", True),
        ("ui/ui-7d9f-1", "10.0.1.150", "0/ICMP", False),
    ],
)
def test_answers(client: str, server: str, port: str, allowed: bool) -> None:
    assert ask(POLICIES, DIRECTORY, client, server, port).allowed is allowed


def test_np57_a_service_says_which_backends_are_out_of_reach() -> None:
    answer = ask(POLICIES, DIRECTORY, "ui/ui-7d9f-1", "orders/orders-postgresql", "5432")
    assert answer.why == (
        "egress: ui/ui isolates ui/ui-7d9f-1; no rule allows TCP 5432 to orders-postgresql. "
        "Backends out of reach: orders/orders-postgresql-0:5432. "
        "Backends that refuse: orders/orders-postgresql-0:5432"
    )


MIXED = Directory(cluster(*MIXED_PLACES))


def test_np57_a_mixed_service_says_which_of_its_backends() -> None:
    answer = ask(read_policy_set([("p.yaml", TO_B)]), MIXED, "x/a", "x/mixed", "80")
    assert not answer.allowed
    assert answer.why.endswith(". Backends out of reach: x/c:8080 (1 of 2)")
    assert answer.backends == (Backend("x/b", 8080, "allow", "allow"), Backend("x/c", 8080, "deny", "allow"))


def test_np57_a_backend_may_refuse_what_the_client_may_do() -> None:
    closed = ingress(subject=sel(app="c"))
    answer = ask(read_policy_set([("p.yaml", closed)]), MIXED, "x/a", "x/mixed", "80")
    assert (answer.allowed, answer.why) == (
        False,
        "ingress: x/p isolates x/c; no rule allows TCP 8080 from x/a. Backends that refuse: x/c:8080 (1 of 2)",
    )
    assert answer.backends[1] == Backend("x/c", 8080, "allow", "deny")


@pytest.mark.parametrize(
    ("client", "server", "port", "message"),
    [
        ("ui/none", "10.0.0.1", "80", "`ui/none` is no pod or Service with an address"),
        ("batch/orders-export-29000-x", "10.0.0.1", "80", "is no pod or Service with an address"),
        ("nonsense", "10.0.0.1", "80", "`nonsense` is no end"),
        ("10.0.0.1", "10.0.0.2", "http", "`http` is no port"),
        ("10.0.0.1", "10.0.0.2", "70000", "`70000` is no port"),
        ("10.0.0.1", "10.0.0.2", "80/QUIC", "`80/QUIC` is no port"),
        ("10.0.0.1", "10.0.0.2", "9" * 5000, r"`9{60}\.\.\.` is no port"),
        ("10.0.0.1", "10.0.0.2", "٨٠", "`٨٠` is no port"),
        ("10.0.0.1", "fd00::1", "80", "have no address family in common"),
    ],
)
def test_refusals(client: str, server: str, port: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ask(POLICIES, DIRECTORY, client, server, port)
