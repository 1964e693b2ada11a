"""The dashboard over the hub's own tables, for what would be too many series for a Prometheus: single edges, ports,
addresses. It needs a hub with `--store clickhouse://`, and Grafana's data source for ClickHouse."""

from panels import Dashboard, Panel, Row, Variable

WHEN = "$__timeFilter(time)"
SPAN = "$__timeInterval(time) AS time"
CHOSEN = "${namespace:singlequote}"
WHERE = f"{WHEN} AND (client_namespace IN ({CHOSEN}) OR server_namespace IN ({CHOSEN}))"
BYTES = "sum(sent_bytes + received_bytes)"
EDGE = (
    "concat(client_namespace, '/', client_group, ' to ', server_namespace, '/', server_group, ':', toString(port))"
)

FLOWS = Dashboard(
    "flows",
    "Fairway / Flows (ClickHouse)",
    "Who talks to whom, edge by edge, out of the hub's tables. Needs fairway hub --store clickhouse://.",
    [
        Row(
            "Edges",
            [
                Panel(
                    "Largest edges",
                    "bytes",
                    [
                        (
                            f"SELECT {EDGE} AS edge, {BYTES} AS bytes, sum(connections) AS opened, "
                            f"sum(retransmissions) AS again, sum(failed) AS failing FROM edges_1m WHERE {WHERE} "
                            "GROUP BY edge ORDER BY bytes DESC LIMIT 50",
                            "",
                        )
                    ],
                    kind="table",
                    link="/map?since=1h",
                ),
                Panel(
                    "Bytes by namespace of the server",
                    "bytes",
                    [
                        (
                            f"SELECT {SPAN}, server_namespace AS namespace, {BYTES} AS bytes FROM edges_1m "
                            f"WHERE {WHERE} GROUP BY time, namespace ORDER BY time",
                            "",
                        )
                    ],
                ),
                Panel(
                    "Bytes by category",
                    "bytes",
                    [
                        (
                            f"SELECT {SPAN}, category, {BYTES} AS bytes FROM edges_1m WHERE {WHERE} "
                            "GROUP BY time, category ORDER BY time",
                            "",
                        )
                    ],
                ),
                Panel(
                    "Bytes by port",
                    "bytes",
                    [
                        (
                            f"SELECT protocol, port, {BYTES} AS bytes FROM edges_1m WHERE {WHERE} "
                            "GROUP BY protocol, port ORDER BY bytes DESC LIMIT 50",
                            "",
                        )
                    ],
                    kind="table",
                ),
            ],
        ),
        Row(
            "Trouble",
            [
                Panel(
                    "Denied, or would be",
                    "short",
                    [
                        (
                            "SELECT slot, reason, concat(client_namespace, '/', client_name) AS client, "
                            "concat(server_namespace, '/', server_name) AS server, port, sum(packets) AS dropped, "
                            f"sum(connections) AS opened FROM verdicts WHERE {WHERE} "
                            "GROUP BY slot, reason, client, server, port ORDER BY opened DESC LIMIT 50",
                            "",
                        )
                    ],
                    kind="table",
                    link="/flows?since=1h&q=verdict=denied",
                ),
                Panel(
                    "Sent again and failed",
                    "short",
                    [
                        (
                            f"SELECT {SPAN}, sum(retransmissions) AS again, sum(failed) AS failing, "
                            f"sum(timeouts) AS expired FROM edges_1m WHERE {WHERE} GROUP BY time ORDER BY time",
                            "",
                        )
                    ],
                ),
            ],
        ),
    ],
    [Variable("namespace", "SELECT DISTINCT server_namespace FROM edges_1h ORDER BY server_namespace")],
    "/flows?since=1h",
    sql=True,
)
