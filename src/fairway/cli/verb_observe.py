"""`fairway observe`: judge nothing, drop nothing."""

import argparse
import sys

from fairway.hub.state import find_state
from fairway.hub.target import add_why, at, client_of


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("observe", help="take all policies back, in force and on trial: everything is allowed")
    add_why(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write an empty intent."""
    from fairway.hub.intent import Intent, write_intent
    from fairway.hub.wishes import Wish

    client = client_of(arguments)
    if client is not None:
        client.wish(Wish(active=None, staged=None, why=arguments.why))
    else:
        write_intent(find_state(arguments.state), Intent())
    sys.stdout.write(f"no policy is in force and none on trial{at(client)}: everything is allowed and observed\n")
    return 0
