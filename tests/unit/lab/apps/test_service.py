import json
import socketserver
import threading
import time
from collections.abc import Callable

import pytest

from fairway.lab.apps import lines, web
from fairway.lab.apps.service import Carts, Catalog, Checkout, Dependency, Orders, Service, Ui
from fairway.lab.apps.web import Reply, Request, told

GET = "GET"
Run = Callable[[socketserver.TCPServer], int]


class Shop:
    """The five services and their databases on loopback ports, wired as their environments say."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.asked: list[str] = []
        database = f"127.0.0.1:{self._run(lines.server(0, 'db'))}"
        cloud = f"http://127.0.0.1:{self.web(self._outside)}"
        orders = Orders(
            {"PERSISTENCE_ENDPOINT": database, "MESSAGING_RABBITMQ_ADDRESSES": database, "ERP_ENDPOINT": cloud}
        )
        self.orders = orders
        checkout = {"PERSISTENCE_ENDPOINT": f"redis://{database}", "PAYMENTS_ENDPOINT": cloud}
        checkout |= self.endpoint("orders", orders)
        env = self.endpoint("catalog", Catalog({"PERSISTENCE_ENDPOINT": database}))
        env |= self.endpoint("carts", Carts({"DYNAMODB_ENDPOINT": cloud}))
        env |= self.endpoint("checkout", Checkout(checkout))
        self.ui = Ui(env | self.endpoint("orders", orders))

    def _outside(self, request: Request) -> Reply:
        self.asked.append(f"{request.method} {request.path}")
        return told(200, {})

    def endpoint(self, name: str, service: Service) -> dict[str, str]:
        return {f"ENDPOINTS_{name.upper()}": f"http://127.0.0.1:{self.web(service.answer)}"}

    def web(self, answer: Callable[[Request], Reply]) -> int:
        return self._run(web.server(0, answer))


@pytest.fixture(scope="module")
def shop(run_for_module: Run) -> Shop:
    built = Shop(run_for_module)
    deadline = time.monotonic() + 10
    while not built.orders.broker.fresh:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return built


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        (GET, "/", 200),
        (GET, "/home", 200),
        (GET, "/catalog", 200),
        (GET, "/catalog/3", 200),
        (GET, "/catalog/99", 502),
        (GET, "/cart", 200),
        ("POST", "/cart", 200),
        (GET, "/checkout", 200),
        ("POST", "/checkout/submit", 200),
        (GET, "/topology", 200),
        (GET, "/proxy/orders", 200),
        (GET, "/actuator/health/readiness", 200),
        (GET, "/metrics", 200),
        (GET, "/nowhere", 404),
    ],
)
def test_pages(shop: Shop, method: str, path: str, status: int) -> None:
    assert shop.ui.answer(Request(method, path, b"{}")).status == status


def test_an_order_is_paid_and_told_to_the_erp(shop: Shop) -> None:
    shop.asked.clear()
    shop.ui.answer(Request("POST", "/checkout/submit", b"{}"))
    assert shop.asked == ["POST /charge", "POST /orders"]


def test_topology_asks_all_four(shop: Shop) -> None:
    page = json.loads(shop.ui.answer(Request(GET, "/topology", b"")).body)
    assert [part["service"] for part in page["parts"]] == ["catalog", "carts", "checkout", "orders"]


def test_orders_tells_its_connection(shop: Shop) -> None:
    (connection,) = json.loads(shop.orders.answer(Request(GET, "/connections", b"")).body)
    assert connection["alive"]


@pytest.mark.parametrize(
    ("service", "down"),
    [
        (Catalog({"PERSISTENCE_ENDPOINT": "127.0.0.1:1"}), {"database"}),
        (Carts({"DYNAMODB_ENDPOINT": "http://127.0.0.1:1"}), {"dynamodb"}),
        (Checkout({"PERSISTENCE_ENDPOINT": "redis://127.0.0.1:1"}), {"database"}),
        (
            Ui({f"ENDPOINTS_{p}": "http://127.0.0.1:1" for p in ("CATALOG", "CARTS", "CHECKOUT", "ORDERS")}),
            {"catalog", "carts", "checkout"},
        ),
    ],
    ids=["catalog", "carts", "checkout", "ui"],
)
def test_a_service_without_its_dependencies_is_unready_and_alive(service: Service, down: set[str]) -> None:
    reply = service.answer(Request(GET, "/health", b""))
    assert reply.status == 503
    components = json.loads(reply.body)["components"]
    assert {name for name, state in components.items() if state == "DOWN"} == down
    assert service.answer(Request(GET, "/live", b"")).status == 200
    assert service.answer(Request(GET, "/metrics", b"")).status == 200


def test_a_page_whose_peer_is_gone_is_a_bad_gateway_and_counted() -> None:
    service = Catalog({"PERSISTENCE_ENDPOINT": "127.0.0.1:1"})
    assert service.answer(Request(GET, "/catalog/products/1", b"")).status == 502
    assert b"shop_errors_total 1\n" in service.metrics().body


def test_a_check_that_hangs_is_not_started_twice() -> None:
    release, started = threading.Event(), []

    def hang() -> bool:
        started.append(1)
        return release.wait(10)

    dependency = Dependency("slow", hang)
    for _ in range(3):
        dependency.start()
        assert not dependency.ok(time.monotonic() + 0.02)
    assert len(started) == 1
    release.set()
    assert dependency.ok(time.monotonic() + 10)
