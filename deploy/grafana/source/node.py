"""The dashboard of single nodes."""

from panels import Dashboard, Panel, Row, Variable

RATE = "$__rate_interval"
NODE = Variable("node", "fairway_node_bytes_total")
ON = 'node=~"$node"'

NODES = Dashboard(
    "node",
    "Fairway / Node",
    "One node: its interfaces, its pods, and how near it is to its limits.",
    [
        Row(
            "Bandwidth",
            [
                Panel(
                    "By interface",
                    "Bps",
                    [
                        (
                            f"rate(fairway_node_interface_bytes_total{{{ON}}}[{RATE}])",
                            "{{node}} {{interface}} {{direction}}",
                        )
                    ],
                ),
                Panel(
                    "Packets by interface",
                    "pps",
                    [
                        (
                            f"rate(fairway_node_interface_packets_total{{{ON}}}[{RATE}])",
                            "{{node}} {{interface}} {{direction}}",
                        )
                    ],
                ),
                Panel(
                    "Into pods",
                    "Bps",
                    [
                        (
                            "topk(10, sum by (namespace, pod) "
                            f'(rate(fairway_pod_bytes_total{{{ON}, direction="ingress"}}[{RATE}])))',
                            "{{namespace}}/{{pod}}",
                        )
                    ],
                    link="/flows?since=1h&q=node=${node:csv}",
                ),
                Panel(
                    "Out of pods",
                    "Bps",
                    [
                        (
                            "topk(10, sum by (namespace, pod) "
                            f'(rate(fairway_pod_bytes_total{{{ON}, direction="egress"}}[{RATE}])))',
                            "{{namespace}}/{{pod}}",
                        )
                    ],
                    link="/flows?since=1h&q=node=${node:csv}",
                ),
            ],
        ),
        Row(
            "Limits",
            [
                Panel(
                    "Connection tracking, share used",
                    "percentunit",
                    [
                        (
                            f"fairway_node_conntrack_entries{{{ON}}} / fairway_node_conntrack_limit{{{ON}}}",
                            "{{node}}",
                        )
                    ],
                ),
                Panel(
                    "Connections that could not be tracked",
                    "short",
                    [(f"increase(fairway_node_conntrack_failures_total{{{ON}}}[5m])", "{{node}} {{reason}}")],
                ),
                Panel(
                    "Packets beyond an allowance",
                    "short",
                    [
                        (
                            f"increase(fairway_node_allowance_exceeded_packets_total{{{ON}}}[5m])",
                            "{{node}} {{interface}} {{allowance}}",
                        )
                    ],
                    "Only where the network card's driver counts it (Amazon's ENA).",
                ),
                Panel(
                    "Connections that the card may still track",
                    "short",
                    [(f"fairway_node_conntrack_allowance_available{{{ON}}}", "{{node}} {{interface}}")],
                ),
                Panel(
                    "Dropped by interfaces, and overruns of their queues",
                    "pps",
                    [
                        (
                            f"rate(fairway_node_interface_{what}_total{{{ON}}}[{RATE}])",
                            "{{node}} {{interface}} {{direction}} " + what.partition("_")[0],
                        )
                        for what in ("dropped_packets", "overruns")
                    ],
                ),
                Panel(
                    "Sent again by its pods",
                    "ops",
                    [(f"rate(fairway_node_retransmissions_total{{{ON}}}[{RATE}])", "{{node}}")],
                ),
            ],
        ),
    ],
    [NODE],
    "/flows?since=1h&q=node=${node:csv}",
)
