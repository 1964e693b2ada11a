"""`fairway investigate`: from an alarm to its cause."""

import argparse
from collections.abc import Mapping
from typing import Any

from fairway.hub.target import add_hub
from fairway.kit.arguments import add_output, interval


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "investigate", help="from an alarm, an edge or a workload to the likeliest cause; of a hub"
    )
    verb.add_argument(
        "subject",
        metavar="SUBJECT",
        help="`namespace/workload`, 'CLIENT -> SERVER [PORT/PROTOCOL]', 'node NAME', an anomaly's id, or an alert: "
        '\'NAME{namespace="shop",workload="ui"}\'',
    )
    verb.add_argument("--at", default="", metavar="TIME", help="when: 5m, 2h, or 2026-11-23T10:00Z (now)")
    verb.add_argument("--window", type=interval, metavar="TIME", help="before and after that moment (5m)")
    add_hub(verb)
    add_output(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print causes, the likeliest first, and where the trouble is. 1 where nothing speaks for any."""
    from fairway.hub.target import hub_asked
    from fairway.kit import show

    asked = {"subject": arguments.subject, "at": arguments.at}
    if arguments.window is not None:
        asked["window"] = str(int(arguments.window.total_seconds()))
    hub = hub_asked(arguments)
    told = hub.answer("investigate", {name: text for name, text in asked.items() if text})
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        _print(told, hub.url)
    else:
        show.value(told, output=output)
    return 0 if told["causes"] else 1


def _print(told: Mapping[str, Any], url: str) -> None:
    from fairway.kit import show

    def say(text: str) -> None:
        show.out.print(text, markup=False, soft_wrap=True)

    since, until = told["since"][:19].replace("T", " "), told["until"][11:19]
    say(f"{told['subject']}: {since} to {until} UTC, compared with the time since {told['begin'][11:19]}")
    if not told["causes"]:
        say("nothing speaks for any cause; give another --at, or a longer --window")
    for rank, cause in enumerate(told["causes"], 1):
        say(f"{rank}. {cause['kind']}: {cause['where']}  ({cause['score']:.2f})")
        for line in cause["why"]:
            say(f"     {line}")
    rows = [
        {
            "part": name,
            "name": part["name"],
            "share": f"{part['share']:.0%}",
            "conns": part["connections"],
            "broken": part["broken"],
            "retr": part["retransmissions"],
            "lost": f"{part['lost']:.2%}",
            "rtt": "-" if part["rtt_us"] is None else f"{part['rtt_us'] / 1000:.1f} ms",
        }
        for name in ("clients", "servers", "nodes", "zones")
        for part in told[name][:3]
    ]
    if rows:
        show.rows(rows, right=("share", "conns", "broken", "retr", "lost", "rtt"))
    if told["sibling"]:
        say(f"healthiest server replica: {told['sibling']}")
    for change in told["changes"][-5:]:
        say(f"{change['at'][:19]}Z {change['kind']}: {change['what']}{_by(change['who'])}")
    say(f"look: {url}{told['link']}")


def _by(who: str) -> str:
    return f", by {who}" if who else ""
