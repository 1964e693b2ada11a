"""`fairway stage`: put policies on trial."""

import argparse
import sys
from pathlib import Path

from fairway.cli.cluster_access import add_access
from fairway.hub.state import find_state
from fairway.hub.target import add_why, at, client_of, text_of


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("stage", help="judge live traffic by policies without dropping anything")
    verb.add_argument("policies", type=Path, metavar="POLICIES", help="a folder or file of NetworkPolicies")
    verb.add_argument(
        "--posture",
        choices=("allow", "deny"),
        default="allow",
        help="for pods that none selects (default: %(default)s)",
    )
    add_why(verb)
    verb.add_argument(
        "--kube", action="store_true", help="as StagedNetworkPolicies in a cluster, each its own trial"
    )
    add_access(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check the policies, then write the intent; what is in force stays."""
    if arguments.kube:
        from fairway.cli.policy_apply import put

        return put(arguments, staged=True)
    import msgspec

    from fairway.hub.control import policy_set
    from fairway.hub.intent import PolicyChoice, read_intent, write_intent
    from fairway.hub.wishes import Choice, Wish
    from fairway.wire.words import Posture

    client = client_of(arguments)
    choice = PolicyChoice(policies=str(arguments.policies.absolute()), posture=Posture(arguments.posture))
    chosen = policy_set(choice)
    if client is not None:
        there = Choice(policies=text_of([arguments.policies]), posture=choice.posture)
        client.wish(Wish(staged=there, why=arguments.why))
    else:
        state = find_state(arguments.state)
        write_intent(state, msgspec.structs.replace(read_intent(state), staged=choice))
    sys.stdout.write(f"on trial on all nodes{at(client)}; policies: {chosen.size if chosen else 0}\n")
    return 0
