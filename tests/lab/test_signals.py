"""Signals on the lab: a real Prometheus scrapes real agents and the hub; every query of every panel has data."""

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml

from fairway.cli.main import main
from fairway.hub.client import hub_of, read_door
from fairway.lab import namespaces, requirements
from fairway.lab.config import LabConfig
from fairway.lab.crew import METRICS_PORT, Crew
from fairway.lab.lab import Lab
from fairway.lab.runtime import in_netns
from fairway.policy.generate import generate
from fairway.policy.render import render
from support.prometheus import Prometheus, program, prometheus

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(bool(requirements.missing()), reason="; ".join(requirements.missing())),
]

NAME = f"sig{os.getpid()}"
DEPLOY = Path(__file__).parents[2] / "deploy"
PORT, KEEPER, CARDS = 9090, 9091, 9092
ENA = """\
# TYPE fairway_node_allowance_exceeded_packets_total counter
fairway_node_allowance_exceeded_packets_total{node="node-a",interface="eth0",allowance="bw_in"} 1204
fairway_node_allowance_exceeded_packets_total{node="node-a",interface="eth0",allowance="pps"} 3
# TYPE fairway_node_conntrack_allowance_available gauge
fairway_node_conntrack_allowance_available{node="node-a",interface="eth0"} 136812
""" + "".join(
    f'{name}_allowance_exceeded{{instance_id="i-1",eni="eni-1",node="node-a"}} 2\n'
    for name in ("bw_in", "bw_out", "pps", "conntrack", "linklocal")
)
"""What an agent on a machine with Amazon's ENA card says: recorded, as the lab's interfaces count no allowances."""


def until(what: Callable[[], object], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.2)
    return found


def connection(netns: str, port: int) -> http.client.HTTPConnection:
    """To a port of a node's own loopback."""
    sockets: list[socket.socket] = []
    namespaces.inside(netns, lambda: sockets.append(socket.create_connection(("127.0.0.1", port), 30)))
    made = http.client.HTTPConnection("127.0.0.1", port)
    made.sock = sockets[0]
    return made


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    lab = Lab(LabConfig(NAME))
    crew = Crew(lab, compat_window=2.0)
    try:
        lab.up(lambda _: None)
        crew.start()
        crew.caught_up()
        yield crew
    finally:
        crew.stop()
        lab.down()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signals")


@pytest.fixture(scope="module")
def keeper(crew: Crew, folder: Path) -> Iterator[Prometheus]:
    """A second one, which the first writes to."""
    node = crew.lab.nodes[0].netns
    receives = "--web.enable-remote-write-receiver"
    run = partial(connection, node, KEEPER)
    with prometheus(folder / "keeper", {}, tuple(in_netns(node, [])), KEEPER, run, receives) as one:
        until(one.ready)
        yield one


@pytest.fixture(scope="module")
def metrics(crew: Crew, folder: Path, keeper: Prometheus) -> Iterator[Prometheus]:
    """Prometheus with the lab's own settings, but for this lab's paths and time."""
    node, state = crew.lab.nodes[0].netns, crew.state.folder
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    config = json.loads(json.dumps(config).replace("/run/fairway/lab/fairway", str(state)))
    config["global"] = {"scrape_interval": "2s", "evaluation_interval": "2s"}
    config["rule_files"] = [str(DEPLOY / "prometheus/rules.yml")]
    cards = {"targets": [f"127.0.0.1:{CARDS}"]}
    config["scrape_configs"].append({"job_name": "recorded", "honor_labels": True, "static_configs": [cards]})
    config["remote_write"] = [{"url": f"http://127.0.0.1:{KEEPER}/api/v1/write"}]
    (folder / "cards").mkdir()
    (folder / "cards/metrics").write_text(ENA)
    serve = [
        "python3",
        "-m",
        "http.server",
        str(CARDS),
        "--bind",
        "127.0.0.1",
        "--directory",
        str(folder / "cards"),
    ]
    enter, run = tuple(in_netns(node, [])), partial(connection, node, PORT)
    with (
        subprocess.Popen([*enter, *serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as served,
        prometheus(folder / "prometheus", config, enter, PORT, run) as one,
    ):
        try:
            until(one.ready)
            until(lambda: len(one.query("up == 1")) == 5)
            yield one
        finally:
            served.terminate()


def test_everything_is_scraped(metrics: Prometheus, crew: Crew) -> None:
    targets = metrics.get("/api/v1/targets")["activeTargets"]
    assert {(one["labels"]["job"], one["health"]) for one in targets} == {
        ("fairway-agent", "up"),
        ("fairway-hub", "up"),
        ("recorded", "up"),
    }
    pods = metrics.query('fairway_pod_bytes_total{direction="egress"}')
    assert {one["metric"]["namespace"] for one in pods} >= {"ui", "orders", "carts", "kube-system"}
    assert {one["metric"]["node"] for one in pods} == {node.name for node in crew.lab.nodes}
    assert {rule["health"] for rule in until(lambda: evaluated(metrics))} == {"ok"}
    assert not metrics.query('{__name__=~"fairway_.*", exported_node!=""}'), "labels that say whose it is are kept"


@pytest.mark.parametrize(
    "expression",
    [
        'fairway_node_dns_answers_total{code="noerror"}',
        'fairway_node_dns_answers_total{code="nxdomain"}',
        "fairway_pod_dns_questions_total",
        "fairway_pod_dns_answers_total",
        "fairway_node_interface_bytes_total",
        'fairway_hub_traffic_bytes_total{category="inter-zone"}',
        'fairway_hub_traffic_bytes_total{category="cloud service"}',
        "fairway_hub_zone_bytes_total",
        "fairway_hub_new_edges_total",
        "fairway_hub_edge_bytes_total",
        "fairway_agent_waiting_limit_bytes",
        'ingress_bytes{instance_id=~"i-node-.*"}',
    ],
)
def test_the_shop_moves_what_alarms_and_panels_are_about(metrics: Prometheus, expression: str) -> None:
    until(lambda: metrics.value(f"sum({expression})") > 0)


def evaluated(metrics: Prometheus) -> list[dict[str, Any]]:
    """The alarms' rules, once all of them have been looked at."""
    rules = [rule for group in metrics.get("/api/v1/rules")["groups"] for rule in group["rules"]]
    return rules if len(rules) > 20 and all(rule["health"] != "unknown" for rule in rules) else []


def test_series_are_as_many_as_the_docs_say(metrics: Prometheus) -> None:
    """Per pod, per node, per edge: the table of docs/signals.md."""
    page = (DEPLOY.parent / "docs/signals.md").read_text()
    said = {name: int(number) for name, number in re.findall(r"^\| per (\w+) \| (\d+) \|", page, re.MULTILINE)}
    pods = metrics.value("sum(fairway_pods)")
    assert metrics.value('count({__name__=~"fairway_pod_.*"})') == said["pod"] * pods
    edges = metrics.value("count(fairway_hub_edge_bytes_total)")
    assert metrics.value('count({__name__=~"fairway_hub_edge_.*"})') == said["edge"] * edges > 0
    at_hub = metrics.value('count({__name__=~"fairway_hub_agent_.*", node="node-a"})')
    [most] = re.findall(r"^\| per node, at the hub \| (\d+) \|", page, re.MULTILINE)
    assert 0 < at_hub <= int(most)
    for node in ("node-a", "node-b", "node-c"):
        own = (
            f'count({{job="fairway-agent", node="{node}", __name__!~"fairway_pod_.*|(in|e)gress_.*|scrape_.*|up"}})'
        )
        interfaces = metrics.value(
            f'count(count by (interface) (fairway_node_interface_bytes_total{{node="{node}"}}))'
        )
        assert metrics.value(own) <= said["node"] + 8 * interfaces


def test_promtool_finds_nothing_to_mend(crew: Crew) -> None:
    door = read_door(crew.state)
    assert door
    assert door.ca_file
    told = {"Authorization": f"Bearer {Path(door.token_file).read_text()}"}
    trusted = ssl.create_default_context(cafile=door.ca_file)
    of_hub = httpx.get(f"{door.url}/metrics", headers=told, verify=trusted, trust_env=False).text
    agent = connection(crew.lab.nodes[1].netns, METRICS_PORT)
    agent.request("GET", "/metrics")
    of_agent = agent.getresponse().read().decode()
    agent.close()
    assert "fairway_hub_edge_bytes_total" in of_hub
    for text in (of_agent, of_hub):
        command = [program("promtool"), "check", "metrics"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_written_elsewhere_arrives(metrics: Prometheus, keeper: Prometheus) -> None:
    until(lambda: len(keeper.query('up{job=~"fairway-.*"} == 1')) == 4)
    until(lambda: keeper.query("fairway_hub_rows_total") and keeper.query("fairway_node_bytes_total"))


CLOSED = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: orders}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""


def test_an_alarm_fires_and_its_link_shows_why(metrics: Prometheus, crew: Crew, folder: Path) -> None:
    """A policy that keeps orders from its own database."""
    path, state = folder / "closed.yaml", ["--state", str(crew.state.folder)]
    path.write_text(CLOSED)
    assert main(["enforce", str(path), *state]) == 0
    try:
        [alarm] = until(lambda: firing(metrics, "FairwayKnownEdgeDenied"))
    finally:
        assert main(["observe", *state]) == 0
    assert alarm["labels"]["namespace"] == "orders"
    [asked] = parse_qs(urlsplit(alarm["annotations"]["console"]).query)["q"]
    found = until(lambda: hub_of(crew.state).answer("flows", {"q": asked, "since": "15m"})["flows"])
    assert all(row["denied"] for row in found)
    assert {row["server"]["namespace"] for row in found} == {"orders"}
    page = (DEPLOY.parent / alarm["annotations"]["runbook_url"]).read_text()
    assert page.startswith("# FairwayKnownEdgeDenied")


def firing(metrics: Prometheus, name: str) -> list[dict[str, Any]]:
    """Alarms of a name that fire now."""
    alarms = metrics.get("/api/v1/alerts")["alerts"]
    return [one for one in alarms if one["labels"]["alertname"] == name and one["state"] == "firing"]


@pytest.fixture(scope="module")
def rollout(crew: Crew, folder: Path) -> None:
    """Policies on trial, by a rollout: panels of these have something to show."""
    made = folder / "policies"
    made.mkdir()
    for name, content in render(generate(crew.edges(), crew.cluster())).items():
        (made / name).write_text(content)
    words = [
        "rollout",
        "start",
        "signals",
        "--policies",
        str(made),
        "--posture",
        "deny",
        "--score",
        "0",
        "--quiet",
        "1h",
    ]
    assert main([*words, "--state", str(crew.state.folder)]) == 0


def panels() -> list[tuple[str, str, str]]:
    found = []
    for path in sorted((DEPLOY / "helm/fairway/files/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            found += [
                (path.stem, panel["title"], target["expr"])
                for target in panel.get("targets", ())
                if "expr" in target
            ]
    return found


CHOSEN = {"$__rate_interval": "30s", "$node": ".*", "$namespace": ".*", "$pod": ".*", "$price": "0.02"}


def test_every_query_of_every_panel_has_data(metrics: Prometheus, rollout: None) -> None:
    """The ENA card's are of a recording; all others are the lab's own."""
    waiting = {(board, title, query) for board, title, query in panels()}
    assert len(waiting) > 60

    def asked(query: str) -> str:
        for name, value in CHOSEN.items():
            query = query.replace(name, value)
        return query

    def some_left() -> bool:
        waiting.difference_update([one for one in waiting if metrics.query(asked(one[2]))])
        return not waiting

    try:
        until(some_left, 60)
    except AssertionError:
        pytest.fail("\n".join(" ".join(one) for one in sorted(waiting)))
