"""The agent and the world beyond its node, on real packets: hub, metrics, a terminal, signals."""

import contextlib
import http.client
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.kit.openmetrics import OPENMETRICS
from fairway.wire import batch as wire
from fairway.wire.protocol import BatchId
from fairway.wire.rules import NodeFeed, NodePod, RuleTable
from fairway.wire.words import Initiator
from support.collector import Collector, collecting
from support.hub import TOKEN, Certificates, Hub, serving
from support.net import Net, net
from support.prometheus import program

EXCHANGE = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as c:
    for line in sys.stdin if len(sys.argv) > 3 else "x":
        c.sendall(b"question")
        c.recv(100)
        print("answered", flush=True)
"""
ANSWER = """
import socket, sys, threading
def answer(c):
    with c:
        while c.recv(100):
            c.sendall(b"answer")
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("up", flush=True)
while True:
    threading.Thread(target=answer, args=(s.accept()[0],), daemon=True).start()
"""


class Stage:
    """A node with two pods, a hub in the node's namespace, and an agent process."""

    def __init__(self, made: Net, folder: Path) -> None:
        self.net, self.folder = made, folder
        self.pins = ROOT / made.node.namespace
        self.hub = Hub()
        self.certificates = Certificates(folder)
        self.log = folder / "log"
        self.agent: subprocess.Popen[str] | None = None
        (folder / "token").write_text(TOKEN)

    @property
    def pods(self) -> tuple[NodePod, ...]:
        return tuple(NodePod(f"uid-{i}", "test", f"pod-{i}", (p.v4, p.v6)) for i, p in enumerate(self.net.pods))

    def feed(self, revision: int = 1) -> None:
        self.hub.tell(NodeFeed("node-a", self.pods, RuleTable(revision, local=(self.net.node.v4,))))

    def serving(self, port: int = 0) -> contextlib.AbstractContextManager[Hub]:
        return serving(self.hub, self.certificates.make("good", days=2), port, self.net.node.inside)

    def start(self, *options: str) -> None:
        base = [
            "--node",
            "node-a",
            "--interval",
            "0.3",
            "--pins",
            str(self.pins),
            "--spool",
            str(self.folder / "spool"),
        ]
        base += ["--hub", self.hub.url, "--token-file", str(self.folder / "token")]
        self.spawn(*base, "--ca-file", str(self.certificates.authority), *options)

    def spawn(self, *options: str, **redirected: object) -> None:
        with self.log.open("a") as log:
            command = [sys.executable, "-m", "fairway.cli.main", "agent", *options]
            self.agent = self.net.node.start(*command, stderr=log, **redirected)

    def end(self, number: int = signal.SIGTERM) -> None:
        """Two seconds are promised, and measured by the benchmark; a busy machine may take longer."""
        assert self.agent
        self.agent.send_signal(number)
        self.agent.wait(20)
        if self.agent.stdout:
            self.agent.stdout.close()
        self.agent = None

    def said(self, part: str) -> None:
        wait_for(lambda: part in self.log.read_text(), f"`{part}` in {self.log.read_text()}")

    @contextlib.contextmanager
    def server(self, port: int = 8080) -> Iterator[None]:
        host = self.net.pods[1]
        process = host.start(sys.executable, "-u", "-c", ANSWER, host.v4, str(port), stdout=subprocess.PIPE)
        try:
            assert process.stdout
            assert process.stdout.readline() == "up\n"
            yield
        finally:
            process.kill()
            process.communicate()

    def talk(self, port: int = 8080, times: int = 1) -> None:
        for _ in range(times):
            self.net.pods[0].run(sys.executable, "-c", EXCHANGE, self.net.pods[1].v4, str(port))

    @contextlib.contextmanager
    def talking(self, port: int = 8080) -> Iterator[Callable[[], None]]:
        """A connection that stays open; the function exchanges a few bytes over it."""
        command = [sys.executable, "-u", "-c", EXCHANGE, self.net.pods[1].v4, str(port), "on"]
        client = self.net.pods[0].start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert client.stdin
        assert client.stdout

        def exchange() -> None:
            print("go", file=client.stdin, flush=True)
            assert client.stdout.readline() == "answered\n"

        try:
            yield exchange
        finally:
            client.communicate()

    def batches(self, *, waiting: bool = False) -> list[wire.Batch]:
        """What the hub has, and what waits in the spool if that is asked for."""
        kept = dict(self.hub.kept)
        for path in self.spool() if waiting else ():
            with contextlib.suppress(FileNotFoundError):
                batch = wire.decode(path.read_bytes())
                kept[BatchId("node-a", batch.header.boot, batch.header.sequence)] = batch
        return list(kept.values())

    def spool(self) -> list[Path]:
        return list((self.folder / "spool").glob("*.arrow"))

    def rows(self, *kinds: int, **options: bool) -> NDArray[np.void]:
        rows = np.concatenate([np.zeros(0, wire.RECORD), *(batch.rows for batch in self.batches(**options))])
        return rows[np.isin(rows["kind"], kinds or (wire.FLOW, wire.REST))]

    def told(self, **options: bool) -> int:
        """Packets in all batches."""
        rows = self.rows(**options)
        return int(rows["tx_packets"].sum() + rows["rx_packets"].sum())

    def counted(self, **options: bool) -> int:
        """Packets that the kernel counted, as the latest batch says."""
        return max((batch.header.packets for batch in self.batches(**options)), default=0)

    def all_told(self, **options: bool) -> bool:
        return self.told(**options) == self.counted(**options) > 0

    def attached(self) -> None:
        """Wait until the agent counts both pods' packets."""
        wait_for(
            lambda: self.talk() or {0, 1} <= set(self.rows(wire.FLOW, wire.EDGE, waiting=True)["pod"].tolist())
        )

    def scrape(self, port: int, accept: str = OPENMETRICS) -> str:
        found: list[str] = []

        def get() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/metrics", headers={"Accept": accept})
            found.append(connection.getresponse().read().decode())
            connection.close()

        self.net.node.inside(get)
        return found[0]


def wait_for(what: Callable[[], object], why: str = "did not happen in time", seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.02)


@pytest.fixture
def stage(kernel: Kernel, tmp_path: Path) -> Iterator[Stage]:
    with net() as made:
        stage = Stage(made, tmp_path)
        try:
            yield stage
        finally:
            if stage.agent:
                stage.end(signal.SIGKILL)
            shutil.rmtree(stage.pins, ignore_errors=True)


def test_over_tls_and_the_last_interval_arrives_before_the_end(stage: Stage) -> None:
    stage.feed()
    with stage.serving():
        stage.start("--interval", "60", "--top", "1")
        with stage.server(), stage.server(9090):
            stage.attached()
            stage.talk(9090)
            wait_for(lambda: {8080, 9090} <= {int(row["port"]) for row in stage.rows(wire.EDGE)})
        stage.end()
        assert stage.all_told()
        assert stage.spool() == []
        assert stage.log.read_text().endswith("fairway agent: stopped; enforcement goes on\n")
        stage.start("--detach")
        wait_for(lambda: len({one.header.boot for one in stage.batches()}) == 2)
        stage.end()
    assert stage.log.read_text().endswith("fairway agent: stopped; nothing is left in force\n")
    assert "hub" not in stage.log.read_text()
    assert not (stage.folder / "spool").exists()
    assert not stage.pins.exists()


def test_a_hub_that_dies_and_an_agent_that_is_killed_lose_and_double_nothing(stage: Stage) -> None:
    stage.feed()
    with stage.server():
        with stage.serving():
            port = int(stage.hub.url.rpartition(":")[2])
            stage.start("--timeout", "1")
            stage.attached()
            stage.hub.misbehave += ["lost", "500", "hang", "garbage"]
            stage.talk(times=3)
        stage.talk(times=3)
        stage.said("Connection refused; batches wait in the spool")
        stage.said("the last rules stay in force")
        # Killed between noting what it told and sending it, it would take that interval with it.
        wait_for(lambda: stage.all_told(waiting=True))
        stage.end(signal.SIGKILL)
        stage.talk(times=2)
        stage.start("--timeout", "1")
        wait_for(lambda: len({batch.header.boot for batch in stage.batches(waiting=True)}) == 2)
        with stage.serving(port):
            wait_for(lambda: stage.all_told() and not stage.spool(), seconds=30)
            stage.end()
            assert stage.all_told()
    assert len({identity.boot for identity in stage.hub.kept}) == 2
    second = [batch for batch in stage.hub.kept.values() if len(batch.rows)][-1]
    assert second.header.pods, "it knew its pods from the last time"


def test_a_hub_that_hangs_holds_up_nobody_at_the_end(stage: Stage) -> None:
    stage.feed()
    with stage.serving(), stage.server():
        stage.start("--timeout", "60")
        stage.attached()
        stage.hub.misbehave += ["hang"] * 10
        stage.hub.wait_for(lambda: len(stage.hub.misbehave) < 10)
        stage.end()
        assert stage.spool(), "what the hub did not take waits for the next start"
        assert stage.all_told(waiting=True)


def test_connections_older_than_the_agent_are_told_however_few_the_top_are(stage: Stage) -> None:
    stage.feed()
    with stage.server(), stage.server(40000), stage.talking() as well_known, stage.talking(40000) as odd:
        well_known(), odd()
        with stage.serving():
            stage.start("--top", "0")
            stage.attached()
            well_known(), odd()
            wait_for(lambda: {8080, 40000} <= {int(row["port"]) for row in stage.rows(wire.EDGE)})
            wait_for(lambda: stage.all_told())
        assert len(stage.rows(wire.FLOW)) == 0
    edges = {(int(r["pod"]), int(r["port"])): Initiator(int(r["initiator"])) for r in stage.rows(wire.EDGE)}
    assert edges[0, 8080] == Initiator.POD
    assert edges[1, 8080] == Initiator.REMOTE
    assert edges[1, 40000] == Initiator.REMOTE, "somebody listens there"
    assert Initiator.UNKNOWN in edges.values(), "nobody can tell, from the client's side"


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


CHANGING = (
    "process_",
    "fairway_agent_report",
    "fairway_agent_hub_last",
    "fairway_agent_batches",
    "fairway_agent_sent",
)


def test_metrics_are_exact_and_scraping_changes_nothing(stage: Stage) -> None:
    stage.feed()
    with stage.serving():
        stage.start("--metrics", "127.0.0.1:9410")
        with stage.server():
            stage.attached()
            stage.talk(times=5)
        wait_for(lambda: stage.all_told())
        for name in ("fairway_pod_packets_total", "fairway_node_packets_total"):
            wait_for(lambda name=name: stage.counted() == sum_of(stage, name))
        first, second = (samples(stage.scrape(9410)) for _ in range(2))
        still = {key: value for key, value in first.items() if not key[0].startswith(CHANGING)}
        assert still == {key: second[key] for key in still}
        opened = {
            labels: value for (name, labels), value in first.items() if name == "fairway_pod_connections_total"
        }
        told = stage.rows(wire.FLOW)
        assert sum(opened.values()) == told["connections"].sum() >= 10


def sum_of(stage: Stage, name: str) -> float:
    return sum(value for (found, _), value in samples(stage.scrape(9410)).items() if found == name)


def test_promtool_finds_nothing_to_mend(stage: Stage) -> None:
    promtool = program("promtool")
    stage.feed()
    with stage.serving(), stage.server():
        stage.start("--metrics", "127.0.0.1:9410", "--compat", "aws", "--compat-window", "1")
        stage.attached()
        wait_for(lambda: "ingress_flow" in stage.scrape(9410))
        text = stage.scrape(9410, "text/plain")
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_collector_gets_what_a_scraper_would(stage: Stage) -> None:
    stage.feed()
    collector = Collector()
    with stage.serving(), collecting(collector, stage.net.node.inside):
        stage.start("--otlp", collector.url)
        collector.wait_for(lambda: collector.posted)
    found = collector.values()
    assert {who for who, *_ in found} == {"fairway-agent"}
    assert ("fairway-agent", "fairway_node_dns_answers", "node-a", "noerror") in found
    assert found["fairway-agent", "fairway_agent_waiting_limit_bytes"] == 256 << 20


def test_compatible_metrics_are_of_the_last_full_window(stage: Stage) -> None:
    stage.feed()
    with stage.serving(), stage.server():
        stage.start("--metrics", "127.0.0.1:9410", "--compat", "aws", "--compat-window", "2")
        stage.attached()
        stage.talk(times=4)

        def window() -> dict[str, float]:
            return {
                name: value
                for (name, labels), value in samples(stage.scrape(9410)).items()
                if name.startswith(("ingress_", "egress_")) and ("pod", "pod-1") in labels
            }

        wait_for(lambda: window().get("ingress_flow", 0) >= 4)
        seen = window()
        names = {name for name, _ in samples(stage.scrape(9410)) if name.startswith(("ingress_", "egress_"))}
        assert len(names) == len(seen) == 6
        assert seen["ingress_packets"] > seen["ingress_flow"]
        assert seen["egress_flow"] == 0
        wait_for(lambda: set(window().values()) == {0}, "an idle window has zeros")


def test_flows_as_json_lines_without_hub_or_names(stage: Stage) -> None:
    with stage.server():
        stage.spawn("--node", "a", "--stdout", "--interval", "0.3", stdout=subprocess.PIPE)
        stage.said("node a")
        assert stage.agent
        assert stage.agent.stdout
        lines: list[dict[str, object]] = []
        while not any(line["kind"] == "flow" and line.get("connections") for line in lines):
            stage.talk()
            lines.append(json.loads(stage.agent.stdout.readline()))
        flow = next(line for line in lines if line["kind"] == "flow")
        assert {flow["pod"]} <= {"pod0", "pod1"}
        assert (flow["port"], flow["protocol"]) == (8080, "TCP")
        assert flow["initiator"] == {"pod0": "pod", "pod1": "remote"}[str(flow["pod"])]
        ends = [host.v4 for host in stage.net.pods]
        assert [flow["pod_address"], flow["remote_address"]] == (ends if flow["pod"] == "pod0" else ends[::-1])
        stage.end()
    assert stage.log.read_text().endswith("nothing is left in force\n")


def test_sighup_reads_the_settings_again(stage: Stage) -> None:
    stage.feed()
    settings = stage.folder / "agent.yaml"
    settings.write_text("top: 5\n")
    with stage.serving():
        stage.start("--config", str(settings))
        stage.said("node node-a")
        settings.write_text("tpo: 7\n")
        assert stage.agent
        stage.agent.send_signal(signal.SIGHUP)
        stage.said("tpo: unknown setting; did you mean `top`?; the settings before stay in force")
        settings.write_text("top: 0\nhook: clsact\nmetrics: 127.0.0.1:9410\n")
        stage.agent.send_signal(signal.SIGHUP)
        stage.said("`hook` changes with the next start only")
        stage.said("settings read anew")
        before = len(stage.rows(wire.FLOW))
        with stage.server():
            stage.attached()
        wait_for(lambda: stage.all_told())
        assert len(stage.rows(wire.FLOW)) == before, "top is 0 now"
        assert "fairway_pods{" in stage.scrape(9410)
        stage.end()
