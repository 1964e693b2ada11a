"""`fairway policy diff OLD NEW`: the connections that two policy sets judge differently."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fairway.kit.arguments import add_output

if TYPE_CHECKING:
    from fairway.policy.diff import Change
    from fairway.policy.model import Cluster, PolicySet


def register(own: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb below `fairway policy`."""
    verb = own.add_parser("diff", help="connections that two policy sets judge differently; exit 1 if any")
    verb.add_argument("old", type=Path, metavar="OLD", help="NetworkPolicies before; an empty folder: none")
    verb.add_argument("new", type=Path, metavar="NEW", help="NetworkPolicies after; an empty folder: none")
    verb.add_argument("--cluster", type=Path, required=True, metavar="DIR|FILE", help="Kubernetes manifests")
    verb.add_argument(
        "--posture",
        choices=("allow", "deny"),
        default="allow",
        help="for pods that no policy selects (default: %(default)s)",
    )
    verb.add_argument("--old-posture", choices=("allow", "deny"), help="the same for OLD (default: as --posture)")
    add_output(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; 1 if there is a difference."""
    from dataclasses import asdict

    from fairway.cli.verb_policy import _cluster
    from fairway.kit import show
    from fairway.policy.diff import diff

    cluster = _cluster(arguments.cluster)
    old = _given(arguments.old, arguments.old_posture or arguments.posture, cluster)
    new = _given(arguments.new, arguments.posture, cluster)
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


def _given(path: Path, posture: str, cluster: "Cluster") -> "PolicySet":
    from fairway.cli.verb_policy import _policies
    from fairway.kit.documents import read_documents
    from fairway.policy.model import PolicySet
    from fairway.wire.words import Posture

    if path.is_dir() and not read_documents([path]):
        return PolicySet((), Posture(posture))
    return _policies(argparse.Namespace(policies=[path], posture=posture), cluster)


def _told(word: str, change: "Change") -> str:
    from fairway.policy.ends import listed

    ports = listed(change.ports, 6)
    families = f", IPv{change.families[0]} only" if len(change.families) == 1 else ""
    through = f" (by Service {listed(change.through)})" if change.through else ""
    ends = f"{listed(change.clients)} -> {listed(change.servers)}"
    return f"{word}: {ends} {ports}{through}{families}\n  before: {change.before}\n  after: {change.after}\n"
