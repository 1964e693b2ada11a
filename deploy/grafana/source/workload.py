"""The dashboard of the pods of a namespace."""

from panels import Dashboard, Panel, Row, Variable

RATE = "$__rate_interval"
NAMESPACE = Variable("namespace", "fairway_pod_bytes_total")
POD = Variable("pod", 'fairway_pod_bytes_total{namespace=~"$namespace"}', many=True)
OF = 'namespace=~"$namespace", pod=~"$pod"'

WORKLOAD = Dashboard(
    "workload",
    "Fairway / Workload",
    "The pods of a namespace: what they move, and what goes wrong for them. Choose pods by the workload's name.",
    [
        Row(
            "Traffic",
            [
                Panel(
                    "Bytes in",
                    "Bps",
                    [
                        (
                            f'sum by (pod) (rate(fairway_pod_bytes_total{{{OF}, direction="ingress"}}[{RATE}]))',
                            "{{pod}}",
                        )
                    ],
                    link="/flows?since=1h&q=dst.namespace=${namespace:csv}",
                ),
                Panel(
                    "Bytes out",
                    "Bps",
                    [
                        (
                            f'sum by (pod) (rate(fairway_pod_bytes_total{{{OF}, direction="egress"}}[{RATE}]))',
                            "{{pod}}",
                        )
                    ],
                    link="/flows?since=1h&q=src.namespace=${namespace:csv}",
                ),
                Panel(
                    "Connections",
                    "ops",
                    [
                        (
                            f"sum by (pod, direction) (rate(fairway_pod_connections_total{{{OF}}}[{RATE}]))",
                            "{{pod}} {{direction}}",
                        )
                    ],
                ),
                Panel(
                    "Edges",
                    "Bps",
                    [
                        (
                            "topk(20, sum by (client_namespace, client, server_namespace, server, port) (rate("
                            f'fairway_hub_edge_bytes_total{{server_namespace=~"$namespace"}}[{RATE}])))',
                            "{{client}} to {{server}}:{{port}}",
                        )
                    ],
                    "Only where the hub has --metric-edges.",
                    link="/map?since=1h&q=namespace=${namespace:csv}",
                ),
            ],
        ),
        Row(
            "Trouble",
            [
                Panel(
                    "Sent again, and timers that expired",
                    "ops",
                    [
                        (
                            f"sum by (pod) (rate(fairway_pod_retransmissions_total{{{OF}}}[{RATE}]))",
                            "again {{pod}}",
                        ),
                        (
                            f"sum by (pod) (rate(fairway_pod_retransmission_timeouts_total{{{OF}}}[{RATE}]))",
                            "timer {{pod}}",
                        ),
                    ],
                ),
                Panel(
                    "Failed connections",
                    "ops",
                    [
                        (
                            f"sum by (pod, direction) (rate(fairway_pod_failed_connections_total{{{OF}}}[{RATE}]))",
                            "{{pod}} {{direction}}",
                        )
                    ],
                ),
                Panel(
                    "DNS questions without an answer",
                    "percentunit",
                    [
                        (
                            f"1 - sum by (pod) (rate(fairway_pod_dns_answers_total{{{OF}}}[{RATE}])) / "
                            f"sum by (pod) (rate(fairway_pod_dns_questions_total{{{OF}}}[{RATE}]))",
                            "{{pod}}",
                        )
                    ],
                    link="/flows?since=1h&q=dst.port=53+src.namespace=${namespace:csv}",
                ),
                Panel(
                    "Dropped by rules",
                    "pps",
                    [
                        (
                            f"sum by (pod, direction) (rate(fairway_pod_dropped_packets_total{{{OF}}}[{RATE}]))",
                            "{{pod}} {{direction}}",
                        )
                    ],
                    link="/flows?since=1h&q=verdict=denied+namespace=${namespace:csv}",
                ),
            ],
        ),
    ],
    [NAMESPACE, POD],
    "/flows?since=1h&q=namespace=${namespace:csv}",
)
