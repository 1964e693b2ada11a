"""The dashboard of policies and rollouts."""

from panels import Dashboard, Panel, Row

RATE = "$__rate_interval"

POLICY = Dashboard(
    "policy",
    "Fairway / Policy and rollout",
    "What policies judge, drop and would drop, and where rollouts are.",
    [
        Row(
            "Policies",
            [
                Panel(
                    "Packets dropped",
                    "pps",
                    [(f"sum by (node) (rate(fairway_policy_denied_packets_total[{RATE}]))", "{{node}}")],
                    link="/flows?since=1h&q=verdict=denied",
                ),
                Panel(
                    "Dropped of what was relied on",
                    "short",
                    [
                        (
                            "sum by (namespace) (increase(fairway_hub_known_edge_denied_packets_total[5m]))",
                            "{{namespace}}",
                        )
                    ],
                    "On edges that had been answered before: should be 0.",
                    link="/flows?since=1h&q=verdict=denied",
                ),
                Panel(
                    "Would be denied",
                    "short",
                    [
                        (
                            "sum by (node) (increase(fairway_policy_would_deny_connections_total[5m]))",
                            "{{node}}",
                        )
                    ],
                    link="/flows?since=1h&q=verdict=would-deny",
                ),
                Panel(
                    "Connections judged",
                    "ops",
                    [(f"sum by (node) (rate(fairway_policy_judgements_total[{RATE}]))", "{{node}}")],
                ),
            ],
        ),
        Row(
            "Rollouts",
            [
                Panel(
                    "Phase",
                    "none",
                    [("fairway_hub_rollout_phase == 1", "{{rollout}}: {{phase}}")],
                    kind="table",
                    link="/policies",
                ),
                Panel(
                    "Nodes that enforce",
                    "short",
                    [("fairway_hub_rollout_enforcing_nodes", "{{rollout}}")],
                    link="/policies",
                ),
                Panel(
                    "Rules in force",
                    "short",
                    [("fairway_hub_agent_revision", "{{node}}")],
                    "Their revision. Of nodes whose rules a change does not touch it stays.",
                    link="/agents",
                ),
            ],
        ),
    ],
    link="/policies",
)
