"""What people decide: read with all problems at once, and obeyed by generate, replay and coverage."""

from datetime import date, datetime
from typing import Any

import msgspec
import pytest

from fairway.kit.errors import InputErrors
from fairway.policy.coverage import coverage
from fairway.policy.generate import Options, generate
from fairway.policy.model import PolicySet
from fairway.policy.replay import replay
from fairway.policy.rulings import Ruling, Rulings, read_rulings
from fairway.policy.sift import LeftOut
from fairway.wire.words import Posture
from support.objects import edge
from support.shop import shop, traffic

SHOP = shop()
UI, ORDERS, ORDERS2, DB, INTRUDER = "10.0.1.131", "10.0.1.141", "10.0.2.141", "10.0.1.160", "10.0.2.190"
TODAY = date(2026, 11, 22)


def ruling(client: str, server: str, decision: str = "deny", **more: Any) -> Ruling:
    values = {"client": client, "server": server, "decision": decision, "reason": "why", "who": "ana", **more}
    (found,) = read_rulings([("d.yaml", {"decisions": [values]})])
    return found


def rulings(*given: Ruling) -> Rulings:
    return Rulings(given, TODAY)


@pytest.mark.parametrize(
    ("client", "server", "more", "fits"),
    [
        ("ui/ui", "orders/orders", {}, True),
        ("*", "orders/*", {}, True),
        ("ui/*", "*/orders", {"port": 8080, "protocol": "TCP"}, True),
        ("ui/ui", "orders/orders", {"port": 80}, False),
        ("ui/ui", "orders/orders", {"protocol": "UDP"}, False),
        ("ui/u", "orders/orders", {}, False),
        ("orders/orders", "ui/ui", {}, False),
        (UI, "10.0.1.0/24", {}, True),
        ("ui/ui", "10.0.2.0/24", {}, False),
        ("ui/ui", "orders/front", {}, True),  # the Service that it dialled
        ("ui/ui", "orders/orders", {"until": "2026-11-22"}, True),
        ("ui/ui", "orders/orders", {"until": date(2026, 11, 21)}, False),
        ("ui/ui", "orders/orders", {"until": datetime(2026, 11, 23)}, True),
    ],
)
def test_what_fits(client: str, server: str, more: dict[str, Any], fits: bool) -> None:
    one = edge(SHOP, UI, ORDERS, 8080, service="orders/front:80")
    held = rulings(ruling(client, server, **more))
    assert (held.of(one) is not None) is fits
    assert len(held.remarks([one])) == (0 if fits else 1)


def test_the_first_that_fits_is_obeyed() -> None:
    held = rulings(ruling("ui/ui", "orders/orders", "allow"), ruling("*", "*"))
    one, other = edge(SHOP, UI, ORDERS, 8080), edge(SHOP, ORDERS, DB, 5432)
    wanted, unwanted = held.obeyed([one, other])
    assert ([e.port for e in wanted], [e.port for e in unwanted]) == ([8080], [5432])


def test_all_problems_at_once_by_place() -> None:
    first = {"client": "a/b", "server": "c/d", "decision": "permit", "who": "x"}
    good = {"client": "a", "server": "b", "decision": "deny", "reason": "r", "who": "w"}
    last = {**good, "until": "soon", "port": 70000, "protocol": "tcp", "note": 1}
    documents = [
        ("a.yaml", {"decisions": [first]}),
        ("b.yaml", {"decision": []}),
        ("c.yaml", {"decisions": [last]}),
    ]
    with pytest.raises(InputErrors) as caught:
        read_rulings(documents)
    assert caught.value.problems == [
        "a.yaml: `$.decisions[0].decision` `permit` is no decision; write `allow` or `deny`",
        "a.yaml: `$.decisions[0].reason` is missing; write it",
        "b.yaml: `$` has no field `decision`; one of decisions",
        "b.yaml: `$` has no `decisions`; write the list",
        "c.yaml: `$.decisions[0]` has no field `note`; one of "
        "client, server, port, protocol, decision, reason, who, until",
        "c.yaml: `$.decisions[0].protocol` `tcp` is no protocol; one of ICMP, TCP, UDP, ICMPv6, SCTP",
        "c.yaml: `$.decisions[0].port` 70000 is not a number from 0 to 65535; write one",
        "c.yaml: `$.decisions[0].until` `soon` is no date; write one such as 2026-12-31",
    ]


def test_generate_obeys_a_denial_and_says_whose_it_is() -> None:
    held = rulings(ruling(INTRUDER, "*", reason="a scanner", until="2026-12-31"))
    found = generate([edge(SHOP, INTRUDER, DB, 5432), edge(SHOP, ORDERS, DB, 5432)], SHOP, Options(rulings=held))
    assert [p.policy.title for p in found.policies] == ["orders/orders", "orders/orders-postgresql"]
    because = "denied by ana: a scanner, until 2026-12-31"
    assert found.left_out == (LeftOut("dev/intruder", "orders/orders-postgresql", 5432, "TCP", because, 3),)


@pytest.mark.parametrize(
    "more", [{"received_packets": 0}, {"denied": 2, "connections": 0}, {"initiator_known": False}]
)
def test_generate_makes_a_rule_of_what_was_decided_to_be_allowed(more: dict[str, Any]) -> None:
    one = msgspec.structs.replace(edge(SHOP, ORDERS, DB, 5432), **more)
    assert generate([one], SHOP).policies == ()
    found = generate([one], SHOP, Options(rulings=rulings(ruling("orders/*", "orders/*", "allow"))))
    assert len(found.policies) == 2
    assert found.policies[0].evidence["egress[0]"][0].endswith("allowed by ana: why")


def test_generate_leaves_a_denied_backend_out_of_a_service_that_was_dialled() -> None:
    dialled = edge(SHOP, UI, "10.96.0.30", 80)
    assert len(generate([dialled], SHOP).policies) == 2
    held = rulings(ruling("ui/ui", ORDERS), ruling("ui/ui", ORDERS2))
    assert generate([dialled], SHOP, Options(rulings=held)).policies == ()


def test_replay_asks_whether_decisions_hold() -> None:
    seen = [edge(SHOP, UI, ORDERS, 8080), edge(SHOP, INTRUDER, DB, 5432)]
    held = rulings(ruling("dev/*", "*", reason="a scanner"))
    policies = [p.policy for p in generate(seen, SHOP, Options(rulings=held)).policies]
    good = replay(seen, PolicySet(tuple(policies), Posture.DENY), SHOP, held)
    assert (good.passed, good.judged, good.still_allowed) == (True, 1, ())
    assert {(b.client, b.direction) for b in good.decided} == {
        ("dev/intruder", "ingress"),
        ("dev/intruder", "egress"),
    }
    open_ = replay(seen, PolicySet(), SHOP, held)
    assert open_.still_allowed == ("dev/intruder -> orders/orders-postgresql TCP 5432, denied by ana: a scanner",)
    assert not open_.passed


def test_replay_misses_an_unanswered_connection_that_was_decided_to_be_allowed() -> None:
    one = msgspec.structs.replace(edge(SHOP, ORDERS, DB, 5432), received_packets=0)
    closed = PolicySet(posture=Posture.DENY)
    assert replay([one], closed, SHOP).passed
    assert not replay([one], closed, SHOP, rulings(ruling("*", "*", "allow"))).passed


def test_coverage_takes_a_decision_for_having_looked() -> None:
    edges = [e for e in traffic(SHOP) if e.server.group != "orders/orders"]
    assert len([f for f in coverage(SHOP, edges).findings if f.blocks]) == 2
    held = rulings(
        ruling("ui/ui", "orders/orders", reason="gone"), ruling("batch/*", "*", "allow", reason="monthly")
    )
    found = coverage(SHOP, edges, rulings=held)
    assert found.enough
    assert held.remarks(edges) == ()  # they are about what was not seen
    told = [f.what for f in found.findings if "by ana" in f.what]
    assert told == [
        "is a CronJob (`0 3 * * *`) that was not seen to run (allowed by ana: monthly)",
        "declares the Service orders/orders in its environment, arguments or ConfigMaps, "
        "and was never seen to call it "
        "(denied by ana: gone)",
    ]


def test_what_was_decided_to_be_denied_counts_as_not_seen() -> None:
    held = rulings(ruling("ui/ui", "orders/orders"))
    findings = coverage(SHOP, traffic(SHOP), rulings=held).findings
    assert "serves TCP 8080 (`http`), which nobody called" not in [f.what for f in findings]  # the scraper did
    assert any(f.workload == "ui/ui" and "never seen to call it (denied by ana: why)" in f.what for f in findings)


OVER = "the decision `* -> *` was over on 2026-01-01; renew or remove it"
NOWHERE = "the decision `ui/ui -> nobody/* port 80` fits no flow; mend its pattern, or remove it"


def test_a_decision_that_fits_nothing_or_is_over_is_told() -> None:
    held = rulings(ruling("ui/ui", "nobody/*", port=80), ruling("*", "*", until="2026-01-01"))
    assert {OVER, NOWHERE} <= set(generate(traffic(SHOP), SHOP, Options(rulings=held)).notes)
    assert held.remarks(traffic(SHOP)) == (OVER, NOWHERE)


@pytest.mark.parametrize(
    ("first", "second", "reached"),
    [
        (("ui/*", "*"), ("ui/ui", "orders/orders"), False),
        (("*", "*"), ("10.0.0.0/8", "*"), False),
        (("10.0.0.0/8", "*"), ("10.0.1.0/24", "*"), False),
        (("10.0.0.0/8", "*"), ("10.0.1.131", "*"), False),
        (("ui/*", "*"), ("*", "*"), True),
        (("ui/u*i", "*"), ("ui/*", "*"), True),
        (("10.0.1.0/24", "*"), ("10.0.0.0/8", "*"), True),
        (("10.0.0.0/8", "*"), ("fd00::/8", "*"), True),
        (("10.0.0.0/8", "*"), ("ui/ui", "*"), True),
    ],
)
def test_a_decision_that_an_earlier_one_keeps_from_being_reached(
    first: tuple[str, str], second: tuple[str, str], reached: bool
) -> None:
    for decision, says in (("deny", "says it already; remove one"), ("allow", "says otherwise; keep one")):
        held = rulings(ruling(*first), ruling(*second, decision))
        told = [line for line in held.remarks([]) if "never reached" in line]
        assert [line.rpartition("comes before it and ")[2] for line in told] == ([] if reached else [says])


@pytest.mark.parametrize("more", [{"port": 80}, {"protocol": "TCP"}])
def test_a_decision_on_one_port_covers_that_alone(more: dict[str, Any]) -> None:
    assert "never reached" in str(rulings(ruling("*", "*"), ruling("*", "*", **more)).remarks([]))
    assert "never reached" not in str(rulings(ruling("*", "*", **more), ruling("*", "*")).remarks([]))
