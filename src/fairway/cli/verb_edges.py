"""`fairway edges`: who talks to whom."""

import argparse

from fairway.hub.source import add_source, source


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("edges", help="who talks to whom, by workload or by pod")
    verb.add_argument("--pods", action="store_true", help="single pods instead of workloads")
    add_source(verb, limit=100)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print edges, the busiest first."""
    from fairway.hub.edges import edges_of
    from fairway.hub.matching import edges_matching
    from fairway.hub.summary import summarise
    from fairway.kit import show

    asked = source(arguments)
    output = show.Output(arguments.output)
    edges = edges_matching(asked.wanted.expression, edges_of(asked.flows()))
    lines = summarise(edges, pods=arguments.pods)
    shown = lines[: arguments.limit]
    show.rows(
        [line.cells() if output is show.Output.TABLE else line.record() for line in shown],
        output=output,
        right=("conns", "sent", "received", "retr"),
        empty="no edges yet",
    )
    if output is show.Output.TABLE and len(lines) > len(shown):
        show.out.print(f"{len(lines) - len(shown)} more; --limit {len(lines)} shows all")
    return 0
