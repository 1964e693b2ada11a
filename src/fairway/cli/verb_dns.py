"""`fairway dns`: who asks DNS, how much is answered, and which names outside were called."""

import argparse

from fairway.hub.source import add_question, asked_of


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("dns", help="who asks DNS, what stays unanswered, names called outside; of a hub")
    add_question(verb, limit=50)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print pods, those with most questions without an answer first."""
    from fairway.hub.target import hub_asked
    from fairway.kit import show

    told = hub_asked(arguments).answer("dns", asked_of(arguments) | {"limit": str(arguments.limit)})["askers"]
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        told = [
            {
                "pod": f"{one['namespace']}/{one['pod']}",
                "node": one["node"],
                "asked": one["asked"],
                "answered": one["answered"],
                "unanswered": f"{one['unanswered']:.1%}",
                "resolvers": ", ".join(one["resolvers"]),
                "names": ", ".join(one["names"]),
            }
            for one in told
        ]
    show.rows(told, output=output, right=("asked", "answered", "unanswered"), empty="nobody asked")
    return 0
