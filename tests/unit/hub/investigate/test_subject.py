"""What people and alarms call a thing, and which flows that means."""

import pytest

from fairway.hub.anomalies.book import Anomaly
from fairway.hub.database.conditions import FLOW_COLUMNS, Conditions
from fairway.hub.investigate.subject import Subject, about, subject_of
from fairway.kit.errors import UsageError
from fairway.signals.finding import Finding

FOUND = Finding(
    kind="volume", subject="shop/ui -> shop/db 5432/TCP", client="shop/ui", server="shop/db", port=5432,
    protocol="TCP", hour=497_000, what="much", compared="little", sure=0.7,
)  # fmt: skip
ANOMALY = Anomaly(id="0a1b2c3d", finding=FOUND, since=497_000, last=497_000)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("shop/ui", Subject(client="shop/ui")),
        ("shop/ui -> shop/db", Subject(client="shop/ui", server="shop/db")),
        ("shop/ui->shop/db 5432/TCP", Subject(client="shop/ui", server="shop/db", port=5432, protocol="TCP")),
        ("shop/ui -> outside", Subject(client="shop/ui", server="outside")),
        ("shop/ui -> 203.0.113.0/24 443/TCP",
         Subject(client="shop/ui", server="203.0.113.0/24", port=443, protocol="TCP")),
        ("shop/db 5432/TCP", Subject(server="shop/db", port=5432, protocol="TCP")),
        ("node node-a", Subject(node="node-a")),
        ("0a1b2c3d", Subject(client="shop/ui", server="shop/db", port=5432, protocol="TCP", hour=497_000)),
        ('FairwayDnsFailures{namespace="shop", workload="Deployment/ui"}', Subject(client="shop/ui")),
        ('KubePodCrashLooping{namespace="shop",pod="ui-9gxgmcwsx7-mqnpg"}', Subject(client="shop/ui")),
        ('KubePodCrashLooping{namespace="shop",pod="db-0"}', Subject(client="shop/db")),
        ('FairwayNewEdge{client="shop/ui",server="shop/db"}', Subject(client="shop/ui", server="shop/db")),
        ('Rate{client_namespace="shop",client="Deployment/ui",server_namespace="data",server="db"}',
         Subject(client="shop/ui", server="data/db")),
        ('NodeDown{instance="node-a:9100"}', Subject(node="node-a")),
    ],
)  # fmt: skip
def test_what_a_text_means(text: str, meant: Subject) -> None:
    assert subject_of(text, [ANOMALY]) == meant


@pytest.mark.parametrize(
    "text", ["", "ui", "->", "a -> ", "Alert{}", 'Alert{severity="page"}', "x" * 2000, "a b c"]
)
def test_what_means_nothing_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UsageError, match="write `namespace/workload`"):
        subject_of(text, [])


def test_a_client_is_asked_of_the_service_that_it_dials() -> None:
    """Its agent does not know what is behind it."""
    where = Conditions(FLOW_COLUMNS)
    meant = Subject(client="shop/ui", server="shop/db")
    sql = where.sql(about(meant, {"shop/db:5432": ("shop/db", 5432), "shop/ui:80": ("shop/ui", 8080)}))
    assert "service = {" in sql
    assert list(where.parameters.values()) == ["shop", "ui", "shop", "db", "shop", "ui", "shop/db:5432"]
