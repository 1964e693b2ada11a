"""A little traffic of the cluster in `support.reports`, as its agents tell it; sums are easy to reckon."""

import time

from fairway.wire import batch as wire
from fairway.wire.words import Initiator, Reason, Verdict
from support.hubs import Serving
from support.reports import DB, ORDERS, ORDERS_SERVICE, UI, UI2, report

OUTSIDE = "203.0.113.9"


def tell(hub: Serving) -> int:
    """The servers' agents first, so that the clients' are known to tell the same; the time, in microseconds."""
    at = time.time_ns() // 1000 - 1_000_000
    ui = {"connections": 3, "retransmissions": 1, "srtt_us": 300, "srtt_count": 2, "srtt_sum_us": 600}
    db = {
        "connections": 2,
        "srtt_us": 500,
        "srtt_count": 1,
        "srtt_sum_us": 500,
        "rx_packets": 4,
        "tx_packets": 6,
        "rx_bytes": 400,
        "tx_bytes": 900,
    }
    hub.put(
        told(DB, ORDERS, 5432, Initiator.REMOTE, at, 1, **db),
        told(
            ORDERS,
            UI,
            8080,
            Initiator.REMOTE,
            at,
            1,
            rx_bytes=1000,
            tx_bytes=4000,
            rx_packets=10,
            tx_packets=20,
            **ui,
        ),
    )
    dropped = {"verdict": Verdict.DENY, "reason": Reason.NO_RULE}
    hub.put(
        told(
            UI,
            ORDERS_SERVICE,
            80,
            Initiator.POD,
            at,
            1,
            **ui | {"retransmissions": 5},
            tx_bytes=1000,
            rx_bytes=4000,
        ),
        told(ORDERS, DB, 5432, Initiator.POD, at, 2, connections=2, tx_bytes=400, rx_bytes=900),
        told(UI2, OUTSIDE, 443, Initiator.POD, at, 3, connections=1, tx_bytes=50, rx_bytes=70),
        told(DB, UI2, 5432, Initiator.REMOTE, at, 2, denied=4, **dropped),
        told(DB, ORDERS, 5433, Initiator.REMOTE, at, 3, connections=7, **dropped),
    )
    return at


def told(pod: str, remote: str, port: int, who: Initiator, at: int, sequence: int, **fields: int) -> wire.Batch:
    """One agent's word for one conversation."""
    return report(pod, remote, port, who, sequence=sequence, at=at, **fields)
