"""The hub's metrics: each is documented, and a collector gets them, too."""

import re
from pathlib import Path

from fairway.hub import metrics, traffic
from fairway.kit.otlp import Collector as Of
from fairway.wire.words import Initiator
from support.collector import Collector, collecting
from support.hubs import serving
from support.reports import ORDERS, UI, report

PAGE = (Path(__file__).parents[3] / "docs/hub.md").read_text()


def test_every_metric_is_in_the_docs() -> None:
    named = {
        name
        for module in (metrics, traffic)
        for name in re.findall(r'"(fairway_hub_[a-z_]+)"', Path(module.__file__ or "").read_text())
    }
    assert named == {name.removesuffix("_total") for name in re.findall(r"`(fairway_hub_[a-z_]+)", PAGE)}


def test_a_collector_gets_what_a_scraper_would(tmp_path: Path) -> None:
    collector = Collector()
    with collecting(collector), serving(tmp_path, otlp=Of(collector.url), otlp_seconds=0.2) as hub:
        hub.put(report(UI, ORDERS, 8080, Initiator.POD, tx_bytes=700, rx_bytes=300, tx_packets=2, rx_packets=1))
        collector.wait_for(lambda: collector.values().get(("fairway-hub", "fairway_hub_batches")) == 1)
        collector.wait_for(
            lambda: collector.values().get(("fairway-hub", "fairway_hub_traffic_bytes", "inter-zone")) == 1000
        )
    assert collector.values()["fairway-hub", "fairway_hub_otlp_exports", "sent"] > 0
