"""The dashboard of Fairway itself."""

from panels import Dashboard, Panel, Row

RATE = "$__rate_interval"

ITSELF = Dashboard(
    "itself",
    "Fairway / Itself",
    "Agents and hub: do they run, keep up, and lose nothing.",
    [
        Row(
            "Agents",
            [
                Panel("Up", "short", [('up{job=~"(.*/)?fairway-.*"}', "{{job}} {{instance}}")], link="/agents"),
                Panel("Silence", "s", [("fairway_hub_agent_silence_seconds", "{{node}}")], link="/agents"),
                Panel(
                    "Losses in 15 minutes",
                    "short",
                    [
                        ("increase(fairway_hub_agent_losses_total[15m])", "{{node}} {{kind}}"),
                        ("increase(fairway_hub_agent_missing_batches_total[15m])", "{{node}} batches"),
                    ],
                    link="/agents",
                ),
                Panel(
                    "Spool, share used",
                    "percentunit",
                    [("fairway_agent_waiting_bytes / fairway_agent_waiting_limit_bytes", "{{node}}")],
                ),
                Panel(
                    "CPU",
                    "percentunit",
                    [(f'rate(process_cpu_seconds_total{{job=~"(.*/)?fairway-agent"}}[{RATE}])', "{{node}}")],
                ),
                Panel(
                    "Memory",
                    "bytes",
                    [('process_resident_memory_bytes{job=~"(.*/)?fairway-agent"}', "{{node}}")],
                ),
                Panel(
                    "Table of flows, share used",
                    "percentunit",
                    [("fairway_agent_flows / fairway_agent_flows_limit", "{{node}}")],
                ),
                Panel("What a report takes", "s", [("fairway_agent_report_seconds", "{{node}}")]),
            ],
        ),
        Row(
            "Hub",
            [
                Panel("Rows kept", "ops", [(f"rate(fairway_hub_rows_total[{RATE}])", "rows")]),
                Panel(
                    "Lag, and segments that wait",
                    "short",
                    [
                        ("fairway_hub_agent_lag_seconds", "{{node}}"),
                        ("fairway_hub_waiting_segments", "segments"),
                    ],
                ),
                Panel(
                    "Disk",
                    "bytes",
                    [("fairway_hub_disk_free_bytes", "free"), ("fairway_hub_disk_size_bytes", "size")],
                ),
                Panel("Memory", "bytes", [("fairway_hub_resident_bytes", "hub")]),
            ],
        ),
    ],
    link="/agents",
)
