"""`fairway withdraw`: end the trial of policies in a cluster."""

import argparse
import sys

from fairway.cli.cluster_access import access_of, add_access


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("withdraw", help="end the trial of a policy in a cluster")
    verb.add_argument("names", nargs="+", metavar="NAME", help="StagedNetworkPolicies")
    add_access(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """What is in force stays."""
    from fairway.kube.api import Api
    from fairway.kube.deeds import withdraw

    access, namespace = access_of(arguments)
    with Api(access) as api:
        for name in arguments.names:
            withdraw(api, namespace, name)
            sys.stdout.write(f"{namespace}/{name} is on trial no more\n")
    return 0
