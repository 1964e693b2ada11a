"""What conversations add up to, by pod and for the node."""

import numpy as np

from fairway.agent.readings import Opened, PodOpened
from fairway.wire.batch import RECORD
from fairway.wire.rules import NodePod
from fairway.wire.words import Initiator

TCP, UDP = 6, 17
PODS = [NodePod("uid-a", "shop", "a", ()), NodePod("uid-b", "shop", "b", ())]


def row(pod: int, initiator: Initiator, protocol: int, port: int, **values: int) -> np.ndarray:
    made = np.zeros(1, RECORD)
    made["pod"], made["initiator"], made["protocol"], made["port"] = pod, initiator, protocol, port
    for name, value in values.items():
        made[name] = value
    return made


def test_failures_timers_and_dns_are_the_pods_own() -> None:
    opened = Opened()
    rows = [
        row(0, Initiator.POD, TCP, 8080, connections=5, failed=2, retransmissions=7, timeouts=3),
        row(0, Initiator.REMOTE, TCP, 80, connections=4, failed=1),
        row(0, Initiator.POD, UDP, 53, connections=6, tx_packets=6, rx_packets=4),
        row(1, Initiator.REMOTE, UDP, 53, connections=6, tx_packets=4, rx_packets=6),  # the resolver's side
        row(1, Initiator.POD, TCP, 53, connections=1, tx_packets=9, rx_packets=9),
    ]
    for _ in range(2):
        opened.count(np.concatenate(rows), PODS)
    assert opened.of(PODS[0]) == PodOpened(
        ingress=8,
        egress=22,
        tcp_ingress=8,
        tcp_egress=10,
        failed_ingress=2,
        failed_egress=4,
        retransmissions=14,
        timeouts=6,
        dns_questions=12,
        dns_answers=8,
    )
    assert opened.of(PODS[1]).dns_questions == 0
    assert opened.node == {"ingress_connections": 20, "egress_connections": 24, "retransmissions": 14}
