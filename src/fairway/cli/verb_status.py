"""`fairway status`: what a cluster has, who enforces policies there, and how those on trial do."""

import argparse
import sys

from fairway.cli.cluster_access import access_of, add_access
from fairway.kit.arguments import add_output


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("status", help="who enforces policies in a cluster, and how those on trial do")
    add_access(verb, every=True)
    add_output(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Asks the API server alone. Exit 1 if policies are enforced by nobody, or one on trial is not ready."""
    from fairway.kit import show
    from fairway.kube.api import Api
    from fairway.kube.deeds import staged_in, summary
    from fairway.kube.detect import detected
    from fairway.kube.proxyconfig import configured_mode
    from fairway.kube.snapshot import snapshot
    from fairway.wire.words import Mode

    access, namespace = access_of(arguments)
    with Api(access) as api:
        world = snapshot(api, ("Namespace", "Node", "Pod", "NetworkPolicy"))
        configured = configured_mode(api)
        rows = summary(staged_in(api, None if arguments.all_namespaces else namespace))
    cluster, orders = world.sight(Mode.OFF)
    found = detected(cluster, world.nodes(), orders, configured)
    warnings = [*world.warnings(), *found.warnings]
    modes = {name: mode.name.lower() for name, mode in orders.namespaces.items()}
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        told = {"plugins": list(found.plugins), "proxy": found.proxy, "enforcer": found.enforcer}
        show.value({**told, "modes": modes, "warnings": warnings, "on_trial": rows}, output=output)
    else:
        named = ", ".join(f"{name} {mode}" for name, mode in sorted(modes.items())) or "all observe"
        sys.stdout.write(
            f"network: {', '.join(found.plugins)}; Services: {found.proxy}; "
            f"NetworkPolicies enforced by: {found.enforcer or 'nobody that is known'}\n"
            f"Fairway's modes: {named}\n"
        )
        sys.stdout.writelines(f"! {line}\n" for line in warnings)
        show.rows(rows, right=["would_deny"], empty="no policy is on trial here")
    return 1 if found.warnings or any(not row["ready"] for row in rows) else 0
