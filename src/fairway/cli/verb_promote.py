"""`fairway promote`: put policies on trial in a cluster into force."""

import argparse
import sys

from fairway.cli.cluster_access import access_of, add_access


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("promote", help="put a policy that is on trial in a cluster into force")
    verb.add_argument("names", nargs="+", metavar="NAME", help="StagedNetworkPolicies")
    verb.add_argument("--anyway", action="store_true", help="also if it would deny something, or is not judged yet")
    verb.add_argument("--dry-run", action="store_true", help="ask the server, change nothing")
    add_access(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """One after the other; exit 1 at the first that is not ready."""
    from fairway.kube.api import Api
    from fairway.kube.deeds import promote

    access, namespace = access_of(arguments)
    dry = " (dry run)" if arguments.dry_run else ""
    with Api(access) as api:
        for name in arguments.names:
            done = promote(api, namespace, name, anyway=arguments.anyway, dry_run=arguments.dry_run)
            sys.stdout.write(f"NetworkPolicy {namespace}/{name} {done}, its trial ended{dry}\n")
    return 0
