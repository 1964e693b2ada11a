"""The lab on real namespaces: transcripts of what a person does with it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from fairway.cli.main import main
from fairway.kit.errors import UsageError
from fairway.lab import namespaces, processes, requirements, runtime, topology
from fairway.lab.config import LabConfig
from fairway.lab.lab import Lab
from fairway.lab.shop import pods

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(bool(requirements.missing()), reason="; ".join(requirements.missing())),
]

NAME = f"t{os.getpid()}"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with up(NAME) as built:
        yield built
    assert namespaces.existing(f"fairway-{NAME}-") == []
    assert processes.find(NAME) == {}


@contextmanager
def up(name: str) -> Iterator[Lab]:
    built = Lab(LabConfig(name))
    try:
        built.up(lambda _: None)
        yield built
    finally:
        built.down()


@contextmanager
def forwarding_stopped(lab: Lab) -> Iterator[None]:
    """Nodes pass nothing on, yet still reach their own pods: what a blind default-deny does."""
    cut(lab, "table inet outage { chain blind { type filter hook forward priority -10; drop; }; }")
    try:
        yield
    finally:
        cut(lab, "delete table inet outage")


def cut(lab: Lab, rules: str) -> None:
    for node in lab.nodes:
        subprocess.run(runtime.in_netns(node.netns, ["nft", "-f", "-"]), input=rules, text=True, check=True)


def wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_everything_works(lab: Lab) -> None:
    results = lab.check()
    assert [r for r in results if not r.ok] == []
    assert len(results) == 34
    assert {pod.state for pod in lab.status()} == {"ready"}


def test_a_pod_resolves_names_in_the_cluster_and_outside_and_no_others(lab: Lab) -> None:
    def addresses(name: str) -> set[str]:
        told = lab.exec("ui", ["getent", "ahosts", name]).stdout
        return {line.split()[0] for line in told.splitlines()}

    assert addresses("orders.orders") == {"10.96.0.22", "fd00:10:96::22"}
    assert addresses("catalog.catalog") == {"fd00:10:96::20"}
    assert addresses("payments.example") == {"192.0.2.20", "2001:db8:f001::20"}
    assert addresses("www.example") == set()


def test_the_node_finds_a_pods_interface_by_its_route(lab: Lab) -> None:
    for pod in pods():
        attachment = pod.attachment(NAME)
        for address in pod.addresses:
            argv = ["ip", "-n", attachment.node, "-json", "route", "get", address]
            route = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
            assert route[0]["dev"] == attachment.interface


def test_users_browse_without_being_told(lab: Lab) -> None:
    def pages() -> int:
        code = "import sys, urllib.request as r; print(*(r.urlopen(u).read().decode() for u in sys.argv[1:]))"
        urls = [f"http://{pod.addresses[0]}:8080/metrics" for pod in pods() if pod.workload.name == "ui"]
        told = lab.exec("prometheus", [sys.executable, "-c", code, *urls]).stdout.split()
        return sum(int(n) for name, n in pairwise(told) if name == "shop_requests_total")

    before = pages()
    wait(lambda: pages() >= before + 5, 10)


def test_a_service_without_ready_pods_refuses_at_once(lab: Lab) -> None:
    stopped = [pod for pod in pods() if pod.workload.name == "catalog"]
    for pod in stopped:
        lab.stop(pod.process)
    try:
        wait(lambda: {pod.title for pod in stopped} <= set(lab.unready()), 10)
        started = time.monotonic()
        done = lab.exec(
            "ui", [sys.executable, "-c", "import socket; socket.create_connection(('catalog.catalog', 80), 9)"]
        )
        assert "ConnectionRefusedError" in done.stderr
        assert time.monotonic() - started < 5
    finally:
        for pod in stopped:
            runtime.start_pod(lab.config, pod)
    assert lab.wait_ready(20)
    wait(lambda: lab.visit("/catalog") == 200, 10)


def test_a_cut_makes_the_shop_unready_and_the_brokers_connection_outlives_it(lab: Lab) -> None:
    before = {c.pod: c.opened_at for c in lab.long_lived()}
    assert len(before) == 2
    services = {pod.title for pod in pods() if pod.workload.program[0] == "service"}
    with forwarding_stopped(lab):
        wait(lambda: set(lab.unready()) == services, 10)
        wait(lambda: lab.visit("/") != 200, 10)
        started = time.monotonic()
        failed = {result.name for result in lab.check() if not result.ok}
        assert time.monotonic() - started < 6
        assert {"GET /", "GET / over IPv6", "DNS over UDP from a pod", "DNS over TCP from a pod"} <= failed
        assert "probe catalog/catalog-mysql-0" not in failed
        wait(lambda: not any(c.alive for c in lab.long_lived()), 10)
    assert lab.wait_ready(20)
    wait(lambda: lab.visit("/") == 200, 10)
    after = lab.long_lived()
    assert {c.pod: c.opened_at for c in after} == before
    assert all(c.alive for c in after)


def test_the_job_leaves_its_manifests_and_no_pod(lab: Lab) -> None:
    known: list[str] = []

    def admitted() -> None:
        """When the container may start, the pod is known and does nothing yet."""
        (pod,) = [pod for pod in lab.status() if pod.namespace == "batch"]
        assert not [process for process in processes.find(NAME).values() if "export" in process]
        known.append(pod.title)

    done = lab.run_job(admitted)
    assert done.ok, done.output
    assert known == [done.pod]
    assert done.detail == "part 3: copied"
    (pod,) = [pod for pod in lab.status() if pod.namespace == "batch"]
    assert (pod.title, pod.state) == (done.pod, "Succeeded")
    assert namespaces.existing(f"fairway-{NAME}-pod-batch") == []
    job = json.loads(next((lab.cluster_dir / "job").glob("*.json")).read_text())
    assert job["status"]["succeeded"] == 1


def test_the_intruder_reaches_what_nobody_guards_until_it_is_stopped(lab: Lab) -> None:
    for _ in range(2):
        attempts = lab.intrude()
        assert {a.target: (a.port, a.reached) for a in attempts} == {
            "orders-postgresql.orders": (5432, True),
            "catalog-mysql.catalog": (3306, True),
            "checkout-redis.checkout": (6379, True),
        }
    with forwarding_stopped(lab):
        blocked = lab.intrude()
    assert {(a.reached, a.address) for a in blocked} == {(False, f"10.96.0.{n}") for n in (30, 31, 32)}
    assert all("no name" in a.detail and "timed out" in a.detail for a in blocked)
    lab.stop_intruder()
    assert not [pod for pod in lab.status() if pod.namespace == "dev"]
    assert lab.wait_ready(20)


def test_a_program_in_a_node_is_found_stopped_and_logged(lab: Lab) -> None:
    code = "import socket, time; print(socket.if_nameindex(), flush=True); time.sleep(60)"
    lab.spawn("mine", [sys.executable, "-c", code], netns=lab.nodes[0].netns)
    wait(lambda: "eni" in lab.log("mine").read_text(), 10)
    assert lab.running("mine")
    lab.stop("mine")
    assert not lab.running("mine")


def test_two_labs_do_not_meet_and_what_was_killed_can_be_removed(lab: Lab) -> None:
    name = f"{NAME}b"
    with up(name) as other:
        with pytest.raises(UsageError, match=f"lab `{name}` is up; `fairway lab down --name {name}`"):
            other.up(lambda _: None)
        assert [r for r in other.check() if not r.ok] == []
        for pid in processes.find(name):
            os.kill(pid, signal.SIGKILL)
        wait(lambda: not processes.find(name), 10)
        with pytest.raises(UsageError, match=f"lab `{name}` was left behind"):
            other.up(lambda _: None)
        removed = other.down()
        assert removed == ["25 network namespaces", str(other.config.directory)]
        assert other.down() == []
        assert not other.config.directory.exists()
    assert [r for r in lab.check() if not r.ok] == []


def test_an_interrupt_leaves_nothing() -> None:
    def interrupt(text: str) -> None:
        if text == "programs":
            raise KeyboardInterrupt

    name = f"{NAME}c"
    with pytest.raises(KeyboardInterrupt):
        Lab(LabConfig(name)).up(interrupt)
    assert namespaces.existing(f"fairway-{name}-") == []
    assert Lab(LabConfig(name)).down() == []


def test_from_the_command_line(lab: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "visit", "--name", NAME, "/topology"]) == 0
    assert capfd.readouterr().out == "200\n"
    assert main(["lab", "visit", "--name", NAME, "/nowhere"]) == 1
    assert main(["lab", "exec", "--name", NAME, "ui", "--", "cat", "/etc/resolv.conf"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "options ndots:5 timeout:1 attempts:2"
    assert main(["lab", "check", "--name", NAME, "--output", "json"]) == 0
    assert all(check["ok"] for check in json.loads(capfd.readouterr().out))
    assert main(["lab", "status", "--name", NAME, "--output", "json"]) == 0
    assert len(json.loads(capfd.readouterr().out)) >= 17
    assert main(["lab", "up", "--name", NAME]) == 2
    assert main(["lab", "exec", "--name", NAME, "nobody", "true"]) == 2
    assert capfd.readouterr().err.count("\n") == 2


def test_nothing_is_left_in_the_machines_own_namespace(lab: Lab) -> None:
    names = {name for _, name in socket.if_nameindex()}
    assert not {pod.attachment(NAME).interface for pod in pods()} & names
    assert not set(topology.ZONES) & names
