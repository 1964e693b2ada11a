"""Does the shop work? Every page as a user, every probe as a kubelet, DNS and IPv6 as a pod; all at once."""

import ipaddress
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from fairway.kit.errors import UsageError
from fairway.lab import namespaces, topology
from fairway.lab.apps.web import fetch
from fairway.lab.controller import probe
from fairway.lab.shop import Pod, pods, services

PAGES: Final = (
    ("GET", "/"),
    ("GET", "/home"),
    ("GET", "/catalog"),
    ("GET", "/catalog/3"),
    ("POST", "/cart"),
    ("GET", "/cart"),
    ("GET", "/checkout"),
    ("POST", "/checkout/submit"),
)
PAGES_V6: Final = (("GET", "/"), ("GET", "/catalog"), ("GET", "/checkout"))
ADMIN_PAGES: Final = (("GET", "/topology"), ("GET", "/proxy/orders"))
MIN_SECONDS: Final = 1.0
MAX_SECONDS: Final = 60.0
NAME_ASKED: Final = "orders.orders.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing tried: whether it worked, in how many seconds, and if not why."""

    name: str
    ok: bool
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Something to try from inside a namespace; `run` returns why it did not work, or nothing."""

    name: str
    netns: str
    run: Callable[[], str]


def check(lab: str, topology_pages: bool, timeout: float) -> list[CheckResult]:
    """Try everything at the same time, within `timeout` seconds for all."""
    if not MIN_SECONDS <= timeout <= MAX_SECONDS:
        raise UsageError(f"timeout `{timeout:g}`: give {MIN_SECONDS:g} to {MAX_SECONDS:g} seconds")
    return ask(questions(lab, topology_pages, timeout - 0.5), timeout)


def questions(lab: str, topology_pages: bool, timeout: float) -> list[Question]:
    """Everything the check tries."""
    users = topology.netns(lab, "internet")
    v4, v6 = topology.BALANCER[0], f"[{topology.BALANCER[1]}]"
    pages = [*PAGES, *(ADMIN_PAGES if topology_pages else ())]
    asked = [Question(f"{m} {p}", users, partial(page, v4, m, p, timeout)) for m, p in pages]
    asked += [Question(f"{m} {p} over IPv6", users, partial(page, v6, m, p, timeout)) for m, p in PAGES_V6]
    nodes = {node.name: node.netns for node in topology.nodes(lab)}
    placed = pods()
    asked += [Question(f"probe {p.title}", nodes[p.node], partial(probe, p)) for p in placed]
    inside = _first(placed, "ui").attachment(lab).netns
    catalog = services()["catalog", "catalog"].service
    address = catalog.addresses["IPv6"] if catalog else ""
    return [
        *asked,
        Question("DNS over UDP from a pod", inside, partial(look_up, topology.CLUSTER_DNS[0], False, timeout)),
        Question("DNS over TCP from a pod", inside, partial(look_up, topology.CLUSTER_DNS[0], True, timeout)),
        Question("DNS over UDP and IPv6", inside, partial(look_up, topology.CLUSTER_DNS[1], False, timeout)),
        Question("Service over IPv6", inside, partial(page, f"[{address}]", "GET", "/catalog/products", timeout)),
    ]


def _first(placed: Sequence[Pod], name: str) -> Pod:
    return next(pod for pod in placed if pod.workload.name == name)


def ask(asked: Sequence[Question], timeout: float) -> list[CheckResult]:
    """Try all at the same time; what has not ended at the timeout counts as failed. In the order asked."""
    results: dict[str, CheckResult] = {}
    started = time.monotonic()
    threads = [threading.Thread(target=_answer, args=(q, results), daemon=True) for q in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, started + timeout - time.monotonic()))
    late = f"no answer in {timeout:.1f} s"
    return [results.get(q.name) or CheckResult(q.name, False, timeout, late) for q in asked]


def _answer(question: Question, results: dict[str, CheckResult]) -> None:
    started = time.monotonic()
    try:
        namespaces.enter(question.netns)
        problem = question.run()
    except OSError as error:
        problem = str(error) or type(error).__name__
    results[question.name] = CheckResult(question.name, not problem, time.monotonic() - started, problem)


def page(host: str, method: str, path: str, timeout: float) -> str:
    """Open a page; why it failed, or nothing."""
    status, body = fetch(f"http://{host}{path}", method=method, body=b"{}" * (method == "POST"), timeout=timeout)
    return "" if status == 200 else f"{status} {body[:200].decode(errors='replace')}"


def look_up(server: str, tcp: bool, timeout: float, port: int = 53) -> str:
    """Ask a DNS server for the address of a Service (RFC 1035); why it failed, or nothing."""
    query = _query(NAME_ASKED)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as link:
        link.settimeout(timeout)
        link.connect((server, port))
        link.sendall(struct.pack("!H", len(query)) + query if tcp else query)
        answer = link.recv(4096)[2 * tcp :]
    expected = services()["orders", "orders"].service
    if answer[:2] != query[:2] or not expected:
        return "another query's answer"
    if ipaddress.IPv4Address(expected.addresses["IPv4"]).packed not in answer[len(query) :]:
        return f"`{NAME_ASKED}` has not the Service's address"
    return ""


def _query(name: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return secrets.token_bytes(2) + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
