"""`fairway agents`: is every node reporting, and does it obey the latest rules?"""

import argparse
from typing import Any

from fairway.hub.target import add_hub, hub_asked, state_asked
from fairway.kit.arguments import add_output


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("agents", help="each node's agent: last report, rules obeyed, losses")
    add_hub(verb)
    add_output(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the agents; 1 if one does not obey its latest rule table yet."""
    import time

    from fairway.hub.control import read_feed
    from fairway.kit import show

    hub = hub_asked(arguments)
    state = state_asked(arguments)
    output = show.Output(arguments.output)
    now_us = time.time_ns() // 1000
    rows, behind = [], False
    for node, agent in sorted(hub.agents().agents.items()):
        feed = read_feed(state, node) if state else None
        wanted = feed.table.revision if feed else agent.revision
        behind |= agent.revision < wanted
        losses = {name: lost for name, lost in agent.losses.items() if lost} | {"batches": agent.missing}
        rows.append(
            {
                "node": node,
                "last_report_seconds": round((now_us - agent.last_seen_us) / 1e6, 1),
                "lag_seconds": None if agent.lag_us is None else round(agent.lag_us / 1e6, 1),
                "revision": agent.revision,
                **({} if state is None else {"wanted": wanted, "pods": len(feed.pods) if feed else 0}),
                "packets": agent.packets,
                "batches": agent.batches,
                "rows": agent.rows,
                "services": agent.services,
                "program": agent.program,
                "losses": losses,
            }
        )
    if output is show.Output.TABLE:
        rows = [_cells(row) for row in rows]
    numbers = ("last_report", "lag", "revision", "wanted", "pods", "batches")
    show.rows(rows, output=output, right=numbers, empty="no agent has reported yet")
    return int(behind)


def _cells(row: dict[str, Any]) -> dict[str, Any]:
    """What a person looks for; packets and rows are for programs."""
    lag = row["lag_seconds"]
    return {
        "node": row["node"],
        "last_report": f"{row['last_report_seconds']} s",
        "lag": "-" if lag is None else f"{lag} s",
        **{
            name: row[name]
            for name in ("revision", "wanted", "pods", "batches", "services", "program")
            if name in row
        },
        "losses": _words(row["losses"]),
    }


def _words(losses: dict[str, int]) -> str:
    return ", ".join(f"{name} {lost}" for name, lost in losses.items() if lost) or "none"
