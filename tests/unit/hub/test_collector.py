"""The collector as a process: reports in, edges and rules out, through changes, mistakes and kill -9."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairway.hub.agents import read_agents
from fairway.hub.collector import Collector, CollectorConfig
from fairway.hub.control import read_feed
from fairway.hub.intent import Intent, PolicyChoice, write_intent
from fairway.hub.state import State
from fairway.hub.store import read_edges, read_flows
from fairway.kit.errors import UsageError
from fairway.wire.words import Initiator, Mode
from support.reports import DB, ORDERS, SECOND, UI, put, report, write_cluster

INTRUDER = "10.0.1.140"


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for a condition; looking costs, so between two looks others may run."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.02)


class Running:
    """A collector in a thread; `lines` is what it logged."""

    def __init__(self, folder: Path) -> None:
        self.state, self.cluster = State(folder / "state"), folder / "cluster"
        write_cluster(self.cluster)
        self.lines: list[str] = []
        self.stop = threading.Event()
        collector = Collector(CollectorConfig(self.state, self.cluster, tick=0.02), None, self.lines.append)
        self.thread = threading.Thread(target=collector.run, args=(self.stop,))
        self.thread.start()
        until(lambda: self.revision("node-c"))

    def revision(self, node: str) -> int:
        feed = read_feed(self.state, node)
        return feed.table.revision if feed else 0

    def told(self, text: str) -> bool:
        return any(text in line for line in self.lines)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    try:
        yield running
    finally:
        running.stop.set()
        running.thread.join()


def now() -> int:
    return time.time_ns() // 1000


def test_reports_become_edges(running: Running) -> None:
    put(running.state.spool, report(ORDERS, UI, 8080, Initiator.REMOTE, connections=2, at=now()))
    until(lambda: read_agents(running.state).agents)
    [edge] = read_edges(running.state.folder)
    assert (edge.client.title, edge.server.title, edge.connections) == ("ui/ui-1", "orders/orders-1", 2)


def test_a_new_pod_is_named_and_handed_to_its_agent(running: Running) -> None:
    write_cluster(running.cluster, intruder=INTRUDER)
    until(lambda: "intruder" in [pod.name for pod in read_feed(running.state, "node-a").pods])
    put(running.state.spool, report(DB, INTRUDER, 5432, Initiator.REMOTE, at=now()))
    until(lambda: read_edges(running.state.folder))
    assert read_edges(running.state.folder)[0].client.title == "dev/intruder"


def test_a_half_written_manifest_keeps_the_last_good_one(running: Running) -> None:
    (running.cluster / "half.yaml").write_text("kind: Pod\nmetadata: {name")
    until(lambda: running.told("half.yaml"))
    put(running.state.spool, report(ORDERS, UI, 8080, Initiator.REMOTE, at=now()))
    until(lambda: read_edges(running.state.folder))
    assert read_edges(running.state.folder)[0].client.title == "ui/ui-1"
    assert len([line for line in running.lines if "half.yaml" in line]) == 1
    (running.cluster / "half.yaml").unlink()
    until(lambda: running.told("cluster: fine again"))


def test_an_intent_is_taken_up_and_a_bad_one_is_not(running: Running, tmp_path: Path) -> None:
    write_intent(running.state, Intent(active=PolicyChoice(posture="deny", nodes=("node-c",))))
    until(lambda: running.revision("node-c") == 2)
    write_intent(running.state, Intent(active=PolicyChoice(policies=str(tmp_path / "nowhere"))))
    until(lambda: running.told("nowhere"))
    feed = read_feed(running.state, "node-c")
    assert (feed.table.revision, feed.table.pods[0].mode[0]) == (2, Mode.ENFORCE)
    running.state.intent.write_text("{")
    until(lambda: running.told("intent.json"))
    write_intent(running.state, Intent())
    until(lambda: running.revision("node-c") == 3)


def test_one_folder_has_one_collector(running: Running) -> None:
    second = Collector(CollectorConfig(running.state, running.cluster), None, pytest.fail)
    with pytest.raises(UsageError, match=f"process {os.getpid()} collects here"):
        second.run(threading.Event())


@contextlib.contextmanager
def process(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "fairway.cli.main", "collect"]
    command += ["--state", str(folder / "state"), "--cluster", str(folder / "cluster")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        except BaseException:
            started.kill()
            raise


def test_sigterm_finishes_the_pass(tmp_path: Path) -> None:
    write_cluster(tmp_path / "cluster")
    put(State(tmp_path / "state").spool, report(ORDERS, UI, 8080, Initiator.REMOTE))
    with process(tmp_path) as collector:
        until(lambda: list((tmp_path / "state").glob("store/*.parquet")))
        collector.send_signal(signal.SIGTERM)
        assert collector.wait(20) == 0
        assert collector.stderr.read().endswith("collector: stopped\n")
    assert list((tmp_path / "state/spool").glob("*.arrow")) == []


def test_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    rng = random.Random(5)
    state = State(tmp_path / "state")
    write_cluster(tmp_path / "cluster")
    done, sent = threading.Event(), 400

    def agent() -> None:
        pause = threading.Event()
        for number in range(1, sent + 1):
            batch = report(ORDERS, UI, 8080, Initiator.REMOTE, sequence=number, rx_bytes=number, at=now() + SECOND)
            put(state.spool, batch)
            pause.wait(0.01)
        done.set()

    thread = threading.Thread(target=agent)
    thread.start()
    try:
        for _ in range(4):
            before = read_agents(state).totals.batches
            with process(tmp_path) as collector:
                until(lambda before=before: read_agents(state).totals.batches > before or done.is_set())
                with contextlib.suppress(subprocess.TimeoutExpired):
                    collector.wait(rng.uniform(0.0, 0.3))
                collector.kill()
    finally:
        thread.join()
    with process(tmp_path) as collector:
        until(lambda: not list(state.spool.glob("*.arrow")))
        collector.terminate()
    assert sorted(read_flows(state.folder)["sent_bytes"].to_pylist()) == list(range(1, sent + 1))
