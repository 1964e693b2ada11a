"""`fairway denials`: what was dropped, or would be, and why."""

import argparse
from typing import TYPE_CHECKING, Any

from fairway.hub.login import is_remote
from fairway.hub.source import add_source, source

if TYPE_CHECKING:
    from fairway.hub.denials import Denial, PolicySets
    from fairway.hub.intent import PolicyChoice
    from fairway.policy.model import PolicySet


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("denials", help="connections that policies dropped, or would have, and why")
    add_source(verb, limit=50)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print denials, dropped ones first. Policies are named by the intent of the state folder, as it is now."""
    from fairway.hub.denials import denials_of
    from fairway.kit import show

    asked = source(arguments)
    output = show.Output(arguments.output)
    policies: PolicySets = {} if arguments.file or is_remote(arguments) else _policies(arguments)
    denials = denials_of(asked.filtered_flows(), policies)
    shown = denials[: arguments.limit]
    form = _cells if output is show.Output.TABLE else _record
    show.rows([form(denial) for denial in shown], output=output, right=("count",), empty="nothing was denied")
    if output is show.Output.TABLE and len(denials) > len(shown):
        show.out.print(f"{len(denials) - len(shown)} more; --limit {len(denials)} shows all")
    return 0


def _policies(arguments: argparse.Namespace) -> "PolicySets":
    from fairway.hub.intent import read_intent
    from fairway.hub.state import find_state

    intent = read_intent(find_state(arguments.state))
    return {"active": _known(intent.active), "staged": _known(intent.staged)}


def _known(choice: "PolicyChoice | None") -> "PolicySet | None":
    """A folder that was moved away since only costs the policies' names."""
    from fairway.hub.control import policy_set
    from fairway.kit.errors import UsageError

    try:
        return policy_set(choice)
    except UsageError:
        return None


def _cells(denial: "Denial") -> dict[str, str]:
    count = f"{denial.packets} packets" if denial.enforced else f"{denial.connections} conns"
    return {
        "last": denial.last_seen.strftime("%H:%M:%S"),
        "what": "denied" if denial.enforced else f"would deny ({denial.slot})",
        "count": count,
        "why": denial.reason,
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
