"""The dashboard of the whole cluster."""

from panels import Dashboard, Panel, Row

RATE = "$__rate_interval"

CLUSTER = Dashboard(
    "cluster",
    "Fairway / Cluster",
    "What moves in the whole cluster, and what does not go well.",
    [
        Row(
            "Traffic",
            [
                Panel(
                    "Bytes by category",
                    "Bps",
                    [(f"sum by (category) (rate(fairway_hub_traffic_bytes_total[{RATE}]))", "{{category}}")],
                    "Each conversation once, both ways, as the agents told it.",
                    link="/map?since=1h",
                ),
                Panel(
                    "Bytes by node",
                    "Bps",
                    [(f"sum by (node) (rate(fairway_node_bytes_total[{RATE}]))", "{{node}}")],
                    "Of all pods of a node, both ways; between two pods each end counts.",
                ),
                Panel(
                    "Largest pods",
                    "Bps",
                    [
                        (
                            f"topk(10, sum by (namespace, pod) (rate(fairway_pod_bytes_total[{RATE}])))",
                            "{{namespace}}/{{pod}}",
                        )
                    ],
                    link="/flows?since=1h",
                ),
                Panel(
                    "Connections opened",
                    "ops",
                    [
                        (
                            f'sum by (node) (rate(fairway_node_connections_total{{direction="egress"}}[{RATE}]))',
                            "{{node}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Trouble",
            [
                Panel(
                    "Share of packets sent again",
                    "percentunit",
                    [
                        (
                            f"sum by (namespace) (rate(fairway_pod_retransmissions_total[{RATE}])) / sum by "
                            f'(namespace) (rate(fairway_pod_packets_total{{direction="egress"}}[{RATE}]))',
                            "{{namespace}}",
                        )
                    ],
                    link="/map?since=1h",
                ),
                Panel(
                    "Failed connections and timer expiries",
                    "ops",
                    [
                        (
                            "sum by (namespace) "
                            f'(rate(fairway_pod_failed_connections_total{{direction="egress"}}[{RATE}]))',
                            "failed {{namespace}}",
                        ),
                        (
                            f"sum by (namespace) (rate(fairway_pod_retransmission_timeouts_total[{RATE}]))",
                            "timers {{namespace}}",
                        ),
                    ],
                ),
                Panel(
                    "DNS answers",
                    "ops",
                    [(f"sum by (code) (rate(fairway_node_dns_answers_total[{RATE}]))", "{{code}}")],
                    "Of the resolvers that agents believe, by response code.",
                    link="/flows?since=1h&q=dst.port=53",
                ),
                Panel(
                    "New edges",
                    "short",
                    [("sum by (category) (increase(fairway_hub_new_edges_total[1h]))", "{{category}}")],
                    "In the hour before: workloads that had never been seen to talk.",
                    link="/flows?since=1h",
                ),
            ],
        ),
    ],
    link="/map?since=1h",
)
