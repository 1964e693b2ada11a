"""`fairway policy diff OLD NEW`: the connections that two policy sets judge differently."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fairway.cli.policy_inputs import Inputs, add_cluster, add_posture, hub_instead

if TYPE_CHECKING:
    from fairway.policy.diff import Change


def register(own: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb below `fairway policy`."""
    verb = own.add_parser("diff", help="connections that two policy sets judge differently; exit 1 if any")
    verb.add_argument("old", type=Path, metavar="OLD", help="policies before; an empty folder: none")
    verb.add_argument("new", type=Path, metavar="NEW", help="policies after; an empty folder: none")
    add_cluster(verb)
    add_posture(verb)
    verb.add_argument("--old-posture", choices=("allow", "deny"), help="the same for OLD (default: as --posture)")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; 1 if there is a difference."""
    from dataclasses import asdict

    from fairway.cli import policy_hub
    from fairway.kit import show
    from fairway.policy.diff import diff
    from fairway.wire.words import Posture

    before, after = Posture(arguments.old_posture or arguments.posture), Posture(arguments.posture)
    hub, inputs = hub_instead(arguments), Inputs(arguments)
    if hub is not None:
        result = policy_hub.compared(hub, arguments, inputs)
    else:
        cluster = inputs.cluster()
        old = inputs.policies_at([arguments.old], cluster, before, may_be_none=True)
        new = inputs.policies_at([arguments.new], cluster, after, may_be_none=True)
        inputs.done()
        result = diff(cluster, old, new)
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        show.value({"same": result.same, **asdict(result)}, output=output)
    else:
        for word, changes in (("allowed anew", result.allowed), ("no longer allowed", result.denied)):
            for change in changes:
                sys.stdout.write(_told(word, change))
        if result.same:
            sys.stdout.write("no connection is judged differently\n")
        else:
            sys.stdout.write(f"{len(result.allowed)} allowed anew, {len(result.denied)} no longer allowed\n")
    return 0 if result.same else 1


def _told(word: str, change: "Change") -> str:
    from fairway.policy.ends import listed

    ports = listed(change.ports, 6)
    families = f", IPv{change.families[0]} only" if len(change.families) == 1 else ""
    through = f" (by Service {listed(change.through)})" if change.through else ""
    ends = f"{listed(change.clients)} -> {listed(change.servers)}"
    return f"{word}: {ends} {ports}{through}{families}\n  before: {change.before}\n  after: {change.after}\n"
