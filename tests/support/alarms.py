"""When each alarm fires and when it is quiet, what it says then and where its link leads: a truth table."""

from typing import NamedTuple

POD = 'node="a",namespace="shop",pod="ui-1"'
Series = dict[str, str]


class Case(NamedTuple):
    """`fires` and `quiet` are series by name, a value a minute; after `minutes` the first has fired, with these
    labels beside the severity, this summary, and this place in the console."""

    alert: str
    fires: Series
    quiet: Series
    labels: dict[str, str]
    severity: str
    summary: str
    console: str
    minutes: int = 20


def pod(**more: str) -> dict[str, str]:
    return {"node": "a", "namespace": "shop", "pod": "ui-1", **more}


CASES = [
    Case(
        "FairwayPodBandwidthHigh",
        {f'fairway_pod_bytes_total{{{POD},direction="egress"}}': "0+9000000000x30"},
        {f'fairway_pod_bytes_total{{{POD},direction="egress"}}': "0+7000000000x30"},
        pod(direction="egress"),
        "warning",
        "Pod shop/ui-1 moves 1200 Mbit/s (egress).",
        "/flows?since=1h&q=namespace=shop+name=ui-1",
    ),
    Case(
        "FairwayNodeBandwidthHigh",
        {'fairway_node_interface_bytes_total{node="a",interface="eth0",direction="ingress"}': "0+45000000000x30"},
        {'fairway_node_interface_bytes_total{node="a",interface="eth0",direction="ingress"}': "0+30000000000x30"},
        {"node": "a", "interface": "eth0", "direction": "ingress"},
        "warning",
        "Interface eth0 of node a moves 6000 Mbit/s (ingress).",
        "/flows?since=1h&q=node=a",
    ),
    Case(
        "FairwayNodePacketRateHigh",
        {'fairway_node_interface_packets_total{node="a",interface="eth0",direction="egress"}': "0+30000000x30"},
        {'fairway_node_interface_packets_total{node="a",interface="eth0",direction="egress"}': "0+20000000x30"},
        {"node": "a", "interface": "eth0", "direction": "egress"},
        "warning",
        "Interface eth0 of node a moves 500000 packets a second (egress).",
        "/flows?since=1h&q=node=a",
    ),
    Case(
        "FairwayCrossZoneShareHigh",
        {
            'fairway_hub_traffic_bytes_total{category="inter-zone"}': "0+600x200",
            'fairway_hub_traffic_bytes_total{category="intra-zone"}': "0+200x200",
            'fairway_hub_traffic_bytes_total{category="external"}': "0+9000x200",
        },
        {
            'fairway_hub_traffic_bytes_total{category="inter-zone"}': "0+600x200",
            'fairway_hub_traffic_bytes_total{category="intra-zone"}': "0+700x200",
        },
        {},
        "info",
        "75% of what pods say to each other crosses zones.",
        "/zones?since=1h",
        150,
    ),
    Case(
        "FairwayConntrackFilling",
        {
            'fairway_node_conntrack_entries{node="a"}': "900x30",
            'fairway_node_conntrack_limit{node="a"}': "1000x30",
        },
        {
            'fairway_node_conntrack_entries{node="a"}': "700x30",
            'fairway_node_conntrack_limit{node="a"}': "1000x30",
        },
        {"node": "a"},
        "warning",
        "Connection tracking of node a is 90% full.",
        "/flows?since=15m&q=node=a",
    ),
    Case(
        "FairwayConntrackExhausted",
        {'fairway_node_conntrack_failures_total{node="a",reason="drop"}': "0+5x30"},
        {
            'fairway_node_conntrack_failures_total{node="a",reason="insert_failed"}': "0+5x30",
            'fairway_node_conntrack_failures_total{node="a",reason="drop"}': "7x30",
            'fairway_node_conntrack_allowance_available{node="a",interface="eth0"}': "90000x30",
        },
        {"node": "a"},
        "critical",
        "Node a can track no more connections; new ones are dropped.",
        "/flows?since=15m&q=node=a",
    ),
    *(
        Case(
            "FairwayAllowanceExceeded",
            {
                "fairway_node_allowance_exceeded_packets_total"
                f'{{node="a",interface="eth0",allowance="{allowance}"}}': "0+20x30"
            },
            {
                "fairway_node_allowance_exceeded_packets_total"
                f'{{node="a",interface="eth0",allowance="{allowance}"}}': "20x30"
            },
            {"node": "a", "interface": "eth0", "allowance": allowance},
            "warning",
            f"Node a exceeds its {allowance} allowance on eth0: 100 packets were queued or dropped in 5 minutes.",
            "/flows?since=15m&q=node=a",
        )
        for allowance in ("bw_in", "bw_out", "pps", "conntrack", "linklocal")
    ),
    Case(
        "FairwayRetransmissionsHigh",
        {
            f"fairway_pod_retransmissions_total{{{POD}}}": "0+60x30",
            f'fairway_pod_packets_total{{{POD},direction="egress"}}': "0+1200x30",
        },
        {
            f"fairway_pod_retransmissions_total{{{POD}}}": "0+60x30",
            f'fairway_pod_packets_total{{{POD},direction="egress"}}': "0+12000x30",
        },
        pod(),
        "warning",
        "Pod shop/ui-1 sends 5% of its packets again.",
        "/flows?since=15m&q=namespace=shop+name=ui-1+retransmissions%3E0",
    ),
    Case(
        "FairwayTimeoutBurst",
        {f"fairway_pod_retransmission_timeouts_total{{{POD}}}": "0+180x30"},
        {f"fairway_pod_retransmission_timeouts_total{{{POD}}}": "0+30x30"},
        pod(),
        "warning",
        "Retransmission timers of pod shop/ui-1 expire 3.0 times a second: something on the way is dead or drops "
        "nearly everything.",
        "/flows?since=15m&q=namespace=shop+name=ui-1+retransmissions%3E0",
    ),
    Case(
        "FairwayConnectsFail",
        {
            f'fairway_pod_failed_connections_total{{{POD},direction="egress"}}': "0+20x30",
            f'fairway_pod_connections_total{{{POD},direction="egress"}}': "0+100x30",
        },
        {
            f'fairway_pod_failed_connections_total{{{POD},direction="egress"}}': "0+20x30",
            f'fairway_pod_connections_total{{{POD},direction="egress"}}': "0+1000x30",
            f'fairway_pod_failed_connections_total{{{POD},direction="ingress"}}': "0+20x30",
            f'fairway_pod_connections_total{{{POD},direction="ingress"}}': "0+20x30",
        },
        pod(),
        "warning",
        "20% of what pod shop/ui-1 opens fails.",
        "/flows?since=15m&q=src.namespace=shop+src.name=ui-1",
    ),
    Case(
        "FairwayDnsFails",
        {
            'fairway_node_dns_answers_total{node="a",code="noerror"}': "0+60x30",
            'fairway_node_dns_answers_total{node="a",code="servfail"}': "0+20x30",
        },
        {
            'fairway_node_dns_answers_total{node="a",code="noerror"}': "0+60x30",
            'fairway_node_dns_answers_total{node="a",code="nxdomain"}': "0+60x30",
            'fairway_node_dns_answers_total{node="a",code="servfail"}': "0+1x30",
        },
        {"node": "a"},
        "warning",
        "Resolvers answer 25% of the questions from node a with an error.",
        "/flows?since=15m&q=dst.port=53+src.node=a",
    ),
    Case(
        "FairwayDnsUnanswered",
        {
            f"fairway_pod_dns_questions_total{{{POD}}}": "0+40x30",
            f"fairway_pod_dns_answers_total{{{POD}}}": "0+10x30",
        },
        {
            f"fairway_pod_dns_questions_total{{{POD}}}": "0+40x30",
            f"fairway_pod_dns_answers_total{{{POD}}}": "0+40x30",
        },
        pod(),
        "warning",
        "Nobody answers 75% of the DNS questions of pod shop/ui-1.",
        "/flows?since=15m&q=dst.port=53+src.namespace=shop+src.name=ui-1",
    ),
    Case(
        "FairwayKnownEdgeDenied",
        {'fairway_hub_known_edge_denied_packets_total{namespace="shop"}': "0+4x30"},
        {'fairway_hub_known_edge_denied_packets_total{namespace="shop"}': "4x30"},
        {"namespace": "shop"},
        "critical",
        "Policies drop packets of connections into shop that were answered before: 20 in 5 minutes.",
        "/flows?since=15m&q=verdict=denied+namespace=shop",
    ),
    Case(
        "FairwayWouldDeny",
        {'fairway_policy_would_deny_connections_total{node="a"}': "0+2x30"},
        {'fairway_policy_would_deny_connections_total{node="a"}': "9x30"},
        {"node": "a"},
        "info",
        "Policies on trial would have denied 30 connections on node a in 15 minutes.",
        "/flows?since=1h&q=verdict=would-deny+node=a",
    ),
    Case(
        "FairwayNewEdgesOutside",
        {'fairway_hub_new_edges_total{category="external"}': "0+1x90"},
        {
            'fairway_hub_new_edges_total{category="external"}': "0x30 1x60",
            'fairway_hub_new_edges_total{category="intra-zone"}': "0+5x90",
        },
        {"category": "external"},
        "warning",
        "60 new destinations outside the cluster in an hour (external).",
        "/flows?since=1h&view=external",
        90,
    ),
    Case(
        "FairwayRolloutSteppedBack",
        {'fairway_hub_rollout_phase{rollout="shop",phase="stepped-back"}': "1x30"},
        {'fairway_hub_rollout_phase{rollout="shop",phase="enforcing"}': "1x30"},
        {"rollout": "shop", "phase": "stepped-back"},
        "warning",
        "Rollout shop is stepped-back.",
        "/policies?since=1h",
    ),
    Case(
        "FairwayAgentMissing",
        {'fairway_hub_agent_silence_seconds{node="a"}': "0+60x30", 'up{job="fairway-agent",node="a"}': "1x30"},
        {'fairway_hub_agent_silence_seconds{node="a"}': "12x30", 'up{job="fairway-agent",node="a"}': "1x30"},
        {"node": "a"},
        "critical",
        "The agent of node a does not report; what it enforces stays in force.",
        "/agents",
    ),
    Case(
        "FairwayAgentMissing",
        {'up{job="fairway/fairway-agent",node="b"}': "0x30"},
        {'up{job="another",node="b"}': "0x30"},
        {"node": "b"},
        "critical",
        "The agent of node b does not report; what it enforces stays in force.",
        "/agents",
    ),
    Case(
        "FairwayAgentLosing",
        {'fairway_hub_agent_losses_total{node="a",kind="events_lost"}': "0+3x30"},
        {
            'fairway_hub_agent_losses_total{node="a",kind="events_lost"}': "3x30",
            'fairway_hub_agent_losses_total{node="a",kind="pods_without_interface"}': "0+1x30",
        },
        {"node": "a", "kind": "events_lost"},
        "warning",
        "The agent of node a lost something: events_lost.",
        "/agents",
    ),
    Case(
        "FairwayAgentLosing",
        {'fairway_hub_agent_missing_batches_total{node="a"}': "0+1x30"},
        {'fairway_hub_agent_missing_batches_total{node="a"}': "1x30"},
        {"node": "a"},
        "warning",
        "The agent of node a lost something: batches that never came.",
        "/agents",
    ),
    Case(
        "FairwaySpoolFilling",
        {
            'fairway_agent_waiting_bytes{node="a",instance="a:9410"}': "0+40x30",
            'fairway_agent_waiting_limit_bytes{node="a",instance="a:9410"}': "1000x30",
        },
        {
            'fairway_agent_waiting_bytes{node="a",instance="a:9410"}': "100x30",
            'fairway_agent_waiting_limit_bytes{node="a",instance="a:9410"}': "1000x30",
        },
        {"node": "a", "instance": "a:9410"},
        "warning",
        "The spool of the agent at a:9410 is 80% full: the hub does not take its batches.",
        "/agents",
    ),
    Case(
        "FairwayHubDown",
        {'up{job="fairway-hub",instance="h:8480"}': "0x30"},
        {'up{job="fairway-hub",instance="h:8480"}': "1x30"},
        {"job": "fairway-hub", "instance": "h:8480"},
        "critical",
        "The hub cannot be scraped; agents keep what they have.",
        "/",
    ),
    Case(
        "FairwayHubTrouble",
        {'fairway_hub_trouble{part="database"}': "1x30"},
        {'fairway_hub_trouble{part="database"}': "1x17 _x12"},
        {"part": "database"},
        "critical",
        "The hub cannot do its work: database.",
        "/agents",
        30,
    ),
    Case(
        "FairwayHubLagging",
        {'fairway_hub_agent_lag_seconds{node="a"}': "90x30"},
        {'fairway_hub_agent_lag_seconds{node="a"}': "0.6x30", "fairway_hub_waiting_segments": "2x30"},
        {"node": "a"},
        "warning",
        "What agents tell comes late into the database.",
        "/agents",
    ),
    Case(
        "FairwayStoreNearlyFull",
        {
            'fairway_hub_disk_free_bytes{instance="h"}': "10x30",
            'fairway_hub_disk_size_bytes{instance="h"}': "100x30",
        },
        {
            'fairway_hub_disk_free_bytes{instance="h"}': "20x30",
            'fairway_hub_disk_size_bytes{instance="h"}': "100x30",
        },
        {"instance": "h"},
        "critical",
        "The disk under the hub has 10% left; when it is full, agents must keep what they have.",
        "/agents",
    ),
]
