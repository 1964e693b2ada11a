"""`fairway enforce`: put policies in force."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from fairway.hub.state import State, find_state
from fairway.hub.target import add_why, at, client_of, text_of


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("enforce", help="hold pods to policies, on all nodes or on some")
    verb.add_argument(
        "policies",
        nargs="?",
        type=Path,
        metavar="POLICIES",
        help="a folder or file of NetworkPolicies; without, the posture alone holds",
    )
    verb.add_argument(
        "--posture",
        choices=("allow", "deny"),
        default="allow",
        help="for pods that none selects (default: %(default)s)",
    )
    verb.add_argument(
        "--node", action="append", metavar="N", help="only here; may be repeated (default: all nodes)"
    )
    verb.add_argument("--audit", action="store_true", help="judge and tell, but drop nothing")
    add_why(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check policies and nodes, then write the intent; what is on trial stays."""
    import msgspec

    from fairway.hub.control import policy_set
    from fairway.hub.intent import PolicyChoice, read_intent, write_intent
    from fairway.hub.wishes import Choice, Wish
    from fairway.kit.errors import UsageError
    from fairway.wire.words import Posture

    if arguments.policies is None and arguments.posture == "allow":
        raise UsageError("nothing to enforce: give POLICIES, --posture deny, or use `fairway observe`")
    client = client_of(arguments)
    state = find_state(arguments.state) if client is None else None
    if state is not None:
        _check_nodes(state, arguments.node or ())
    choice = PolicyChoice(
        policies=str(arguments.policies.absolute()) if arguments.policies else None,
        posture=Posture(arguments.posture),
        nodes=tuple(arguments.node) if arguments.node else None,
        mode="audit" if arguments.audit else "enforce",
    )
    chosen = policy_set(choice)
    if client is not None:
        policies = text_of([arguments.policies]) if arguments.policies else None
        there = Choice(policies=policies, posture=choice.posture, nodes=choice.nodes, mode=choice.mode)
        client.wish(Wish(active=there, why=arguments.why))
    elif state is not None:
        write_intent(state, msgspec.structs.replace(read_intent(state), active=choice))
    what = "audited" if arguments.audit else "in force"
    where = ", ".join(choice.nodes) if choice.nodes else "all nodes"
    sys.stdout.write(
        f"{what} on {where}{at(client)}; policies: {chosen.size if chosen else 0}, posture {choice.posture}\n"
    )
    return 0


def _check_nodes(state: State, nodes: Iterable[str]) -> None:
    from fairway.hub.control import read_feed
    from fairway.kit.errors import UsageError

    for node in nodes:
        if read_feed(state, node) is None:
            known = ", ".join(sorted(path.stem for path in state.control.glob("*.json"))) or "none yet"
            raise UsageError(f"--node `{node}` is not a node of this cluster; its nodes: {known}")
