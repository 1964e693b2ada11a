"""`fairway planes`: where a cloud's flow logs and the agents disagree."""

import argparse
from collections.abc import Mapping
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
    verb.add_argument(
        "--interfaces",
        type=Path,
        metavar="FILE",
        help="what `aws ec2 describe-network-interfaces` printed: names gateways and load balancers",
    )
    add_source(verb, limit=50)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the disagreements, the most packets first; exit code 1 if there are any."""
    from fairway.cloud.interfaces import read_interfaces
    from fairway.hub.columns import IMPORTED
    from fairway.hub.edges import edges_of
    from fairway.hub.hops import hops_of
    from fairway.hub.matching import edges_matching
    from fairway.hub.store import read_flows
    from fairway.kit import show
    from fairway.views.planes import disagreements

    asked = source(arguments)
    wanted, output = asked.wanted, show.Output(arguments.output)
    logs = read_flows(arguments.logs, wanted.since, wanted.until, IMPORTED)
    names = read_interfaces(arguments.interfaces) if arguments.interfaces else {}
    cloud = edges_matching(wanted.expression, edges_of(logs))
    found = disagreements(edges_of(asked.flows()), cloud, hops_of(logs, names))
    rows = [_row(one, names, table=output is show.Output.TABLE) for one in found[: arguments.limit]]
    show.rows(rows, output=output, right=("packets",), empty="the cloud's network and the agents agree")
    if output is show.Output.TABLE:
        for kind in dict.fromkeys(one.kind for one in found):
            show.out.print(f"{kind}: {_WHAT[kind]}")
        if len(found) > len(rows):
            show.out.print(f"{len(found) - len(rows)} more; --limit {len(found)} shows all")
    return 1 if found else 0


def _row(one: Any, names: Mapping[str, str], *, table: bool) -> dict[str, Any]:
    from fairway.hub.summary import port_name

    client, server = (f"{end} ({names[end]})" if end in names else end for end in (one.client, one.server))
    ends = {"what": str(one.kind), "client": client, "server": server}
    if not table:
        return {
            **ends,
            "port": one.port,
            "protocol": one.protocol,
            "packets": one.packets,
            "first_seen": one.first.isoformat(),
            "last_seen": one.last.isoformat(),
            "nodes": sorted(one.nodes),
            "hops": sorted(one.hops),
        }
    return {
        **ends,
        "port": port_name(one.port, one.protocol),
        "packets": str(one.packets),
        "last seen": one.last.strftime("%Y-%m-%d %H:%M:%S"),
        "nodes": ", ".join(sorted(one.nodes)),
        "by way of": ", ".join(sorted(one.hops)),
    }
