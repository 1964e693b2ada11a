"""What came in, as metrics: each byte once, an edge new once and for ever, series of single edges bounded."""

from pathlib import Path

from fairway.kit.openmetrics import Family
from fairway.wire.words import Initiator, Verdict
from support.hubs import Serving, serving
from support.reports import DB, ORDERS, UI, report

OUTSIDE = "203.0.113.7"
MOVED = {"tx_bytes": 1000, "rx_bytes": 4000, "tx_packets": 10, "rx_packets": 12, "connections": 2}
BACK = {"tx_bytes": 4000, "rx_bytes": 1000, "tx_packets": 12, "rx_packets": 10, "connections": 2}


def found(hub: Serving) -> dict[tuple[str, ...], float]:
    return values(hub.answers.hub.traffic.families())


def values(families: "list[Family] | object") -> dict[tuple[str, ...], float]:
    return {
        (family.name.removeprefix("fairway_hub_"), *labels.values()): value
        for family in families  # type: ignore[attr-defined]
        for labels, value in family.samples
    }


def test_what_moved_what_is_new_and_what_was_denied(tmp_path: Path) -> None:
    with serving(tmp_path, metric_edges=1) as hub:
        # Both ends' agents tell of one conversation between zones; it counts once.
        hub.put(
            report(UI, ORDERS, 8080, Initiator.POD, failed=2, **MOVED),
            report(ORDERS, UI, 8080, Initiator.REMOTE, failed=1, **BACK),
            report(UI, OUTSIDE, 443, Initiator.POD, sequence=2, **MOVED),
        )
        told = found(hub)
        assert told["traffic_bytes", "inter-zone"] == 5000
        assert (told["zone_bytes", "1a", "1b"], told["zone_bytes", "1b", "1a"]) == (1000, 4000)
        assert told["new_edges", "inter-zone"] == 1
        assert told["new_edges", "not classified"] == 1
        assert told["known_edge_denied_packets", "orders"] == 0
        assert told["edge_bytes", "ui", "Pod/ui-1", "orders", "Pod/orders-1", "8080", "TCP"] == 5000
        assert told["edge_failed_connections", "ui", "Pod/ui-1", "orders", "Pod/orders-1", "8080", "TCP"] == 2
        assert told["edges_not_shown",] == 1, "the bound is one, and the other is counted"
        # An intruder's edge that nobody ever answered is none that somebody relies on.
        hub.put(
            report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=2, verdict=Verdict.DENY, denied=3),
            report(DB, UI, 5432, Initiator.REMOTE, verdict=Verdict.DENY, denied=9),
        )
        told = found(hub)
        assert told["known_edge_denied_packets", "orders"] == 3
        assert told["edge_denied_packets", "ui", "Pod/ui-1", "orders", "Pod/orders-1", "8080", "TCP"] == 3
    with serving(tmp_path, clean=False) as hub:
        hub.put(
            report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=3, verdict=Verdict.DENY, denied=2),
            report(UI, "203.0.113.9", 443, Initiator.POD, sequence=3, **MOVED),
        )
        told = found(hub)
        assert ("new_edges", "inter-zone") not in told, "the hub's restart makes nothing new"
        assert told["new_edges", "not classified"] == 0, "another address of a network that was seen"
        assert told["known_edge_denied_packets", "orders"] == 2
        assert not [name for name in told if name[0].startswith("edge_")], "none unless asked for"
        assert told["edges_not_shown",] == 0
