"""`fairway policy lint`: what a reviewer would stumble over in a policy set."""

import argparse
import sys
from typing import TYPE_CHECKING

from fairway.cli.policy_inputs import Inputs, add_cluster, add_flows, add_policies, hub_instead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairway.policy.findings import Finding

CNIS = ("antrea", "calico", "cilium", "flannel", "kube-router", "ovn-kubernetes", "vpc-cni")


def register(own: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb below `fairway policy`."""
    verb = own.add_parser("lint", help="mistakes, gaps and rules without effect in policies; exit 1 on errors")
    add_cluster(verb)
    add_policies(verb)
    add_flows(verb)
    verb.add_argument("--cni", choices=CNIS, help="tell, too, what this network plugin is known to ignore")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check and print; 1 if there is an error."""
    from dataclasses import asdict

    from fairway.cli import policy_hub
    from fairway.kit import show
    from fairway.policy.findings import Severity
    from fairway.policy.lint import lint

    hub, inputs = hub_instead(arguments), Inputs(arguments)
    if hub is not None:
        found: Sequence[Finding] = policy_hub.linted(hub, arguments, inputs)
    else:
        cluster = inputs.cluster()
        policies, names = inputs.policies(cluster), inputs.names()
        edges = inputs.edges() if arguments.flows else None
        inputs.done()
        found = lint(policies, cluster, edges, arguments.cni or "", names)
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        plain = [{**asdict(finding), "severity": str(finding.severity)} for finding in found]
        show.value(plain, output=output)
    else:
        for finding in found:
            sys.stdout.write(f"{finding.severity}: {finding.where}: {finding.what} [{finding.code}]\n")
            sys.stdout.write(f"  {finding.do}\n")
        counts = {severity: sum(finding.severity is severity for finding in found) for severity in Severity}
        told = (f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
        sys.stdout.write(", ".join(told) + "\n")
    return 1 if any(finding.severity is Severity.ERROR for finding in found) else 0
