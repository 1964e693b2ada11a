"""Each code of lint on the smallest policies that earn it, and silence on policies without fault."""

from pathlib import Path
from typing import Any

import pytest

from fairway.policy.findings import CODES, Severity
from fairway.policy.generate import generate
from fairway.policy.lint import lint
from fairway.policy.model import PolicySet
from fairway.wire.words import Posture
from support.linting import DNS, PLACE, V4, api, found, of, pods, ui
from support.objects import edge, policy
from support.shop import shop, traffic

HTTP = [{"port": 8080}]
HTTP80 = [{"port": 80}]


def clash(app: str) -> dict[str, Any]:
    return {**of(app), "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}


@pytest.mark.parametrize(
    ("policies", "severity", "code", "where", "words"),
    [
        ([policy("a/x", podSelector=clash("ui"), ingress=[])], "error", "never-selects", "a/x", "at `app`"),
        (
            [api({"from": [{"podSelector": clash("ui")}]})],
            "error",
            "never-selects",
            "ingress[0] from[0]",
            "at `app`",
        ),
        (
            [policy("a/x", podSelector=of("gone"))],
            "warning",
            "policy-selects-nothing",
            "a/x",
            "no pod of namespace a",
        ),
        ([api({"from": [pods("gone")]})], "warning", "peer-selects-nothing", "ingress[0] from[0]", "namespace a"),
        (
            [api({"from": [{"namespaceSelector": of("gone")}]})],
            "warning",
            "peer-selects-nothing",
            "ingress[0] from[0]",
            "no namespace has its labels",
        ),
        (
            [api({"from": [pods("ui")], "ports": [{"port": 80}]})],
            "error",
            "service-port",
            "ingress[0]",
            "take 8080",
        ),
        (
            [ui(DNS, {"to": [pods("api")], "ports": [{"port": 80}]})],
            "error",
            "service-port",
            "egress[1]",
            "take 8080",
        ),
        ([api({"ports": [{"port": "web"}]})], "warning", "name-unserved", "ingress[0]", "TCP port named `web`"),
        ([ui(DNS, {"to": [V4], "ports": [{"port": "http"}]})], "error", "name-outside", "egress[1]", "`http`"),
        ([ui(DNS, {"to": [V4]})], "warning", "ipv6-forgotten", "egress[1]", "IPv4 networks only"),
        ([ui({"to": [pods("api")]})], "warning", "dns-forgotten", "a/ui", "over UDP"),
        ([ui(DNS, {"to": [pods("api")]}), api()], "warning", "half-open", "egress[1]", "ingress of a/api denies"),
        (
            [api({"from": [pods("ui")], "ports": HTTP}), ui(DNS)],
            "warning",
            "half-open",
            "api ingress[0]",
            "egress of a/ui denies",
        ),
        ([api({"ports": HTTP}), api({"ports": HTTP}, name="a/z")], "note", "no-effect", "a/z ingress[0]", "a/api"),
        ([api({"from": [pods("ui")], "ports": HTTP}, {})], "note", "no-effect", "api ingress[0]", "ingress[1]"),
    ],
)
def test_each_code_on_the_smallest_policies_that_earn_it(
    policies: list[dict[str, Any]], severity: str, code: str, where: str, words: str
) -> None:
    told = [(f.severity, f.where.endswith(where), words in f.what) for f in found(*policies) if f.code == code]
    assert (Severity(severity), True, True) in told, found(*policies)
    assert code in CODES


@pytest.mark.parametrize(
    "policies",
    [
        [api({"from": [pods("ui")], "ports": HTTP}), ui(DNS, {"to": [pods("api")], "ports": HTTP})],
        [api({"from": [pods("ui"), pods("job")], "ports": [{"port": "http"}]})],
        [ui({"to": [V4, {"ipBlock": {"cidr": "::/0"}}]})],
        [policy("a/deny")],
    ],
)
def test_policies_without_fault_are_not_told_of(policies: list[dict[str, Any]]) -> None:
    assert found(*policies) == []


def test_what_generate_writes_is_free_of_errors_and_warnings() -> None:
    where = shop()
    edges = traffic(where)
    made = PolicySet(tuple(p.policy for p in generate(edges, where).policies))
    assert [f for f in lint(made, where, edges) if f.severity is not Severity.NOTE] == []


def test_default_deny_cuts_off_whom_nobody_selects() -> None:
    told = {(f.where, f.severity) for f in found(api({}), posture=Posture.DENY) if f.code == "unselected"}
    assert told == {(group, Severity.WARNING) for group in ("a/ui", "a/api", "kube-system/dns")}


def test_traffic_tells_unused_and_wide_rules_and_who_asks_for_names() -> None:
    seen = [edge(PLACE, "10.0.1.1", "10.0.1.2", 8080), edge(PLACE, "10.0.1.1", "10.0.1.3", 53, "UDP")]
    told = found(api({}, {"from": [pods("job")]}), ui({"to": [pods("api")]}), seen=seen)
    assert [(f.code, f.what) for f in told if f.code in ("unused", "too-wide") and "api ingress" in f.where] == [
        ("too-wide", "allows all ports; the flows that used it went to TCP 8080"),
        ("too-wide", "allows everyone; the flows that used it were of a/ui"),
        ("unused", "no recorded flow used it"),
    ]
    assert [f.severity for f in told if f.code == "dns-forgotten"] == [
        Severity.ERROR,
        Severity.WARNING,
    ]
    quiet = found(ui({"to": [pods("api")]}), seen=seen[:1])
    assert {f.severity for f in quiet if f.code == "dns-forgotten"} == {Severity.NOTE}


def test_the_page_explains_every_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "policy-lint.md").read_text(encoding="utf-8")
    rows = {code: f"| `{code}` | {meaning[0].upper()}{meaning[1:]}. |" for code, meaning in CODES.items()}
    assert [code for code, row in rows.items() if row not in page] == []


def test_without_any_policy_that_is_said() -> None:
    (said,) = lint(PolicySet(), PLACE)
    assert (said.severity, said.what) == (Severity.NOTE, "it is empty: every connection is allowed")
    assert {f.severity for f in lint(PolicySet((), Posture.DENY), PLACE)} == {Severity.WARNING}
