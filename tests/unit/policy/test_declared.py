"""Services that values name."""

import pytest

from fairway.policy.declared import Reference, references
from fairway.policy.model import Service

SERVICES = {
    (home, name): Service(home, name) for home, name in (("orders", "orders"), ("orders", "db"), ("ui", "ui"))
}
ORDERS = Reference("orders", "orders")


def found(value: str, home: str = "orders") -> list[Reference]:
    return list(references([value], home, SERVICES))


@pytest.mark.parametrize(
    ("value", "home", "expected"),
    [
        ("http://orders.orders", "ui", [ORDERS]),
        ("http://orders.orders:80/path", "ui", [Reference("orders", "orders", 80)]),
        ("orders.orders.svc", "ui", [ORDERS]),
        ("orders.orders.svc.cluster.local", "ui", [ORDERS]),
        ("orders.orders.svc.cluster.local.", "ui", [ORDERS]),
        ("--upstream=orders.orders:8080,ui.ui", "x", [Reference("orders", "orders", 8080), Reference("ui", "ui")]),
        ("HTTP://ORDERS.ORDERS", "ui", [ORDERS]),
        ("postgres://user:p@db:5432/orders", "orders", [Reference("orders", "db", 5432)]),
        ("jdbc:postgresql://db/orders", "orders", [Reference("orders", "db")]),
        ("db:5432", "orders", [Reference("orders", "db", 5432)]),
        ("db", "orders", [Reference("orders", "db", None, sure=False)]),
        ("db-0.db:5432", "orders", [Reference("orders", "db", 5432)]),
        ("db-0.db.orders.svc.cluster.local", "ui", [Reference("orders", "db")]),
        ("db", "ui", []),
        ("http://db", "ui", []),
        ("the db is down", "orders", []),
        ("dbx:5432", "orders", []),
        ("http://orders.example.com", "ui", []),
        ("orders.other", "ui", []),
        ("", "orders", []),
        ("a" * 100_000 + " db:5432", "orders", []),
    ],
)
def test_references(value: str, home: str, expected: list[Reference]) -> None:
    assert found(value, home) == expected
