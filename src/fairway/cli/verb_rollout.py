"""`fairway rollout`: default-deny a few nodes at a time, behind gates, stepping back by itself."""

import argparse
from pathlib import Path

from fairway.hub.target import add_hub, add_why
from fairway.kit.arguments import add_output, between, duration


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb and its own."""
    verb = verbs.add_parser(
        "rollout", help="policies on trial, then in force a few nodes at a time, behind gates; steps back by itself"
    )
    own = verb.add_subparsers(dest="rollout_verb", required=True, metavar="VERB")
    _add_order(own, "plan", "say what a rollout would do, without doing it")
    started = _add_order(
        own, "start", "order a rollout and start it; or start one again that stepped back", why=True
    )
    started.add_argument("--draft", action="store_true", help="order it, but do not start it")
    status = _add_named(own, "status", "what a rollout does, what it waits for, its gates", name="?")
    status.add_argument("--watch", action="store_true", help="tell every change, until it ends or Ctrl-C")
    for name, about in (
        ("pause", "take no further step; what was enforced is watched on"),
        ("resume", "go on after a pause"),
        ("abort", "take everything back, on trial included, and end"),
    ):
        _add_named(own, name, about, why=True)
    back = _add_named(own, "back", "take back the last step: its nodes judge, and drop nothing", why=True)
    back.add_argument("--all", action="store_true", help="take back all steps")
    let = _add_named(own, "override", "let a gate pass for the next step; needs --why", why=True)
    let.add_argument("gate", metavar="GATE", help="coverage, would-deny, lint or enforced")
    _add_named(own, "export", "a rollout for another hub, as JSON: its policies, and the edges that were seen")
    _add_promote(own)
    _add_named(own, "log", "who did what, when and why, the newest first", name="?")
    _add_named(own, "amend", "policies that would let through what broke it, as YAML; their replay goes to stderr")
    verb.set_defaults(run=run)


def _add_order(
    own: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, about: str, *, why: bool = False
) -> argparse.ArgumentParser:
    verb = own.add_parser(name, help=about)
    verb.add_argument("name", metavar="NAME", help="what to call it")
    verb.add_argument(
        "--order", type=Path, metavar="FILE", help="all settings as YAML; flags win. See docs/rollout.md"
    )
    verb.add_argument("--policies", type=Path, metavar="PATH", help="a folder or file of NetworkPolicies")
    verb.add_argument("--decisions", type=Path, metavar="FILE", help="what people decided about edges")
    _add_limits(verb)
    (add_why if why else add_hub)(verb)
    add_output(verb)
    return verb


def _add_promote(own: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = own.add_parser(
        "promote", help="a set proven in another cluster: check it against this one's flows, start it"
    )
    verb.add_argument("name", metavar="NAME", help="what it is called there, and will be here")
    verb.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="HUB",
        help="a hub's URL, its state folder, or an exported file",
    )
    verb.add_argument("--from-token-file", type=Path, metavar="FILE", help="your token for a hub at a URL there")
    verb.add_argument("--from-ca", type=Path, metavar="FILE", help="certificates to trust there, PEM")
    verb.add_argument("--check", action="store_true", help="only say what would come of it")
    _add_limits(verb)
    add_why(verb)
    add_output(verb)


def _add_limits(verb: argparse.ArgumentParser) -> None:
    """What an order says beside its policies."""
    verb.add_argument("--posture", choices=("allow", "deny"), help="for pods that no policy selects (allow)")
    verb.add_argument("--namespace", action="append", metavar="N", help="only policies and clients of these")
    verb.add_argument(
        "--driver",
        choices=("modes", "objects", "nodeclass"),
        help="enforce by Fairway's kernel modes, node by node (default); by NetworkPolicies, namespace by "
        "namespace; or by EKS Auto Mode's NodeClasses",
    )
    verb.add_argument("--node", action="append", metavar="N", help="only these nodes, or NodeClasses; repeatable")
    verb.add_argument("--canary", action="append", metavar="N", help="this one first, alone; repeatable")
    verb.add_argument(
        "--budget", action="append", metavar="NODES", help='how many at once: "10%%" (default) or "5"'
    )
    verb.add_argument("--soak", type=duration, metavar="TIME", help="how long each step is watched (10m)")
    verb.add_argument("--quiet", type=duration, metavar="TIME", help="no would-deny for so long (24h)")
    verb.add_argument("--score", type=between(0, 100), metavar="N", help="coverage of every workload (90)")
    verb.add_argument("--back", choices=("step", "all"), help="what a broken gate takes back (step)")


def _add_named(
    own: "argparse._SubParsersAction[argparse.ArgumentParser]",
    verb_name: str,
    about: str,
    *,
    name: str | None = None,
    why: bool = False,
) -> argparse.ArgumentParser:
    verb = own.add_parser(verb_name, help=about)
    verb.add_argument("name", metavar="NAME", nargs=name, help="the rollout")
    (add_why if why else add_hub)(verb)
    add_output(verb)
    return verb


def run(arguments: argparse.Namespace) -> int:
    """Ask the hub, and show its answer. 1 where the answer is no: a closed gate, a rollout that stepped back."""
    from fairway.cli import rollout_answers as answers
    from fairway.cli.rollout_order import order_of
    from fairway.cli.rollout_promote import exported, promoted
    from fairway.hub.target import hub_asked
    from fairway.kit.show import Output

    hub, output = hub_asked(arguments), Output(arguments.output)
    match arguments.rollout_verb:
        case "plan":
            return answers.planned(hub, order_of(arguments), output)
        case "start":
            return answers.started(hub, arguments, output)
        case "status" if arguments.name is None:
            return answers.listed(hub, output)
        case "status" if arguments.watch:
            return answers.watched(hub, arguments.name, output)
        case "status":
            return answers.shown(hub, arguments.name, output)
        case "log":
            return answers.logged(hub, arguments.name, output)
        case "amend":
            return answers.amended(hub, arguments.name, output)
        case "export":
            return exported(hub, arguments.name)
        case "promote":
            return promoted(hub, arguments, output)
    gate, how = getattr(arguments, "gate", ""), "all" if getattr(arguments, "all", False) else "step"
    return answers.acted(hub, arguments, {"why": arguments.why, "gate": gate, "how": how}, output)
