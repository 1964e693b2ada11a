"""The hub on an API server: reports in, names and rules out, policies on trial judged and told of."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairway.hub.auth import Role
from fairway.hub.client import read_door
from fairway.hub.control import read_feed
from fairway.hub.state import State
from fairway.hub.store import read_edges
from fairway.kube.identity import AUDIENCE
from fairway.wire import batch as wire
from fairway.wire.protocol import CONTENT_TYPE, FLOWS_PATH, BatchId
from fairway.wire.words import Initiator, Mode, Reason, Verdict
from support.apiserver import ApiServerReplay
from support.clustered import ACCOUNT, cluster_of_nodes, hub_on
from support.hubs import until
from support.reports import DB, ORDERS, UI, report


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServerReplay]:
    with cluster_of_nodes(tmp_path) as running:
        yield running


def now() -> int:
    return time.time_ns() // 1000


def staged(name: str, app: str, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "orders"},
        "spec": {"podSelector": {"matchLabels": {"app": app}}, **spec},
    }


def modes(state: State, node: str) -> set[Mode]:
    feed = read_feed(state, node)
    return {mode for pod in feed.table.pods for mode in pod.mode} if feed else set()


def token(audience: str) -> str:
    parts = ({"alg": "none"}, {"aud": [audience]})
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts), "s"])


def test_names_rules_modes_and_trials_come_from_the_cluster(server: ApiServerReplay, tmp_path: Path) -> None:
    with hub_on(server, tmp_path) as (hub, source):
        hub.put(report(ORDERS, UI, 8080, Initiator.REMOTE, at=now()))
        [edge] = read_edges(hub.state.folder)
        assert (edge.client.title, edge.server.title) == ("ui/ui-1", "orders/orders-1")

        # In force is what the cluster says; nothing is judged until a namespace asks for it.
        deny = {"metadata": {"name": "db", "namespace": "orders"}, "spec": {"podSelector": {}, "ingress": []}}
        server.put("networkpolicies", deny)
        until(lambda: hub.answers.hub.orders and hub.answers.hub.orders.active.size == 1)
        assert modes(hub.state, "node-c") <= {Mode.OFF}
        until(lambda: any("ACCEPTED BUT ENFORCED BY NOBODY" in line or "cannot be told" in line
                          for line in hub.answers.hub.warnings()))  # fmt: skip
        labels = {"fairway.dev/mode": "enforce"}
        server.put("namespaces", {"metadata": {"name": "orders", "labels": labels}})
        until(lambda: modes(hub.state, "node-c") == {Mode.ENFORCE})
        assert modes(hub.state, "node-a") <= {Mode.OFF}  # pods of another namespace
        node = server.objects["nodes"]["", "node-c"]
        node["metadata"]["annotations"] = {"fairway.dev/mode": "audit"}
        server.put("nodes", node)
        until(lambda: modes(hub.state, "node-c") == {Mode.AUDIT})

        # A policy on trial is judged beside it, and its status says what it would have denied.
        server.put("stagednetworkpolicies", staged("only-orders", "orders-postgresql", ingress=[]))
        until(lambda: hub.answers.hub.orders and hub.answers.hub.orders.staged)
        feed = read_feed(hub.state, "node-c")
        assert feed is not None
        assert server.objects["stagednetworkpolicies"]["orders", "only-orders"]["metadata"]["generation"] == 1

        def status() -> dict[str, Any]:
            found: dict[str, Any] = server.objects["stagednetworkpolicies"]["orders", "only-orders"].get(
                "status", {}
            )
            return found

        def judged() -> bool:
            source._heard = 0.0  # not only every 15 seconds
            return status().get("observedGeneration") == 1

        until(judged)
        assert status()["wouldDeny"] == 0

        # What agents say that it would deny is named, and by whom.
        denying = {"staged": Verdict.DENY, "staged_reason": Reason.NO_RULE, "connections": 3}
        hub.put(report(DB, UI, 5432, Initiator.REMOTE, at=now(), sequence=2, **denying))
        [denied] = hub.answers.hub.would_deny(datetime.now(UTC) - timedelta(minutes=5))
        assert (denied.subject.title, denied.connections) == ("orders/orders-postgresql-0", 3)
        assert denied.reason.startswith("ingress: orders/db, orders/only-orders isolate orders/orders-postgresql-0")

        # A change that cannot be read is told there; judged goes on what was there before.
        broken = staged(
            "only-orders", "orders-postgresql", ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]}]
        )
        server.put("stagednetworkpolicies", broken)

        def refused() -> bool:
            source._heard = 0.0
            return any(one["reason"] == "Invalid" for one in status().get("conditions", ()))

        until(refused)
        assert "10.0.0.0/99" in status()["conditions"][0]["message"]
        assert hub.answers.hub.orders
        assert hub.answers.hub.orders.staged
        server.put("stagednetworkpolicies", staged("only-orders", "orders-postgresql", ingress=[]))
        until(lambda: not refused())

        # A node that disappears is told nothing any more, and its pods' addresses are nobody's.
        server.delete("nodes", "node-a")
        server.delete("pods", "ui-1", "ui")
        until(lambda: hub.answers.hub.feed("node-a") is None)
        assert hub.answers.hub.feed("node-c") is not None


def test_a_hub_that_starts_anew_goes_on_where_it_was(server: ApiServerReplay, tmp_path: Path) -> None:
    """What changed while it was away is seen, rules never go back, and a trial goes on since when it began."""
    server.put("namespaces", {"metadata": {"name": "orders", "labels": {"fairway.dev/mode": "audit"}}})
    server.put("stagednetworkpolicies", staged("only-orders", "orders-postgresql", ingress=[]))

    def status() -> dict[str, Any]:
        found: dict[str, Any] = server.objects["stagednetworkpolicies"]["orders", "only-orders"].get("status", {})
        return found

    with hub_on(server, tmp_path) as (hub, source):
        until(lambda: setattr(source, "_heard", 0.0) or status().get("since"))
        since, revision = status()["since"], read_feed(hub.state, "node-c").table.revision
    server.delete("pods", "ui-1", "ui")
    server.forget()  # and the versions that it saw are gone
    with hub_on(server, tmp_path) as (hub, source):
        until(lambda: hub.answers.hub.feed("node-a") is not None)
        until(lambda: read_feed(hub.state, "node-a").pods == ())
        assert read_feed(hub.state, "node-c").table.revision >= revision
        until(lambda: setattr(source, "_heard", 0.0) or status().get("observedGeneration") == 1)
        assert status()["since"] == since


def test_an_agents_token_lets_it_speak_for_its_own_node_alone(server: ApiServerReplay, tmp_path: Path) -> None:
    mine = token(AUDIENCE)
    extra = {"authentication.kubernetes.io/node-name": ["node-c"]}
    server.users[mine] = {
        "authenticated": True,
        "user": {"username": ACCOUNT, "extra": extra},
        "audiences": [AUDIENCE],
    }
    person = token("api")
    server.users[person] = {"authenticated": True, "user": {"username": "ann"}, "audiences": ["api"]}
    server.allowed = {("ann", "get", "orders")}
    with hub_on(server, tmp_path) as (hub, _):
        url = hub.door.url

        def asks(path: str, of: str) -> httpx.Response:
            return httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {of}"})

        assert asks("/api/v1/nodes/node-c/feed", mine).status_code == 200
        refused = asks("/api/v1/nodes/node-a/feed", mine)
        assert refused.status_code == 403
        assert "the token is of node `node-c`, not of `node-a`" in refused.text
        batch = report(DB, ORDERS, 5432, Initiator.REMOTE, at=now())  # of node-c's pod
        header = batch.header
        headers = {
            "Authorization": f"Bearer {mine}",
            "Content-Type": CONTENT_TYPE,
            **BatchId("node-a", header.boot, header.sequence).headers(),
        }
        forged = httpx.post(f"{url}{FLOWS_PATH}", content=wire.encode(batch), headers=headers)
        assert forged.status_code == 403
        # People see what they may get, and change nothing without `update`.
        assert asks("/api/v1/me", person).json()["namespaces"] == ["orders"]
        denied = httpx.put(
            f"{url}/api/v1/intent", json={"staged": None}, headers={"Authorization": f"Bearer {person}"}
        )
        assert denied.status_code == 403
        assert asks("/api/v1/me", "no-token-of-anybody").status_code == 401
        server.failing = 10
        assert asks("/api/v1/me", person).status_code == 503


def test_the_program_watches_leads_and_ends(server: ApiServerReplay, tmp_path: Path) -> None:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "fairway"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.access.server}}],
        "users": [{"name": "u", "user": {"token": "hub-token"}}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    state = State(tmp_path / "state")
    command = [sys.executable, "-m", "fairway.cli.main", "hub", "--kube", "--kubeconfig", str(tmp_path / "config")]
    command += ["--state", str(state.folder), "--listen", "127.0.0.1:0", "--mode", "audit", "--memory", "1024"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as hub:
        try:
            until(lambda: read_feed(state, "node-c") and read_door(state), 90)
            lease = server.objects["leases"]["fairway", "fairway-hub"]
            assert lease["spec"]["leaseDurationSeconds"] == 30
            headers = {"Authorization": f"Bearer {state.token(Role.OPERATOR).read_text()}"}
            door = read_door(state)
            assert door
            assert httpx.get(f"{door.url}/readyz").status_code == 200
            told = httpx.get(f"{door.url}/metrics", headers=headers).text
            assert 'fairway_hub_cluster_total{what="lists"} 1' in told
        finally:
            hub.terminate()
            lines = hub.communicate(timeout=60)[1]
    assert hub.returncode == 0, lines
    assert "lease: this hub leads" in lines
    assert server.objects["leases"]["fairway", "fairway-hub"]["spec"]["holderIdentity"] == ""
