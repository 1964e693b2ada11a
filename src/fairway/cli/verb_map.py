"""`fairway map`: who talks to whom, each connection once, as the hub draws it."""

import argparse
from typing import Any

from fairway.hub.source import add_question, asked_of


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("map", help="who talks to whom, and how much, over a time; of a hub")
    verb.add_argument("--pods", action="store_true", help="single pods instead of workloads")
    verb.add_argument(
        "--collapse", default="", metavar="NAMESPACES", help="show these as one each: `shop,data`, or `*` for all"
    )
    verb.add_argument(
        "--view",
        choices=("all", "cluster", "cloud", "external"),
        default="all",
        help="within the cluster, with cloud services, with the outside (default: %(default)s)",
    )
    add_question(verb, limit=100)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the edges, the busiest first, and one sentence about all of them."""
    from fairway.cli.answers import NUMBERS
    from fairway.hub.target import hub_asked
    from fairway.kit import show

    asked = asked_of(arguments) | {"view": arguments.view, "collapse": arguments.collapse}
    asked["grain"] = "replica" if arguments.pods else "workload"
    told = hub_asked(arguments).answer("map", asked)
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        show.value(told, output=output)
        return 0
    edges = sorted(told["edges"], key=_rank)[: arguments.limit]
    nodes = {node["id"]: node for node in told["nodes"]}
    show.rows([_cells(edge, nodes) for edge in edges], right=NUMBERS, empty="nothing talked to anything")
    show.out.print(_sentence(told["totals"], told["currency"]), markup=False)
    return 0


def _rank(edge: dict[str, Any]) -> tuple[Any, ...]:
    return -edge["sent_bytes"] - edge["received_bytes"], -edge["connections"], edge["client"], edge["server"]


def _cells(edge: dict[str, Any], nodes: dict[str, Any]) -> dict[str, str]:
    from fairway.cli.answers import sum_cells
    from fairway.kit import show

    ports = edge["ports"]
    return {
        "client": _title(nodes[edge["client"]]),
        "server": _title(nodes[edge["server"]]),
        "ports": ", ".join(ports[:3]) + (f" and {len(ports) - 3} more" if len(ports) > 3 else ""),
        **sum_cells(edge),
        "cross_zone": show.size(edge["cross_zone_bytes"]),
        "cost": _cost(edge),
        "policy": edge["standing"],
    }


def _title(node: dict[str, Any]) -> str:
    if node["kind"] == "namespace":
        return f"namespace {node['name']}"
    name = node["replica"] or node["name"]
    if node["kind"] == "pod":
        name = name.partition("/")[2] or name
    whole = f"{node['namespace']}/{name}" if node["namespace"] else name
    return f"service {whole}" if node["kind"] == "service" else str(whole)


def _cost(sums: dict[str, Any]) -> str:
    """By the hub's price table; a dash where all of it has no price."""
    if sums["cross_zone_bytes"] and sums["unpriced_bytes"] == sums["cross_zone_bytes"]:
        return "-"
    cost = sums["cost"]
    return "0" if not cost else "<0.0001" if cost < 0.0001 else f"{cost:.4f}" if cost < 1 else f"{cost:.2f}"


def _sentence(totals: dict[str, Any], currency: str) -> str:
    from fairway.kit import show

    between = show.size(totals["cross_zone_bytes"])
    cost = f" ({_cost(totals)} {currency})" if _cost(totals) != "-" else ""
    unpriced = f", {show.size(totals['unpriced_bytes'])} of it without a price" if totals["unpriced_bytes"] else ""
    return (
        f"{totals['nodes']} nodes, {totals['edges']} edges, {show.size(totals['bytes'])}, "
        f"{between} between zones{cost}{unpriced}; "
        f"edges unprotected: {totals['unprotected_edges']}, would be denied: {totals['would_deny_edges']}, "
        f"denied: {totals['denied_edges']}"
    )
