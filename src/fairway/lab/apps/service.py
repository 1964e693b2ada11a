"""`service ROLE`: one of the shop's five services, on port 8080; its peers come from the environment."""

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from fairway.lab.apps import lines
from fairway.lab.apps.broker import Connection
from fairway.lab.apps.web import Reply, Request, fetch, server, told

PORT: Final = 8080
CALL_SECONDS: Final = 1.5
READY_SECONDS: Final = 0.8
PRODUCTS: Final = 12
PEERS: Final = ("catalog", "carts", "checkout", "orders")


class Dependency:
    """Something a service cannot do without. At most one check is under way, however often it is asked for."""

    def __init__(self, name: str, check: Callable[[], object]) -> None:
        self.name = name
        self._check = check
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._done.set()
        self._ok = False

    def start(self) -> None:
        """Begin a check, unless one is still under way."""
        with self._lock:
            if self._done.is_set():
                self._done.clear()
                threading.Thread(target=self._run, daemon=True).start()

    def ok(self, deadline: float) -> bool:
        """The check's result, or False when there is none at the deadline (monotonic seconds)."""
        return self._done.wait(max(0.0, deadline - time.monotonic())) and self._ok

    def _run(self) -> None:
        try:
            self._ok = self._check() is not False
        except OSError:
            self._ok = False
        finally:
            self._done.set()


class Service:
    """What the five have in common: readiness by their dependencies, metrics, a page that tells their peers."""

    def __init__(self, role: str, env: Mapping[str, str]) -> None:
        self.role, self.env = role, env
        self.dependencies: list[Dependency] = []
        self.counts: Counter[str] = Counter()

    def answer(self, request: Request) -> Reply:
        path = request.path
        if path in ("/health", "/actuator/health/readiness"):
            return self.ready()
        if path == "/live":
            return told(200, {"status": "UP"})
        if path == "/metrics":
            return self.metrics()
        self.counts["requests"] += 1
        try:
            reply = self.page(request)
        except OSError as error:
            reply = told(502, {"service": self.role, "error": str(error) or type(error).__name__})
        self.counts["errors"] += reply.status >= 500
        return reply

    def page(self, request: Request) -> Reply:
        """Answer what is this service's own; OSError when a peer does not answer."""
        raise NotImplementedError

    def ready(self) -> Reply:
        deadline = time.monotonic() + READY_SECONDS
        for dependency in self.dependencies:
            dependency.start()
        states = {d.name: "UP" if d.ok(deadline) else "DOWN" for d in self.dependencies}
        up = "DOWN" not in states.values()
        return told(200 if up else 503, {"status": "UP" if up else "DOWN", "components": states})

    def metrics(self) -> Reply:
        text = "".join(f"shop_{name}_total {count}\n" for name, count in sorted(self.counts.items()))
        return Reply(200, text.encode(), "text/plain; version=0.0.4")

    def call(self, peer: str, path: str, method: str = "GET", body: bytes = b"") -> bytes:
        """A call to the peer named in the environment; OSError unless it succeeds."""
        status, content = fetch(
            self.env[f"ENDPOINTS_{peer.upper()}"] + path, method=method, body=body, timeout=CALL_SECONDS
        )
        if status >= 400:
            raise ConnectionError(f"{peer} answered {status} to {path}")
        return content

    def needs_peer(self, peer: str) -> None:
        url = self.env[f"ENDPOINTS_{peer.upper()}"] + "/live"
        self.dependencies.append(Dependency(peer, lambda: fetch(url, timeout=READY_SECONDS)[0] == 200))

    def needs_database(self) -> None:
        self.dependencies.append(Dependency("database", lambda: self.query("PING", READY_SECONDS)))

    def query(self, line: str, timeout: float = CALL_SECONDS) -> str:
        host, _, port = self.env["PERSISTENCE_ENDPOINT"].removeprefix("redis://").rpartition(":")
        return lines.ask(host, int(port), line, timeout)


class Ui(Service):
    """The pages that people see."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__("ui", env)
        for peer in PEERS[:3]:  # not orders: no page that people use needs it
            self.needs_peer(peer)

    def page(self, request: Request) -> Reply:
        path = request.path
        if path in ("/", "/home"):
            return self._page("home", ("catalog", "/catalog/products"), ("carts", "/carts/guest"))
        if path.startswith("/catalog"):
            item = path.removeprefix("/catalog").strip("/")
            return self._page(
                "catalog", ("catalog", f"/catalog/products/{item}".rstrip("/")), ("carts", "/carts/guest")
            )
        if path == "/cart":
            return self._cart(request)
        if path == "/checkout":
            return self._page("checkout", ("carts", "/carts/guest"), ("checkout", "/checkout/guest"))
        if path == "/checkout/submit" and request.method == "POST":
            return Reply(200, self.call("checkout", "/checkout/guest/submit", "POST", request.body))
        if path == "/topology":
            return self._page(
                "topology", *((peer, "/topology") for peer in ("catalog", "carts", "checkout", "orders"))
            )
        if path == "/proxy/orders":
            return Reply(200, self.call("orders", "/orders"))
        return told(404, {"error": f"no page {path}"})

    def _cart(self, request: Request) -> Reply:
        if request.method == "POST":
            return Reply(200, self.call("carts", "/carts/guest/items", "POST", request.body))
        return self._page("cart", ("carts", "/carts/guest"))

    def _page(self, title: str, *calls: tuple[str, str]) -> Reply:
        with ThreadPoolExecutor(len(calls)) as pool:
            parts = list(pool.map(lambda call: self.call(*call), calls))
        return told(200, {"page": title, "parts": [json.loads(part) for part in parts]})


class Catalog(Service):
    """The products, kept in MySQL."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__("catalog", env)
        self.needs_database()

    def page(self, request: Request) -> Reply:
        if request.path == "/topology":
            return told(200, {"service": "catalog", "persistence": "mysql"})
        item = request.path.removeprefix("/catalog/products").strip("/")
        if not item:
            return told(200, [{"id": str(n), "row": self.query(f"GET {n}")} for n in range(1, 3)])
        if not item.isdigit() or not 1 <= int(item) <= PRODUCTS:
            return told(404, {"error": f"no product {item}"})
        return told(200, {"id": item, "row": self.query(f"GET {item}")})


class Carts(Service):
    """What a visitor has chosen, kept in DynamoDB, the AWS service."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__("carts", env)
        self._table = env["DYNAMODB_ENDPOINT"] + "/tables/carts"
        self.dependencies.append(
            Dependency("dynamodb", lambda: fetch(self._table, timeout=READY_SECONDS)[0] == 200)
        )

    def page(self, request: Request) -> Reply:
        if request.path == "/topology":
            return told(200, {"service": "carts", "persistence": "dynamodb"})
        status, content = fetch(self._table, method="POST", body=request.body or b"{}", timeout=CALL_SECONDS)
        return Reply(status, content)


class Checkout(Service):
    """Turns a cart into an order: kept in Redis until submitted, then paid and handed to orders."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__("checkout", env)
        self.needs_database()

    def page(self, request: Request) -> Reply:
        if request.path == "/topology":
            return told(200, {"service": "checkout", "persistence": "redis"})
        if request.path.endswith("/submit"):
            return self._submit(request.body)
        return told(200, {"stored": self.query("PUT guest checkout"), "cart": self.query("GET guest")})

    def _submit(self, body: bytes) -> Reply:
        status, _ = fetch(self.env["PAYMENTS_ENDPOINT"] + "/charge", method="POST", body=body, timeout=CALL_SECONDS)
        if status != 200:
            raise ConnectionError(f"payments answered {status}")
        return Reply(200, self.call("orders", "/orders", "POST", body))


class Orders(Service):
    """Keeps orders in PostgreSQL, tells the broker and the ERP on premises."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__("orders", env)
        self.needs_database()
        host, _, port = env["MESSAGING_RABBITMQ_ADDRESSES"].rpartition(":")
        self.broker = Connection(host, int(port))
        self.broker.start()
        self.dependencies.append(Dependency("rabbitmq", lambda: self.broker.fresh))

    def page(self, request: Request) -> Reply:
        if request.path == "/topology":
            return told(200, {"service": "orders", "persistence": "postgresql", "messaging": "rabbitmq"})
        if request.path == "/connections":
            return told(200, [self.broker.told()])
        if request.method == "POST":
            self.query("PUT order placed")
            self.broker.publish("order placed")
            fetch(self.env["ERP_ENDPOINT"] + "/orders", method="POST", body=request.body, timeout=CALL_SECONDS)
        return told(200, {"order": self.query("GET order")})


ROLES: Final[Mapping[str, Callable[[Mapping[str, str]], Service]]] = {
    "ui": Ui,
    "catalog": Catalog,
    "carts": Carts,
    "checkout": Checkout,
    "orders": Orders,
}


def main(role: str) -> None:
    """Serve one role until killed."""
    server(PORT, ROLES[role](os.environ).answer).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
