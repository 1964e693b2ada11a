"""lint: what a reviewer would stumble over: rules without effect, gaps, traps of the network plugin."""

from collections.abc import Sequence

from fairway.policy import lint_cni, lint_flows, lint_rows, lint_rules, lint_tiers
from fairway.policy.findings import Finding, Severity
from fairway.policy.model import Cluster, PolicySet
from fairway.policy.scene import Scene
from fairway.policy.settle import Names
from fairway.wire.edge import Edge


def lint(
    policies: PolicySet,
    cluster: Cluster,
    edges: Sequence[Edge] | None = None,
    cni: str = "",
    names: Names | None = None,
) -> tuple[Finding, ...]:
    """Everything found, errors first. `edges`: rules are held against traffic; `cni`: one of lint_cni.CNIS;
    `names`: what domain names resolve to."""
    scene = Scene(policies, cluster, edges, names)
    checks = (*lint_rules.CHECKS, *lint_rows.CHECKS, *lint_tiers.CHECKS, *lint_flows.CHECKS)
    found = [finding for check in checks for finding in check(scene)]
    if cni:
        found += lint_cni.traps(scene, cni)
    order = list(Severity)
    return tuple(sorted(dict.fromkeys(found), key=lambda f: (order.index(f.severity), f.code, f.where, f.what)))
