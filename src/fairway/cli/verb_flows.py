"""`fairway flows`: the latest records as agents told them."""

import argparse
from typing import Any

from fairway.hub.source import add_source, source


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("flows", help="the latest flows as agents reported them, both ends named")
    add_source(verb, limit=50)
    verb.add_argument("--follow", action="store_true", help="print flows as they come, until interrupted")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the latest flows, the newest last. A pod-to-pod flow appears for each of its reporters."""
    from fairway.kit import show

    if arguments.follow:
        return _follow(arguments)

    asked = source(arguments)
    output = show.Output(arguments.output)
    flows = asked.filtered_flows().sort_by([("time_end", "ascending"), ("last_seen", "ascending")])
    rows = flows.slice(max(0, len(flows) - arguments.limit)).to_pylist()
    if output is show.Output.TABLE:
        show.rows([_cells(row) for row in rows], right=("sent", "received", "retr"), empty="no flows yet")
    else:
        show.rows([_record(row) for row in rows], output=output)
    return 0


def _follow(arguments: argparse.Namespace) -> int:
    """One line for each flow, as the hub takes it in."""
    import json
    import sys

    from fairway.hub.source import asked_of
    from fairway.hub.target import hub_asked
    from fairway.kit import show
    from fairway.kit.errors import UsageError

    if arguments.file:
        raise UsageError("--follow is of a hub; a file does not grow")
    table = show.Output(arguments.output) is show.Output.TABLE
    for kind, content in hub_asked(arguments).events({**asked_of(arguments), "events": "flow"}):
        if kind == "skipped":
            sys.stderr.write(f"{content['count']} more at once; --filter tells fewer\n")
        else:
            sys.stdout.write((_line(content) if table else json.dumps(content)) + "\n")
        sys.stdout.flush()
    return 0


def _line(flow: dict[str, Any]) -> str:
    from fairway.cli.answers import end_title
    from fairway.hub.summary import port_name
    from fairway.kit import show

    verdict = flow["verdict"] if flow["verdict"] != "unjudged" else ""
    staged = f"staged {flow['staged']}" if flow["staged"] != "unjudged" else ""
    ends = f"{end_title(flow['client'])} -> {end_title(flow['server'])}"
    volume = f"{show.size(flow['sent_bytes'])} out, {show.size(flow['received_bytes'])} in"
    words = (flow["time"][11:19], ends, port_name(flow["port"], flow["protocol"]), volume, verdict, staged)
    return "  ".join(filter(None, words))


def _record(row: dict[str, Any]) -> dict[str, Any]:
    """What an imported record said beside is told where there is any."""
    import json

    unknown = row.pop("unknown_fields", "")
    told = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
    try:
        return told | ({"unknown_fields": json.loads(unknown)} if unknown else {})
    except ValueError:  # of a file that another program wrote
        return told | {"unknown_fields": unknown}


def _cells(row: dict[str, Any]) -> dict[str, str]:
    from fairway.hub.rows import endpoint_of
    from fairway.hub.summary import port_name, title
    from fairway.kit import show

    srtt = row["srtt_us"]
    staged = f", staged {row['staged']}" if row["staged"] != "unjudged" else ""
    return {
        "time": row["last_seen"].strftime("%H:%M:%S"),
        "client": title(endpoint_of(row, "client")),
        "server": title(endpoint_of(row, "server")) if row["kind"] != "rest" else "(the rest)",
        "port": port_name(row["port"], row["protocol"]),
        "sent": show.size(row["sent_bytes"]),
        "received": show.size(row["received_bytes"]),
        "retr": str(row["retransmissions"]),
        "rtt": f"{srtt / 1000:.1f} ms" if srtt else "",
        "verdict": (row["verdict"] if row["verdict"] != "unjudged" else "") + staged,
    }
