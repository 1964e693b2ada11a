"""`fairway top-talkers`: who moves the most."""

import argparse

from fairway.hub.source import add_question, asked_of

METRICS = ("bytes", "packets", "connections", "retransmissions", "timeouts", "failed", "denied", "would_deny")
GROUPS = ("edge", "client", "server", "namespace", "zone", "node", "port", "service", "category")


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("top-talkers", help="who moves the most bytes, sends the most again, ...; of a hub")
    verb.add_argument("--by", choices=GROUPS, default="edge", help="sums for each (default: %(default)s)")
    verb.add_argument(
        "--metric", choices=METRICS, default="bytes", help="most of this first (default: %(default)s)"
    )
    add_question(verb, limit=20)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print sums."""
    from fairway.cli.answers import NUMBERS, key_cells, sum_cells
    from fairway.hub.target import hub_asked
    from fairway.kit import show

    asked = asked_of(arguments) | {"by": arguments.by, "metric": arguments.metric, "limit": str(arguments.limit)}
    groups = hub_asked(arguments).answer("top", asked)["groups"]
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        groups = [{**key_cells(group["key"]), **sum_cells(group["sums"])} for group in groups]
    show.rows(groups, output=output, right=NUMBERS, empty="nothing was reported")
    return 0
