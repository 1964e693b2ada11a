"""`fairway denials`: what was dropped, or would be, and why."""

import argparse
from typing import TYPE_CHECKING, Any, Final

from fairway.hub.source import add_source, asked_of, source
from fairway.hub.target import hub_asked

if TYPE_CHECKING:
    from fairway.hub.denials import Denial

EVER: Final = "3650d"
MOST: Final = "10000"
_SAME: Final = (
    *("service", "port", "protocol", "direction", "slot", "enforced", "packets", "connections"),
    *("first_seen", "last_seen"),
)


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("denials", help="connections that policies dropped, or would have, and why")
    add_source(verb, limit=50)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print denials, dropped ones first. A hub names the policies as they are set now; a file knows of none."""
    from fairway.kit import show

    output = show.Output(arguments.output)
    denials = _of_file(arguments) if arguments.file else _of_hub(arguments)
    shown = denials[: arguments.limit]
    if output is show.Output.TABLE:
        show.rows([_cells(denial) for denial in shown], right=("count",), empty="nothing was denied")
    else:
        show.rows(shown, output=output)
    if output is show.Output.TABLE and len(denials) > len(shown):
        show.out.print(f"{len(denials) - len(shown)} more; --limit {len(denials)} shows all")
    return 0


def _of_file(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from fairway.hub.denials import denials_of

    return [_record(denial) for denial in denials_of(source(arguments).filtered_flows(), {})]


def _of_hub(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from fairway.cli.answers import end_title

    asked = {"since": EVER, "limit": MOST} | asked_of(arguments)
    denials = hub_asked(arguments).answer("denials", asked)["denials"]
    ends = ({end: end_title(told[end]) for end in ("client", "server")} for told in denials)
    return [
        {**named, **{name: told[name] for name in _SAME}, "reason": told["why"]}
        for told, named in zip(denials, ends, strict=True)
    ]


def _cells(denial: dict[str, Any]) -> dict[str, str]:
    count = f"{denial['packets']} packets" if denial["enforced"] else f"{denial['connections']} conns"
    return {
        "last": denial["last_seen"][11:19],
        "what": "denied" if denial["enforced"] else f"would deny ({denial['slot']})",
        "count": count,
        "why": denial["reason"],
    }


def _record(denial: "Denial") -> dict[str, Any]:
    from fairway.hub.summary import title

    return {
        "client": title(denial.client),
        "server": title(denial.server),
        "service": denial.service,
        "port": denial.port,
        "protocol": denial.protocol,
        "direction": denial.direction.name.lower(),
        "slot": denial.slot,
        "enforced": denial.enforced,
        "packets": denial.packets,
        "connections": denial.connections,
        "first_seen": denial.first_seen.isoformat(),
        "last_seen": denial.last_seen.isoformat(),
        "reason": denial.reason,
    }
