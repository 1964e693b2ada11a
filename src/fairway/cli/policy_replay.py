"""What `fairway policy replay` prints: for a person, for a program, for a build server."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import fairway
from fairway.kit import show
from fairway.kit.documents import first_lines
from fairway.policy.explain import port_title
from fairway.policy.model import NetworkPolicy, TieredPolicy
from fairway.policy.replay import Replay
from fairway.policy.replay_report import affected, junit, markdown, sarif, summary


def tell(
    result: Replay,
    policies: Iterable[NetworkPolicy | TieredPolicy],
    paths: Sequence[Path],
    remarks: Sequence[str],
    *,
    output: str,
    report: str | None,
) -> None:
    """Print the result as `output` says, or as a `report` (junit, sarif, markdown) if one is asked for.

    The policies were read from `paths`; `remarks` are about the decisions, and beside a report on standard error.
    """
    if report:
        sys.stderr.write("".join(f"note: {remark}\n" for remark in remarks))
    match report:
        case "junit":
            sys.stdout.write(junit(result))
        case "sarif":
            log = sarif(result, policies, fairway.__version__, first_lines(paths))
            sys.stdout.write(json.dumps(log, indent=2) + "\n")
        case "markdown":
            sys.stdout.write(markdown(result))
        case _ if show.Output(output) is show.Output.TABLE:
            _table(result, remarks)
        case _:
            who = [{"workload": one.workload, "connections": one.connections} for one in affected(result.broken)]
            value = {"passed": result.passed, "affected": who, **asdict(result), "decisions": remarks}
            show.value(value, output=show.Output(output))


def _table(result: Replay, remarks: Sequence[str]) -> None:
    for remark in remarks:
        _say(f"note: {remark}")
    for one in affected(result.broken):
        for broken in one.broken:
            what = port_title(broken.port, broken.protocol)
            connections = f"{broken.connections} connection{'' if broken.connections == 1 else 's'}"
            _say(f"would break: {broken.client} -> {broken.server} {what}, {connections}")
            _say(f"  {broken.reason}")
            _say(f"  fix: {broken.fix}")
    for title in result.still_allowed:
        _say(f"still allowed: {title}")
    for title in result.unused_rules:
        _say(f"unused rule: {title}")
    if result.broken:
        who = ", ".join(f"{one.workload} ({one.connections})" for one in affected(result.broken))
        _say(f"affected, by connections: {who}")
    _say(summary(result))


def _say(line: str) -> None:
    """Print one line as it is; the terminal wraps it."""
    sys.stdout.write(f"{line}\n")
