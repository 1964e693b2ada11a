"""`fairway policy ...`: policies from flows, their proof, and what they decide. Works on files alone."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fairway.cli import policy_coverage, policy_generate, policy_verdicts
from fairway.cli.policy_decisions import add_decisions, rulings_of
from fairway.kit.arguments import add_output

if TYPE_CHECKING:
    from fairway.policy.model import Cluster, PolicySet
    from fairway.policy.settle import Names


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb and those below it."""
    verb = verbs.add_parser("policy", help="generate, prove and explain network policies")
    below = verb.add_subparsers(metavar="VERB", required=True)

    generate = below.add_parser("generate", help="write policies from observed flows")
    _add_cluster(generate)
    _add_flows(generate)
    add_decisions(generate)
    policy_generate.register(generate)

    replay = below.add_parser("replay", help="which recorded flows would policies deny; exit 1 if any")
    _add_cluster(replay)
    _add_flows(replay)
    _add_policies(replay)
    replay.add_argument(
        "--format",
        choices=("junit", "sarif", "markdown"),
        help="print a report for a build server or a pull request instead",
    )
    add_decisions(replay)
    replay.set_defaults(run=run_replay)

    coverage = below.add_parser("coverage", help="was enough seen to enforce; exit 1 if not")
    _add_cluster(coverage)
    _add_flows(coverage)
    add_decisions(coverage)
    policy_coverage.register(coverage)

    explain = below.add_parser("explain", help="why a connection is allowed or denied; exit 1 if denied")
    explain.add_argument("client", metavar="CLIENT", help="namespace/pod or an address")
    explain.add_argument("server", metavar="SERVER", help="namespace/pod, namespace/service or an address")
    explain.add_argument("port", metavar="PORT[/PROTOCOL]", help="the server's own port; TCP unless told")
    _add_cluster(explain)
    _add_policies(explain)
    explain.set_defaults(run=run_explain)

    from fairway.cli import policy_diff, policy_lint

    policy_diff.register(below)
    policy_lint.register(below)
    policy_verdicts.register(below)


def _add_cluster(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--cluster", type=Path, required=True, metavar="DIR|FILE", help="Kubernetes manifests")
    add_output(verb)


def _add_flows(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--flows", type=Path, required=True, metavar="FILE|DIR", help="flows as a hub keeps them")


def _add_policies(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--policies", type=Path, nargs="+", metavar="DIR|FILE", help="NetworkPolicies (default: the cluster's own)"
    )
    verb.add_argument(
        "--posture",
        choices=("allow", "deny"),
        default="allow",
        help="for pods that no policy selects (default: %(default)s)",
    )
    verb.add_argument("--names", type=Path, metavar="FILE", help="what domain names in policies resolve to")


def run_replay(arguments: argparse.Namespace) -> int:
    """Judge recorded flows."""
    from fairway.cli.policy_replay import tell
    from fairway.hub.store import read_edges
    from fairway.policy.replay import replay

    cluster = _cluster(arguments.cluster)
    policies, rulings = _policies(arguments, cluster), rulings_of(arguments)
    result = replay(read_edges(arguments.flows), policies, cluster, rulings, names=_names(arguments))
    tell(result, (*policies.policies, *policies.tiered), output=arguments.output, report=arguments.format)
    return 0 if result.passed else 1


def run_explain(arguments: argparse.Namespace) -> int:
    """Decide one connection and say why."""
    from dataclasses import asdict

    from fairway.kit import show
    from fairway.policy.ask import ask
    from fairway.policy.directory import Directory

    cluster = _cluster(arguments.cluster)
    ends = arguments.client, arguments.server, arguments.port
    answer = ask(_policies(arguments, cluster), Directory(cluster), *ends, names=_names(arguments))
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        _say(f"{'allowed' if answer.allowed else 'denied'}: {answer.why}")
    else:
        show.value(asdict(answer), output=output)
    return 0 if answer.allowed else 1


def _say(line: str) -> None:
    """Print one line as it is; the terminal wraps it."""
    sys.stdout.write(f"{line}\n")


def _cluster(path: Path) -> "Cluster":
    from fairway.kit.documents import read_documents
    from fairway.policy.read import read_cluster

    return read_cluster(read_documents([path])).cluster


def _policies(arguments: argparse.Namespace, cluster: "Cluster") -> "PolicySet":
    from fairway.kit.documents import read_documents
    from fairway.kit.errors import UsageError
    from fairway.policy.model import PolicySet
    from fairway.policy.read import read_policy_set
    from fairway.wire.words import Posture

    posture = Posture(arguments.posture)
    if not arguments.policies:
        return PolicySet(cluster.policies, posture, cluster.tiered)
    given = read_policy_set(read_documents(arguments.policies), cluster, posture)
    if not given.size:
        raise UsageError(f"`{arguments.policies[0]}` holds no NetworkPolicy; name the right folder")
    return given


def _names(arguments: argparse.Namespace) -> "Names | None":
    from fairway.kit.documents import read_documents
    from fairway.policy.read_names import read_names

    return read_names(read_documents([arguments.names])) if arguments.names else None
