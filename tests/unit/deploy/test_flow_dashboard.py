"""The dashboard for ClickHouse: every query, as Grafana sends it, has data in the hub's own tables."""

import json
import re
from pathlib import Path

from fairway.wire.words import Initiator, Verdict
from support.hubs import serving
from support.reports import DB, ORDERS, UI, report

BOARD = json.loads((Path(__file__).parents[3] / "deploy/helm/fairway/files/dashboards/flows.json").read_text())
MACROS = {
    # What Grafana's data source for ClickHouse makes of them.
    r"\$__timeFilter\((\w+)\)": r"\1 >= toDateTime(1780000000) AND \1 <= toDateTime(1800000000)",
    r"\$__timeInterval\((\w+)\)": r"toStartOfInterval(toDateTime(\1), INTERVAL 60 second)",
    r"\$\{namespace:singlequote\}": "'ui','orders'",
}
MOVED = {"tx_bytes": 1000, "rx_bytes": 4000, "tx_packets": 10, "rx_packets": 12, "connections": 2}


def test_every_query_has_data(tmp_path: Path) -> None:
    queries = [target["rawSql"] for panel in BOARD["panels"] for target in panel.get("targets", ())]
    queries += [one["query"] for one in BOARD["templating"]["list"] if one["type"] == "query"]
    assert len(queries) == 7
    with serving(tmp_path) as hub:
        hub.put(
            report(UI, ORDERS, 8080, Initiator.POD, retransmissions=3, failed=1, **MOVED),
            report(DB, UI, 5432, Initiator.REMOTE, verdict=Verdict.DENY, denied=9, connections=1),
        )
        for query in queries:
            for macro, meaning in MACROS.items():
                query = re.sub(macro, meaning, query)
            # Not the hub's own settings: a person's Grafana has none of them.
            found = hub.answers.hub._database.query(query).to_pylist()
            assert found, query
            if "AS edge" in query:
                assert found[0] == {
                    "edge": "ui/Pod/ui-1 to orders/Pod/orders-1:8080",
                    **{"bytes": 5000, "opened": 2, "again": 3, "failing": 1},
                }
