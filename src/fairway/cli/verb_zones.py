"""`fairway zones`: what moved between zones, what it costs, and how that was before."""

import argparse
from collections.abc import Mapping
from typing import Any

from fairway.hub.source import add_question, asked_of


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("zones", help="what moved from zone to zone, and its cost; of a hub")
    add_question(verb, limit=None)
    verb.add_argument(
        "--before", default="", metavar="AGO", help="compare with the time from then on: 7d, or 2026-11-23T10:00Z"
    )
    verb.add_argument(
        "--before-until", default="", metavar="AGO", help="its end (default: as long as the time asked about)"
    )
    verb.add_argument(
        "--workloads", action="store_true", help="by workload: what stayed in its caller's zone, and what could"
    )
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the matrix as rows, the most bytes first. An empty zone: outside, or not known."""
    from fairway.cli.answers import NUMBERS, key_cells, sum_cells
    from fairway.hub.target import hub_asked
    from fairway.kit import show

    asked = asked_of(arguments)
    times = {"before": arguments.before, "before_until": arguments.before_until}
    asked |= {name: text for name, text in times.items() if text}
    if arguments.workloads:
        told = hub_asked(arguments).answer("localities", asked)
        table = show.Output(arguments.output) is show.Output.TABLE
        rows = [_workload(one) for one in told["workloads"]] if table else told["workloads"]
        right = ("bytes", "stayed", "could", "before", "cost", "avoidable")
        show.rows(rows, output=show.Output(arguments.output), right=right, empty="no calls between known zones")
        return 0
    told = hub_asked(arguments).answer("zones", asked)
    told["groups"].sort(key=lambda group: -group["sums"]["sent_bytes"] - group["sums"]["received_bytes"])
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        show.rows(told if arguments.before else told["groups"], output=output)
        return 0
    if told["before"] is None:
        lines = [{**key_cells(group["key"]), **sum_cells(group["sums"])} for group in told["groups"]]
    else:
        lines = [_change(change) for change in told["changes"]]
    figures = (*NUMBERS, "bytes", "before", "change", "cost", "cost_before")
    show.rows(lines, output=output, right=figures, empty="nothing was reported")
    for name in ("before", "now"):
        if told[name]:
            show.out.print(f"{name}: {_sentence(told[name], told['currency'])}", markup=False, soft_wrap=True)
    return 0


def _workload(one: Mapping[str, Any]) -> dict[str, str]:
    from fairway.kit import show

    before = one["stays_before"]
    return {
        "workload": one["workload"],
        "bytes": show.size(one["bytes"]),
        "before": "" if before is None else f"{before:.0%}",
        "stayed": f"{one['stays']:.0%}",
        "could": f"{one['could']:.0%}",
        "cost": _money(one["cost"]),
        "avoidable": _money(one["avoidable"]),
        "replicas": " ".join(f"{zone}:{count}" for zone, count in one["replicas"].items()),
        "none in": " ".join(one["zones"]),
    }


def _change(change: Mapping[str, Any]) -> dict[str, str]:
    from fairway.kit import show

    before = change["bytes_before"]
    return {
        "client_zone": change["client_zone"],
        "server_zone": change["server_zone"],
        "before": show.size(before),
        "bytes": show.size(change["bytes"]),
        "change": f"{(change['bytes'] - before) / before:+.0%}" if before else "new",
        "cost_before": _money(change["cost_before"]),
        "cost": _money(change["cost"]),
    }


def _sentence(matrix: Mapping[str, Any], currency: str) -> str:
    from fairway.kit import show

    bill, share = matrix["bill"], matrix["crossing_share"]
    crossed = (
        "no zones known" if share is None else f"{share:.0%} of {show.size(bill['zoned_bytes'])} crossed zones"
    )
    unpriced = f", {show.size(bill['unpriced_bytes'])} without a price" if bill["unpriced_bytes"] else ""
    return f"{crossed}, {_money(bill['cost'])} {currency}{unpriced}"


def _money(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:.2f}" if amount >= 0.01 or not amount else f"{amount:.2g}"
