"""Reports of a replay: well-formed, complete by their formats' own rules, and safe whatever names are in them."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from fairway.policy.generate import generate
from fairway.policy.model import NetworkPolicy, PolicySet, Selector
from fairway.policy.replay import Breakage, Replay, replay
from fairway.policy.replay_report import affected, junit, markdown, sarif
from support.shop import shop, traffic

REQUIRED = {
    "": {"version", "runs"},
    ".runs[]": {"tool"},
    ".runs[].tool": {"driver"},
    ".runs[].tool.driver": {"name"},
    ".runs[].tool.driver.rules[]": {"id"},
    ".runs[].results[]": {"message"},
    ".runs[].results[].message": {"text"},
}
"""The properties that the SARIF 2.1.0 schema requires, by the object's path."""


def broken(client: str, server: str, direction: str = "ingress", connections: int = 3, **more: Any) -> Breakage:
    words = {"reason": f"{direction}: no rule", "fix": "write one", "policies": ("a/p",), **more}
    return Breakage(client, server, 80, "TCP", direction, connections, **words)


NASTY = 'a/<b>&"|`x`\\\x00'
SAMPLE = Replay(
    judged=9,
    connections=40,
    broken=(
        broken("a/ui", "a/db"),
        broken("a/ui", "a/db", "egress"),
        broken("a/ui", "a/mq", connections=5),
        broken(NASTY, "a/db", connections=20, policies=(), reason="posture\nis deny"),
    ),
    unused_rules=("a/p egress[0]",),
)
POLICY = NetworkPolicy("a", "p", Selector(), source="pol icies/a.yaml#2.items[3]")
PASSED = Replay(judged=9, connections=40, broken=(), unused_rules=())


def objects(value: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        return [found for element in value for found in objects(element, f"{path}[]")]
    if not isinstance(value, dict):
        return []
    return [(path, value), *(found for key, child in value.items() for found in objects(child, f"{path}.{key}"))]


def test_who_is_affected_most_comes_first_and_no_connection_counts_twice() -> None:
    told = [(one.workload, one.connections, len(one.broken)) for one in affected(SAMPLE.broken)]
    assert told == [(NASTY, 20, 1), ("a/ui", 8, 3)]


def test_sarif_has_what_its_schema_requires() -> None:
    log = sarif(SAMPLE, [POLICY], "1.2.3")
    for path, found in objects(log):
        assert REQUIRED.get(path, set()) <= found.keys(), path
    (run,) = log["runs"]
    known = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    told = [(one["ruleId"], one["level"], len(one["locations"])) for one in run["results"]]
    assert told == [*[("would-deny", "error", 1)] * 3, ("would-deny", "error", 0), ("unused-rule", "note", 1)]
    assert {one["ruleId"] for one in run["results"]} <= known
    location = run["results"][4]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "pol%20icies/a.yaml"
    assert location["physicalLocation"]["region"] == {"startLine": 1}
    (again,) = sarif(SAMPLE, [POLICY], "1.2.3", {POLICY.source: 14})["runs"]
    assert again["results"][4]["locations"][0]["physicalLocation"]["region"] == {"startLine": 14}
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "a/p"
    assert sarif(PASSED, [POLICY], "1")["runs"][0]["results"] == []


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(junit(SAMPLE))
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    for counted in (root, suite):
        counts = [int(counted.attrib[name]) for name in ("tests", "failures", "errors", "skipped")]
        assert counts == [len(suite), len(suite.findall("testcase/failure")), 0, len(suite.findall("*/skipped"))]
    assert all({"classname", "name", "time"} <= case.attrib.keys() for case in suite)
    assert [failure.attrib["type"] for failure in suite.findall("testcase/failure")] == ["would-deny"] * 4
    assert suite[3].attrib["classname"] == NASTY.replace("\x00", "?")
    (case,) = ElementTree.fromstring(junit(PASSED))[0]
    assert (len(case), case.attrib["classname"]) == (0, "replay")


def test_markdown_tables_keep_their_columns() -> None:
    text = markdown(SAMPLE)
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {7}
    assert "\n| a/db |" in text
    assert not re.search(r"(?<!\\)<b", text)
    assert text.index("20 connections") < text.index("#### a/ui: 8 connections")
    assert "- a/p egress\\[0\\]" in text
    assert markdown(PASSED).startswith("### Policy replay: nothing would break\n")


def test_a_breakage_names_the_policies_that_deny() -> None:
    where = shop()
    edges = traffic(where)
    made = tuple(p.policy for p in generate(edges, where).policies)
    shut = NetworkPolicy("ui", "ui", Selector(), egress=())
    found = replay(edges, PolicySet((*(p for p in made if p.title != "ui/ui"), shut)), where).broken
    assert {one.policies for one in found} == {("ui/ui",)}


def test_what_was_decided_to_be_denied_and_is_allowed_fails_every_report() -> None:
    open_ = replace(PASSED, still_allowed=("dev/intruder -> orders/db TCP 5432, denied by ana: a scanner",))
    (suite,) = ElementTree.fromstring(junit(open_))
    assert [failure.attrib["type"] for failure in suite.findall("testcase/failure")] == ["still-allowed"]
    (run,) = sarif(open_, (), "1")["runs"]
    assert [(r["ruleId"], r["level"]) for r in run["results"] if r["level"] != "note"] == [
        ("still-allowed", "error")
    ]
    assert "still allowed: dev/intruder" in markdown(open_)
