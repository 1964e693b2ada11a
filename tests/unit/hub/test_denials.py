"""Who was kept from whom, in words that name pods and policies."""

from pathlib import Path

import pytest

from fairway.hub.denials import Denial, read_denials
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.store import write_flows
from fairway.kit.documents import read_documents
from fairway.policy.model import (
    Action,
    NetworkPolicy,
    Peer,
    PolicySet,
    Rule,
    Selector,
    Tier,
    TieredPolicy,
    TieredRule,
)
from fairway.policy.read import read_cluster
from fairway.wire import batch as wire
from fairway.wire.words import Direction, Initiator, Reason, Verdict
from support.reports import DB, ORDERS, ORDERS_SERVICE, T0, UI, report, write_cluster

INTRUDER = "10.0.1.140"
DENY, NO_RULE, POSTURE = Verdict.DENY, Reason.NO_RULE, Reason.POSTURE


def policy(namespace: str, name: str) -> NetworkPolicy:
    return NetworkPolicy(namespace, name, Selector(), ingress=(), egress=())


ACTIVE = PolicySet((policy("orders", "db"), policy("ui", "ui")))
STAGED = PolicySet((policy("orders", "one"), policy("orders", "two")))


def denials(tmp_path: Path, *batches: wire.Batch, **policies: PolicySet) -> list[Denial]:
    names = Names()
    cluster = write_cluster(tmp_path / "cluster", intruder=INTRUDER)
    names.observe(read_cluster(read_documents([cluster])).cluster, T0)
    for number, batch in enumerate(batches):
        write_flows(tmp_path / f"{number}.parquet", named([batch], names))
    return read_denials(tmp_path, policies)


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        pytest.param(
            report(DB, INTRUDER, 5432, Initiator.REMOTE, verdict=DENY, reason=NO_RULE, denied=3),
            "ingress: orders/db isolates orders/orders-postgresql-0; no rule allows TCP 5432 from dev/intruder",
            id="ingress",
        ),
        pytest.param(
            report(UI, ORDERS_SERVICE, 80, Initiator.POD, verdict=DENY, reason=NO_RULE, denied=3),
            "egress: ui/ui isolates ui/ui-1; no rule allows TCP 80 to service orders/orders",
            id="egress-to-a-service",
        ),
        pytest.param(
            report(UI, "192.0.2.9", 0, Initiator.POD, protocol="ICMP", verdict=DENY, reason=NO_RULE, denied=3),
            "egress: ui/ui isolates ui/ui-1; no rule allows ICMP to 192.0.2.9",
            id="without-ports",
        ),
        pytest.param(
            report(DB, INTRUDER, 5432, Initiator.REMOTE, verdict=DENY, reason=POSTURE, denied=3),
            "ingress: no policy selects orders/orders-postgresql-0 and the posture is deny; "
            "TCP 5432 from dev/intruder needs a policy",
            id="posture",
        ),
        pytest.param(
            report(DB, INTRUDER, 5432, Initiator.REMOTE, verdict=DENY, reason=Reason.FRAGMENT, denied=3),
            "ingress: a later fragment came without its first one",
            id="fragment",
        ),
        pytest.param(
            report(DB, INTRUDER, 5432, Initiator.REMOTE, verdict=DENY, reason=77, denied=3),
            "ingress: reason `77`",
            id="newer-reason",
        ),
    ],
)
def test_reasons(tmp_path: Path, batch: wire.Batch, words: str) -> None:
    [denial] = denials(tmp_path, batch, active=ACTIVE)
    assert (denial.reason, denial.packets, denial.enforced, denial.slot) == (words, 3, True, "active")


def test_several_policies_isolate_together(tmp_path: Path) -> None:
    batch = report(DB, INTRUDER, 5432, Initiator.REMOTE, staged=DENY, staged_reason=NO_RULE, connections=2)
    [denial] = denials(tmp_path, batch, staged=STAGED)
    assert "orders/one, orders/two isolate orders/orders-postgresql-0" in denial.reason
    assert (denial.slot, denial.enforced, denial.connections) == ("staged", False, 2)
    assert denial.direction is Direction.INGRESS


def test_cluster_wide_policies_that_may_have_denied_are_named(tmp_path: Path) -> None:
    seen = report(DB, INTRUDER, 5432, Initiator.REMOTE, verdict=DENY, reason=NO_RULE, denied=3)
    rules = (TieredRule(Action.DENY, Rule()),)
    guard = TieredPolicy("ClusterNetworkPolicy", "guard", Tier.ADMIN, 1, Peer(namespaces=Selector()), rules)
    other = TieredPolicy("ClusterNetworkPolicy", "other", Tier.ADMIN, 1, Peer(namespaces=Selector()), (), rules)
    (found,) = denials(tmp_path, seen, active=PolicySet(tiered=(guard, other)))
    assert found.reason.startswith("ingress: ClusterNetworkPolicy guard isolates orders/orders-postgresql-0;")


@pytest.mark.parametrize(
    ("policies", "who"),
    [({}, "a policy isolates"), ({"active": PolicySet()}, "a policy that is not set any more isolates")],
)
def test_without_the_policies_of_that_time(tmp_path: Path, policies: dict[str, PolicySet], who: str) -> None:
    batch = report(DB, INTRUDER, 5432, Initiator.REMOTE, verdict=DENY, reason=NO_RULE, denied=1)
    [denial] = denials(tmp_path, batch, **policies)
    assert f"ingress: {who} orders/orders-postgresql-0; " in denial.reason


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        pytest.param({"verdict": Verdict.ALLOW, "connections": 1}, [], id="allowed"),
        pytest.param({"verdict": DENY, "connections": 2, "tx_packets": 9}, [("active", False, 0, 2)], id="audit"),
        pytest.param({"staged": DENY, "tx_packets": 9}, [("staged", False, 0, 1)], id="opened-before"),
        pytest.param({"staged": DENY, "kind": wire.EDGE}, [], id="first-sight"),
        pytest.param({"verdict": DENY, "staged": DENY, "denied": 4}, [("active", True, 4, 0)], id="both"),
    ],
)
def test_what_counts(tmp_path: Path, fields: dict[str, int], found: list[tuple[str, bool, int, int]]) -> None:
    told = denials(tmp_path, report(DB, ORDERS, 5432, Initiator.REMOTE, **fields))
    assert [(one.slot, one.enforced, one.packets, one.connections) for one in told] == found


def test_what_was_dropped_comes_before_what_would_be(tmp_path: Path) -> None:
    dropped = report(DB, INTRUDER, 5432, Initiator.REMOTE, verdict=DENY, reason=NO_RULE, denied=3)
    later = report(ORDERS, UI, 8080, Initiator.REMOTE, staged=DENY, connections=1, at=T0 + 99)
    assert [one.enforced for one in denials(tmp_path, dropped, later)] == [True, False]


def test_the_latest_comes_first_and_repeats_add_up(tmp_path: Path) -> None:
    old = report(DB, INTRUDER, 5432, Initiator.REMOTE, verdict=DENY, reason=NO_RULE, denied=3)
    again = report(DB, INTRUDER, 5432, Initiator.REMOTE, verdict=DENY, reason=NO_RULE, denied=1, at=T0 + 50)
    new = report(ORDERS, UI, 8080, Initiator.REMOTE, verdict=DENY, reason=NO_RULE, denied=1, at=T0 + 99)
    told = denials(tmp_path, old, again, new)
    assert [(one.server.name, one.packets) for one in told] == [("orders-1", 1), ("orders-postgresql-0", 4)]
