"""A replay for reviewers: by who is affected; JUnit and SARIF for build servers, Markdown for pull requests."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from fairway.policy.explain import port_title
from fairway.policy.model import NetworkPolicy, TieredPolicy
from fairway.policy.replay import Breakage, Replay

SARIF_VERSION: Final = "2.1.0"
SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold in any form."""
_PLACE_IN_FILE: Final = re.compile(r"(#\d+)?(\.items\[\d+\])?$")
_SUITE: Final = "fairway policy replay"


@dataclass(frozen=True, slots=True)
class Affected:
    """A client whose connections would fail. `connections` counts each once, though both sides may deny it."""

    workload: str
    connections: int
    broken: tuple[Breakage, ...]


def affected(broken: Iterable[Breakage]) -> tuple[Affected, ...]:
    """The breakages by the client that would feel them, the most connections first."""
    by_client: dict[str, list[Breakage]] = defaultdict(list)
    for one in broken:
        by_client[one.client].append(one)
    found = [Affected(client, _connections(ones), tuple(ones)) for client, ones in by_client.items()]
    return tuple(sorted(found, key=lambda a: (-a.connections, a.workload)))


def _connections(broken: Iterable[Breakage]) -> int:
    most: dict[tuple[str, int, str], int] = defaultdict(int)
    for one in broken:
        key = (one.server, one.port, one.protocol)
        most[key] = max(most[key], one.connections)
    return sum(most.values())


def summary(result: Replay) -> str:
    """One line: what was replayed and what became of it."""
    would = f"{len(result.broken)} would break" if result.broken else "nothing would break"
    return (
        f"{result.judged} edges with {result.connections} connections replayed: {would}; "
        f"{len(result.already_denied)} were denied already, {len(result.unanswered)} nobody answered, "
        f"{result.uncertain} pass only if their unknown opener was the other end"
    )


def junit(result: Replay) -> str:
    """A JUnit report: failed cases for breakages, skipped ones for unused rules, one passed case for a yes."""
    cases = [
        f"{_case(one.client, f'{_ends(one)} {one.direction}')}>\n"
        f'      <failure message={_quoted(one.reason)} type="would-deny">{_escaped(one.fix)}</failure>\n'
        "    </testcase>"
        for one in result.broken
    ]
    cases += [
        f'{_case("decided to be denied", title)}>\n      <failure message="still allowed" type="still-allowed"/>\n'
        "    </testcase>"
        for title in result.still_allowed
    ]
    cases += [
        f'{_case("unused rules", title)}>\n      <skipped message="no recorded flow used it"/>\n    </testcase>'
        for title in result.unused_rules
    ]
    if result.passed:
        cases.append(f"{_case('replay', summary(result))}/>")
    failures = len(result.broken) + len(result.still_allowed)
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{len(result.unused_rules)}"'
    body = "\n".join(cases)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="{_SUITE}" {counts}>\n  <testsuite name="{_SUITE}" {counts}>\n{body}\n'
        "  </testsuite>\n</testsuites>\n"
    )


def _case(group: str, name: str) -> str:
    return f'    <testcase classname={_quoted(group)} name={_quoted(name)} time="0"'


def _quoted(text: str) -> str:
    return quoteattr(_ILLEGAL.sub("?", text))


def _escaped(text: str) -> str:
    return _ILLEGAL.sub("?", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def sarif(
    result: Replay,
    policies: Iterable[NetworkPolicy | TieredPolicy],
    version: str,
    lines: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """A SARIF 2.1.0 log: an error per breakage, a note per unused rule, each at its policy. `lines` are those at
    which objects begin, by source; without them every place is the first line of its file."""
    at = lines or {}
    sources = {policy.title: (policy.source, at.get(policy.source, 1)) for policy in policies}
    results = [_result("would-deny", "error", _said(one), _where(one.policies, sources)) for one in result.broken]
    results += [_result("still-allowed", "error", f"Still allowed: {title}.", []) for title in result.still_allowed]
    for title in result.unused_rules:
        owner = next((name for name in sources if title.startswith(f"{name} ")), "")
        results.append(_result("unused-rule", "note", f"No recorded flow used {title}.", _where((owner,), sources)))
    rules = [
        {"id": "would-deny", "shortDescription": {"text": "A recorded connection would be denied."}},
        {"id": "still-allowed", "shortDescription": {"text": "What was decided to be denied is allowed."}},
        {"id": "unused-rule", "shortDescription": {"text": "No recorded flow used the rule."}},
    ]
    driver = {"name": "fairway", "version": version, "rules": rules}
    return {
        "$schema": SARIF_SCHEMA,
        "version": SARIF_VERSION,
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _said(one: Breakage) -> str:
    return f"{_ends(one)} would break, {_count(one.connections)}. {one.reason}. Fix: {one.fix}."


def _result(rule: str, level: str, text: str, locations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"ruleId": rule, "level": level, "message": {"text": text}, "locations": locations}


def _where(titles: Iterable[str], sources: Mapping[str, tuple[str, int]]) -> list[dict[str, Any]]:
    return [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": quote(_PLACE_IN_FILE.sub("", sources[title][0]), safe="/")},
                "region": {"startLine": sources[title][1]},
            },
            "logicalLocations": [{"fullyQualifiedName": title, "kind": "object"}],
        }
        for title in titles
        if sources.get(title, ("", 0))[0]
    ]


def markdown(result: Replay) -> str:
    """A comment for a pull request: who is affected, why, how to mend it; unused rules folded away."""
    lines = [
        f"### Policy replay: {'would break' if result.broken else 'nothing would break'}",
        "",
        summary(result) + ".",
    ]
    for one in affected(result.broken):
        lines += ["", f"#### {_cell(one.workload)}: {_count(one.connections)}", ""]
        lines += ["| to | port | side | connections | why | fix |", "|---|---|---|---:|---|---|"]
        lines += [
            f"| {_cell(b.server)} | {port_title(b.port, b.protocol)} | {b.direction} | {b.connections} "
            f"| {_cell(b.reason.partition(': ')[2] or b.reason)} | {_cell(b.fix)} |"
            for b in one.broken
        ]
    lines += [f"\n- still allowed: {_cell(title)}" for title in result.still_allowed]
    if result.unused_rules:
        lines += ["", f"<details><summary>{len(result.unused_rules)} unused rules</summary>", ""]
        lines += [f"- {_cell(title)}" for title in result.unused_rules]
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _ends(one: Breakage) -> str:
    return f"{one.client} -> {one.server} {port_title(one.port, one.protocol)}"


def _count(connections: int) -> str:
    return f"{connections} connection{'' if connections == 1 else 's'}"


def _cell(text: str) -> str:
    """Text in a Markdown table, safe from being read as anything else."""
    return re.sub(r"([\\`*_|<>\[\]~])", r"\\\1", " ".join(text.split()))
