"""The dashboard of zones, and what it costs to cross them."""

from panels import Dashboard, Panel, Row, Variable

RATE = "$__rate_interval"

CROSSING = 'category="inter-zone"'
ZONES = Dashboard(
    "zones",
    "Fairway / Zones and cost",
    "What crosses zones, and an estimate of what it costs; `price` is for a GB, both sides together.",
    [
        Row(
            "Zones",
            [
                Panel(
                    "Share that crosses zones",
                    "percentunit",
                    [
                        (
                            f"sum(rate(fairway_hub_traffic_bytes_total{{{CROSSING}}}[{RATE}])) / sum(rate("
                            f'fairway_hub_traffic_bytes_total{{category=~"intra-zone|inter-zone"}}[{RATE}]))',
                            "crosses",
                        )
                    ],
                    link="/zones?since=1h",
                ),
                Panel(
                    "From zone to zone",
                    "Bps",
                    [
                        (
                            f"sum by (source_zone, destination_zone) (rate(fairway_hub_zone_bytes_total[{RATE}]))",
                            "{{source_zone}} to {{destination_zone}}",
                        )
                    ],
                    link="/zones?since=1h",
                ),
            ],
        ),
        Row(
            "Cost",
            [
                Panel(
                    "Estimate for a day at this rate",
                    "currencyUSD",
                    [
                        (
                            f"sum(rate(fairway_hub_traffic_bytes_total{{{CROSSING}}}[1h])) * 86400 / 1e9 * $price",
                            "a day",
                        )
                    ],
                    kind="stat",
                ),
                Panel(
                    "Bytes in the last day",
                    "bytes",
                    [
                        (
                            "sum by (source_zone, destination_zone) (increase(fairway_hub_zone_bytes_total[1d]))",
                            "{{source_zone}} to {{destination_zone}}",
                        )
                    ],
                    kind="table",
                ),
            ],
        ),
    ],
    [Variable("price", text="0.02")],
    "/zones?since=1h",
)
