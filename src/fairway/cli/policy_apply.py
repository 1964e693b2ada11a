"""`fairway policy apply`: NetworkPolicies into a cluster, by server-side apply under a field manager of our own."""

import argparse
import sys
from pathlib import Path

from fairway.cli.cluster_access import access_of, add_access


def register(below: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = below.add_parser(
        "apply", help="put NetworkPolicies into a cluster; exit 1 if somebody else holds a field"
    )
    verb.add_argument("policies", type=Path, metavar="POLICIES", help="a folder or file of NetworkPolicies")
    verb.add_argument("--dry-run", action="store_true", help="ask the server, change nothing")
    verb.add_argument("--take-over", action="store_true", help="also fields that somebody else holds")
    add_access(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """All of them dry first; where one is refused nothing is changed."""
    return put(arguments, staged=False)


def put(arguments: argparse.Namespace, *, staged: bool) -> int:
    """Apply policies, as ones in force or on trial."""
    from fairway.kit.documents import read_documents
    from fairway.kube.api import Api
    from fairway.kube.deeds import apply_all, policies_of

    access, namespace = access_of(arguments)
    given = policies_of(read_documents([arguments.policies]), namespace, staged=staged)
    dry = getattr(arguments, "dry_run", False)
    with Api(access) as api:
        done = apply_all(api, given, dry_run=dry, force=getattr(arguments, "take_over", False))
    kind = "on trial" if staged else "NetworkPolicy"
    for one, what in zip(given, done, strict=True):
        sys.stdout.write(f"{kind} {one.title} {what}{' (dry run)' if dry else ''}\n")
    return 0
