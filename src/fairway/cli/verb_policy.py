"""`fairway policy ...`: policies from flows, their proof, and what they decide; of files alone, or of a hub."""

import argparse
import sys
from typing import TYPE_CHECKING

from fairway.cli import policy_apply, policy_coverage, policy_diff, policy_generate, policy_lint, policy_verdicts
from fairway.cli.policy_inputs import Inputs, add_cluster, add_decisions, add_flows, add_policies, hub_instead

if TYPE_CHECKING:
    from fairway.policy.model import NetworkPolicy, PolicySet, TieredPolicy


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb and those below it."""
    verb = verbs.add_parser("policy", help="generate, prove and explain network policies")
    below = verb.add_subparsers(metavar="VERB", required=True)

    generate = below.add_parser("generate", help="write policies from observed flows")
    add_cluster(generate)
    add_flows(generate)
    add_decisions(generate)
    policy_generate.register(generate)

    replay = below.add_parser("replay", help="which recorded flows would policies deny; exit 1 if any")
    add_cluster(replay)
    add_flows(replay)
    add_policies(replay)
    replay.add_argument(
        "--format",
        choices=("junit", "sarif", "markdown"),
        help="print a report for a build server or a pull request instead",
    )
    add_decisions(replay)
    replay.set_defaults(run=run_replay)

    coverage = below.add_parser("coverage", help="was enough seen to enforce; exit 1 if not")
    add_cluster(coverage)
    add_flows(coverage)
    add_decisions(coverage)
    policy_coverage.register(coverage)

    explain = below.add_parser("explain", help="why a connection is allowed or denied; exit 1 if denied")
    explain.add_argument("client", metavar="CLIENT", help="namespace/pod or an address")
    explain.add_argument("server", metavar="SERVER", help="namespace/pod, namespace/service or an address")
    explain.add_argument("port", metavar="PORT[/PROTOCOL]", help="the server's own port; TCP unless told")
    add_cluster(explain)
    add_policies(explain)
    explain.set_defaults(run=run_explain)

    policy_apply.register(below)
    policy_diff.register(below)
    policy_lint.register(below)
    policy_verdicts.register(below)


def run_replay(arguments: argparse.Namespace) -> int:
    """Judge recorded flows."""
    from fairway.cli import policy_hub
    from fairway.cli.policy_replay import tell
    from fairway.policy.replay import replay
    from fairway.policy.settle import names_seen

    hub, inputs = hub_instead(arguments, flows=True), Inputs(arguments)
    policies: PolicySet | None
    if hub is not None:
        result, policies, remarks = policy_hub.replayed(hub, arguments, inputs)
    else:
        cluster = inputs.cluster()
        policies, rulings, names, edges = inputs.policies(cluster), inputs.rulings(), inputs.names(), inputs.edges()
        inputs.done()
        result = replay(edges, policies, cluster, rulings, names=names_seen(edges, names))
        remarks = rulings.remarks(edges)
    told: list[NetworkPolicy | TieredPolicy] = [*policies.policies, *policies.tiered] if policies else []
    paths = arguments.policies or [path for path in [arguments.cluster] if path]
    tell(result, told, paths, remarks, output=arguments.output, report=arguments.format)
    return 0 if result.passed else 1


def run_explain(arguments: argparse.Namespace) -> int:
    """Decide one connection and say why."""
    from dataclasses import asdict

    from fairway.cli import policy_hub
    from fairway.kit import show
    from fairway.policy.ask import ask
    from fairway.policy.directory import Directory

    hub, inputs = hub_instead(arguments), Inputs(arguments)
    if hub is not None:
        answer = policy_hub.explained(hub, arguments, inputs)
    else:
        cluster = inputs.cluster()
        policies, names = inputs.policies(cluster), inputs.names()
        inputs.done()
        ends = arguments.client, arguments.server, arguments.port
        answer = ask(policies, Directory(cluster), *ends, names=names)
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        _say(f"{'allowed' if answer.allowed else 'denied'}: {answer.why}")
        for side in answer.sides:
            if not answer.allowed and side.verdict == "allow":  # those that deny are told already
                _say(f"  but {side.direction}: {side.why}")
    else:
        show.value(asdict(answer), output=output)
    return 0 if answer.allowed else 1


def _say(line: str) -> None:
    """Print one line as it is; the terminal wraps it."""
    sys.stdout.write(f"{line}\n")
