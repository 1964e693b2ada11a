"""Everything that goes wrong, as a person meets it: the real programs, their one line per problem, their exit code,
and what they leave behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.store import write_flows
from fairway.kit.documents import read_documents
from fairway.lab import namespaces, processes
from fairway.lab.config import LabConfig
from fairway.lab.crew import Crew
from fairway.lab.demo import STEPS
from fairway.lab.lab import Lab
from fairway.lab.pins import pins_of
from fairway.policy.read import read_cluster
from fairway.wire.words import Initiator
from support.reports import DB, ORDERS, T0, UI, report, write_cluster

FAIRWAY = (sys.executable, "-m", "fairway.cli.main")
NAME = f"b{os.getpid()}"
NOBODY = (
    *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),  # to read this checkout, wherever it is
)
Done = subprocess.CompletedProcess[str]


def fairway(*words: object, before: tuple[str, ...] = (), cwd: Path | None = None) -> Done:
    """Run the program to its end."""
    return subprocess.run(
        [*before, *FAIRWAY, *map(str, words)], capture_output=True, text=True, timeout=120, check=False, cwd=cwd
    )


def wait(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def leftovers(name: str) -> list[str]:
    """What there is of a lab, in a word each."""
    found = {
        "namespaces": namespaces.existing(f"fairway-{name}-"),
        "processes": processes.find(name),
        "pins": pins_of(name).exists(),
        "folder": LabConfig(name).directory.exists(),
        "resolvers": list(namespaces.PER_NAMESPACE_ETC.glob(f"fairway-{name}-*")),
    }
    return [what for what, exists in found.items() if exists]


# Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cluster's manifests in `cluster`, and flows of its pods."""
    names = Names()
    cluster = read_cluster(read_documents([write_cluster(tmp_path / "cluster")])).cluster
    names.observe(cluster, T0)
    told = report(DB, ORDERS, 5432, Initiator.REMOTE, connections=2, tx_packets=3, rx_packets=3)
    write_flows(tmp_path / "flows.parquet", named([told], names))
    return tmp_path


def policy(spec: str, namespace: str = "orders", name: str = "p") -> str:
    return f"kind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"


POD = """
kind: Pod
metadata: {name: twin, namespace: %s}
spec: {nodeName: node-a, containers: []}
status: {phase: Running, podIPs: [{ip: %s}]}
"""
AT = "bad.yaml: NetworkPolicy orders/p: `$."
BOTH = policy("{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}")
BACKWARDS = policy("{podSelector: {}, ingress: [{ports: [{port: 8080, endPort: 80}]}]}", name="q")
OPERATOR = policy("{podSelector: {matchExpressions: [{key: app, operator: Is, values: [ui]}]}}")
SYNTAX = ("kind: [1\nx: 2\n", "bad.yaml:2: is not YAML: ", "mend or remove it")
POLICIES = [
    SYNTAX,
    (BOTH, f"{AT}spec.egress[0].to[0]` has both `ipBlock` and selectors", "make them two elements of the list"),
    (BACKWARDS, "/q: `$.spec.ingress[0].ports[0].endPort` 80 is below port 8080", "write the highest port of the"),
    (OPERATOR, f"{AT}spec.podSelector.matchExpressions[0].operator` `Is` is not an", "one of In, NotIn, Exists"),
    (policy("{podSelector: {}}", "prod"), "prod/p: `$.metadata.namespace` `prod` is not", "add the Namespace"),
    (f"{BOTH}---\n{BACKWARDS}", "`$.spec.egress[0].to[0]` has both", "write the highest port of the range"),
]
CLUSTERS = [
    SYNTAX,
    (
        POD % ("dev", UI),
        f"dev/twin: `$.status.podIPs` `{UI}` is held by the running pod ui/ui-1",
        "remove the stale",
    ),
    (POD % ("prod", "10.0.1.200"), "Pod prod/twin: `$.metadata.namespace` `prod` is not", "add the Namespace"),
]
IDS = ["syntax", "ipBlock and selector", "endPort", "operator", "namespace", "two mistakes"]


def told(done: Done, content: str, what: str, next_step: str) -> None:
    """Exit 2, and on standard error one line per problem that names the file, the place and what to do."""
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert len(lines) == content.count("---") + 1
    assert all("bad.yaml" in line for line in lines)
    assert what in done.stderr
    assert next_step in done.stderr


@pytest.mark.parametrize(("content", "what", "next_step"), POLICIES, ids=IDS)
def test_policies_that_are_wrong(folder: Path, content: str, what: str, next_step: str) -> None:
    (folder / "bad.yaml").write_text(content)
    words = ("policy", "explain", UI, ORDERS, "8080", "--cluster", "cluster", "--policies", "bad.yaml")
    told(fairway(*words, cwd=folder), content, what, next_step)


@pytest.mark.parametrize(
    ("content", "what", "next_step"), CLUSTERS, ids=["syntax", "two pods with one address", "namespace"]
)
def test_manifests_that_are_wrong(folder: Path, content: str, what: str, next_step: str) -> None:
    (folder / "cluster" / "bad.yaml").write_text(content)
    for words in (("explain", UI, ORDERS, "8080"), ("generate", "--flows", "flows.parquet")):
        told(fairway("policy", *words, "--cluster", "cluster", cwd=folder), content, what, next_step)


def test_generate_writes_nothing_after_a_mistake(folder: Path) -> None:
    (folder / "cluster" / "bad.yaml").write_text(BOTH)
    words = ("policy", "generate", "--flows", "flows.parquet", "--cluster", "cluster", "--out", "policies")
    assert fairway(*words, cwd=folder).returncode == 2
    assert not (folder / "policies").exists()


# Permission


@pytest.mark.parametrize(
    "words",
    [
        ("lab", "up", "--name", NAME),
        ("lab", "status", "--name", NAME),
        ("lab", "exec", "--name", NAME, "ui", "--", "true"),
        ("agent", "--node", "a", "--control", "feed.json", "--spool", "spool"),
        ("hub", "--state", "state", "--cluster", "."),
        ("demo",),
    ],
)
def test_no_permission(words: tuple[str, ...], tmp_path: Path) -> None:
    done = fairway(*words, before=NOBODY, cwd=tmp_path)
    first, *more = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (3, "")
    assert first.startswith("fairway: ")
    assert "root" in first
    assert more == (["to see a recorded run instead: make demo ARGS=--recorded"] if words == ("demo",) else [])
    assert list(tmp_path.iterdir()) == []
    assert leftovers(NAME) == []


# A lab whose programs are killed


@pytest.fixture
def lab() -> Iterator[Lab]:
    built = Lab(LabConfig(f"{NAME}k"))
    try:
        done = fairway("lab", "up", "--name", built.config.name)
        assert done.returncode == 0, done.stderr
        yield built
    finally:
        built.down()
    assert leftovers(built.config.name) == []


def kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_a_lab_that_was_left_behind(lab: Lab) -> None:
    name = lab.config.name
    Crew(lab).start()
    up = fairway("lab", "up", "--name", name)
    assert (up.returncode, up.stdout) == (2, "")
    assert up.stderr == f"fairway: lab `{name}` is up; `fairway lab down --name {name}` removes it\n"
    kill(list(processes.find(name)))
    wait(lambda: not processes.find(name))
    up = fairway("lab", "up", "--name", name)
    assert (up.returncode, up.stdout) == (2, "")
    assert up.stderr.startswith(
        f"fairway: lab `{name}` was left behind (network namespaces, programs and tables in"
    )
    assert up.stderr.endswith(f"; `fairway lab down --name {name}` removes it\n")
    down = fairway("lab", "down", "--name", name)
    assert (down.returncode, down.stderr) == (0, "")
    assert down.stdout.startswith("removed ")
    assert leftovers(name) == []
    assert fairway("lab", "down", "--name", name).stdout == "nothing to remove\n"
    status = fairway("lab", "status", "--name", name)
    assert (status.returncode, status.stderr) == (
        2,
        f"fairway: lab `{name}` is not up; `fairway lab up --name {name}`\n",
    )


def test_an_agent_that_was_killed(lab: Lab) -> None:
    crew, (node, *others) = Crew(lab), lab.nodes
    crew.start()
    pod = next(pod.title for pod in lab.status() if pod.node == node.name and pod.namespace != "kube-system")
    state = ("--state", crew.state.folder)

    def reaches_dns() -> bool:
        code = "import socket; socket.create_connection(('10.96.0.10', 53), 1)"
        return lab.exec(pod, [sys.executable, "-c", code], timeout=30).returncode == 0

    def agents() -> tuple[int, dict[str, Any]]:
        done = fairway("agents", *state, "--output", "json")
        return done.returncode, {row["node"]: row for row in json.loads(done.stdout)}

    def behind() -> set[str]:
        return {name for name, row in agents()[1].items() if row["revision"] < row["wanted"]}

    assert reaches_dns()
    assert fairway("enforce", "--posture", "deny", *state).returncode == 0
    wait(lambda: agents()[0] == 0 and not reaches_dns())
    kill(processes.named(lab.config.name, f"agent-{node.name}"))
    assert fairway("observe", *state).returncode == 0
    wait(lambda: behind() == {node.name})
    assert not reaches_dns(), "enforcement goes on"
    wait(lambda: (seen := agents()[1]) and late(seen, node.name) > 3 > max(late(seen, n.name) for n in others))
    assert agents()[0] == 1
    table = fairway("agents", *state)
    assert (table.returncode, table.stderr) == (1, "")
    assert not reaches_dns(), "and on"

    crew._spawn_agent(node.name, node.netns)
    wait(lambda: agents()[0] == 0)
    assert reaches_dns()
    assert agents()[1][node.name]["losses"] == {"batches": 0}
    crew.stop()


def late(agents: dict[str, Any], node: str) -> float:
    return float(agents[node]["last_report_seconds"])


# Ctrl-C in the demo


class Playing:
    """A demo on a lab of its own, in a session of its own as at a terminal. It gets Ctrl-C as soon as it says, in
    one of its steps, that it is at something."""

    def __init__(
        self, name: str, folder: Path, step: int, doing: str, number: signal.Signals = signal.SIGINT
    ) -> None:
        self._number = number
        self.name, self._said, self._until = name, [""], (f"{step}/{STEPS} ", doing)
        self._process = subprocess.Popen(
            [*FAIRWAY, "demo"],
            env={**os.environ, "FAIRWAY_LAB": name},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.interrupted = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        heading, doing = self._until
        assert self._process.stdout
        for line in map(str.strip, self._process.stdout):
            self._said.append(line)
            if line.startswith(doing) and any(said.startswith(heading) for said in self._said):
                wait(lambda: len(namespaces.existing(f"fairway-{self.name}-")) > 10)
                os.killpg(self._process.pid, self._number)
                self.interrupted.set()
                doing = "nothing more"

    def ended(self, seconds: float) -> tuple[int, str]:
        """Its exit code, and what it said on standard error."""
        assert self._process.stderr
        self._reader.join(seconds)
        assert self.interrupted.is_set(), f"it never came to {self._until}: {self._said[-40:]}"
        said = self._process.stderr.read()
        return self._process.wait(60), said

    def close(self) -> None:
        """Whatever happened, leave nothing."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()
        Lab(LabConfig(self.name)).down()


@pytest.fixture(scope="module", autouse=True)
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    """A demo that gets far: it plays while other tests run."""
    folder = tmp_path_factory.mktemp("far")
    with contextlib.closing(Playing(f"{NAME}x8", folder, 8, "checking every page, probe and DNS with")) as demo:
        yield demo


@pytest.mark.parametrize(
    ("step", "doing", "number"),
    [
        (1, "bringing up nodes", signal.SIGINT),
        (2, "waiting for the probes to notice", signal.SIGINT),
        (3, "watching every pod's interface", signal.SIGTERM),
    ],
)
def test_ctrl_c_early_in_the_demo(step: int, doing: str, number: signal.Signals, tmp_path: Path) -> None:
    with contextlib.closing(Playing(f"{NAME}x{step}", tmp_path, step, doing, number)) as demo:
        assert demo.ended(120) == (130, "fairway: interrupted\n")
        assert leftovers(demo.name) == []
    assert not list(tmp_path.rglob("*.yaml"))


def test_ctrl_c_while_the_demo_enforces(far: Playing) -> None:
    assert far.ended(240) == (130, "fairway: interrupted\n")
    assert leftovers(far.name) == []
