"""`fairway zones`: what moved between zones."""

import argparse

from fairway.hub.source import add_question, asked_of


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("zones", help="what moved from zone to zone; of a hub")
    add_question(verb, limit=None)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the matrix as rows, the most bytes first. An empty zone: outside, or not known."""
    from fairway.cli.answers import NUMBERS, key_cells, sum_cells
    from fairway.hub.target import hub_asked
    from fairway.kit import show

    groups = hub_asked(arguments).answer("zones", asked_of(arguments))["groups"]
    groups.sort(key=lambda group: -group["sums"]["sent_bytes"] - group["sums"]["received_bytes"])
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        groups = [{**key_cells(group["key"]), **sum_cells(group["sums"])} for group in groups]
    show.rows(groups, output=output, right=NUMBERS, empty="nothing was reported")
    return 0
