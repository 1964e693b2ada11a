"""`fairway hotspots`: where TCP sends again."""

import argparse

from fairway.hub.source import add_question, asked_of


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("hotspots", help="edges by TCP retransmissions, and their share of packets; of a hub")
    add_question(verb, limit=20)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print them, the worst first."""
    from fairway.cli.answers import NUMBERS, key_cells, sum_cells
    from fairway.hub.target import hub_asked
    from fairway.kit import show

    asked = asked_of(arguments) | {"limit": str(arguments.limit)}
    spots = hub_asked(arguments).answer("hotspots", asked)["spots"]
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        spots = [
            {
                **key_cells(spot["key"]),
                "ports": ", ".join(spot["ports"]),
                "share": f"{100 * spot['share']:.2f} %",
                **sum_cells(spot["sums"]),
            }
            for spot in spots
        ]
    show.rows(spots, output=output, right=NUMBERS, empty="nothing was sent again")
    return 0
