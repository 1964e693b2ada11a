"""The dashboard over the names of Amazon's agent (Network Flow Monitor), its own or Fairway's `--compat aws`.

Those are gauges of what moved since the last scrape: `rate` of them means nothing. What moved within a time is the
sum of all scrapes within it, and a second's is that over the time. It holds as long as one Prometheus scrapes, and
misses what was scraped in vain.
"""

from panels import Dashboard, Panel, Row, Variable

SECONDS = 300
ON = 'node=~"$node"'
ALLOWANCES = ("bw_in", "bw_out", "pps", "conntrack", "linklocal")


def per_second(metric: str, by: str) -> str:
    """What moved in a second, of the last five minutes."""
    return f"sum by ({by}) (sum_over_time({metric}{{{ON}}}[{SECONDS}s])) / {SECONDS}"


def both_ways(what: str, by: str, legend: str) -> list[tuple[str, str]]:
    """In and out."""
    return [(per_second(f"{way}_{what}", by), f"{way} {legend}") for way in ("ingress", "egress")]


AWS = Dashboard(
    "aws",
    "Fairway / Names of Amazon's agent",
    "For who has Amazon's Network Flow Monitor agent, or Fairway with --compat aws.",
    [
        Row(
            "Pods",
            [
                Panel("Bytes by pod", "Bps", both_ways("bytes", "namespace, pod", "{{namespace}}/{{pod}}")),
                Panel("Packets by pod", "pps", both_ways("packets", "namespace, pod", "{{namespace}}/{{pod}}")),
                Panel("TCP flows by pod", "ops", both_ways("flow", "namespace, pod", "{{namespace}}/{{pod}}")),
                Panel("Bytes by interface", "Bps", both_ways("bytes", "node, iface", "{{node}} {{iface}}")),
            ],
        ),
        Row(
            "Node",
            [
                Panel("Bytes by node", "Bps", both_ways("bytes", "node", "{{node}}")),
                Panel(
                    "Packets beyond an allowance, in 5 minutes",
                    "short",
                    [
                        (
                            f"sum by (node, eni) (sum_over_time({name}_allowance_exceeded{{{ON}}}[{SECONDS}s]))",
                            f"{name} {{{{node}}}} {{{{eni}}}}",
                        )
                        for name in ALLOWANCES
                    ],
                ),
            ],
        ),
    ],
    [Variable("node", "ingress_bytes")],
    "/flows?since=1h&q=node=${node:csv}",
)
