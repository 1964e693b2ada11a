"""`fairway planes`: where a cloud's flow logs and the agents disagree."""

import argparse
from pathlib import Path
from typing import Any

from fairway.hub.source import add_source, source

_WHAT = {
    "refused": "the agents let it pass, the cloud's network rejected it: look at security groups and network ACLs",
    "never came": "rejected by the cloud's network before any agent could see it",
    "unseen": "carried, and no agent tells of it: is there an agent on the node?",
}


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("planes", help="where a cloud's flow logs and the agents disagree")
    verb.add_argument(
        "logs", type=Path, metavar="LOGS", help="flows that `fairway import vpc-flow-log --out` made of them"
    )
    add_source(verb, limit=50)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the disagreements, the most packets first; exit code 1 if there are any."""
    from fairway.hub.columns import IMPORTED
    from fairway.hub.edges import edges_of
    from fairway.hub.matching import edges_matching
    from fairway.hub.store import read_flows
    from fairway.kit import show
    from fairway.views.planes import disagreements

    asked = source(arguments)
    wanted, output = asked.wanted, show.Output(arguments.output)
    cloud = edges_of(read_flows(arguments.logs, wanted.since, wanted.until, IMPORTED))
    found = disagreements(edges_of(asked.flows()), edges_matching(wanted.expression, cloud))
    rows = [_row(one, table=output is show.Output.TABLE) for one in found[: arguments.limit]]
    show.rows(rows, output=output, right=("packets",), empty="the cloud's network and the agents agree")
    if output is show.Output.TABLE:
        for kind in dict.fromkeys(one.kind for one in found):
            show.out.print(f"{kind}: {_WHAT[kind]}")
        if len(found) > len(rows):
            show.out.print(f"{len(found) - len(rows)} more; --limit {len(found)} shows all")
    return 1 if found else 0


def _row(one: Any, *, table: bool) -> dict[str, Any]:
    from fairway.hub.summary import port_name

    ends = {"what": str(one.kind), "client": one.client, "server": one.server}
    if not table:
        return {
            **ends,
            "port": one.port,
            "protocol": one.protocol,
            "packets": one.packets,
            "first_seen": one.first.isoformat(),
            "last_seen": one.last.isoformat(),
            "nodes": sorted(one.nodes),
        }
    return {
        **ends,
        "port": port_name(one.port, one.protocol),
        "packets": str(one.packets),
        "last seen": one.last.strftime("%Y-%m-%d %H:%M:%S"),
        "nodes": ", ".join(sorted(one.nodes)),
    }
