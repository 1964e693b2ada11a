"""The agent as the chart's DaemonSet runs it: those arguments, capabilities and folders, nothing else to write to.

A container is a mount namespace here, of this machine's files, read-only; seccomp and AppArmor are not in it.
"""

import http.client
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.wire.rules import NodeFeed, NodePod, RuleTable
from support.chart import Value, pod, rendered
from support.hub import TOKEN, Certificates, Hub, serving
from support.net import Net, net
from support.stage import wait_for

CONTAINER = """
set -e
top=$1 pins=$2 spool=$3; shift 3
mkdir -p $top/fairway/bpf $top/fairway/cgroup $top/fairway/node $top/netns $top/secrets/fairway
mount --bind $pins $top/fairway/bpf
mount --bind -o ro /sys/fs/cgroup $top/fairway/cgroup
mount --rbind /run/netns $top/netns
mount --bind $spool $top/fairway/node
cp $top/../token $top/secrets/fairway/token
mount --rbind $top /run
mount -t tmpfs none /var/lib
mkdir -p /var/lib/fairway/spool
mount --bind $spool /var/lib/fairway/spool
mount -o remount,ro /var/lib
mount -o remount,ro,bind /
mount -o remount,ro,bind /run
! touch /run/there /var/lib/there /there 2>/dev/null
exec "$@"
"""
"""`spool` is both the folder itself and, for who takes everything off, the one above it."""


@dataclass
class Node:
    """A node with two pods, a hub, and the chart's agent."""

    net: Net
    folder: Path
    pins: Path
    hub: Hub = field(default_factory=Hub)
    agent: subprocess.Popen[str] | None = None

    def start(self, spec: Value, spool: Path) -> None:
        [container] = spec["containers"]
        capabilities = container["securityContext"]["capabilities"]["add"]
        given = {"--hub=": self.hub.url, "--ca-file=": str(self.folder / "good.crt")}
        arguments = [
            next((f"{name}{value}" for name, value in given.items() if one.startswith(name)), one)
            for one in container["args"]
        ]
        bounded = ",".join(["-all", *(f"+{one.lower()}" for one in capabilities)])
        (self.folder / "run").mkdir(exist_ok=True)
        command: Sequence[str] = (
            *("unshare", "--mount", "bash", "-c", CONTAINER, "bash"),
            *(str(self.folder / "run"), str(self.pins), str(spool)),
            *("setpriv", f"--bounding-set={bounded}", "--no-new-privs"),
            *("env", "FAIRWAY_AGENT_NODE=node-a", "PYTHONDONTWRITEBYTECODE=1"),
            *(sys.executable, "-m", "fairway.cli.main", *arguments),
        )
        with self.log.open("a") as log:
            self.agent = self.net.node.start(*command, stderr=log, stdout=log)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def reports(self) -> None:
        """Wait for a batch of an agent that knows both pods."""
        before = len(self.hub.kept)
        wait_for(lambda: any(len(one.header.pods) == 2 for one in list(self.hub.kept.values())[before:]))

    def answers(self, host: str, port: int) -> int:
        """To its probe, on one family."""
        found: list[int] = []

        def get() -> None:
            connection = http.client.HTTPConnection(host, port, timeout=10)
            connection.request("GET", "/metrics")
            found.append(connection.getresponse().status)
            connection.close()

        self.net.node.inside(get)
        return found[0]

    def end(self) -> str:
        if self.agent is not None:
            self.agent.send_signal(signal.SIGTERM)
            self.agent.wait(60)
            self.agent = None
        return self.log.read_text()


@pytest.fixture
def node(kernel: Kernel, tmp_path: Path) -> Iterator[Node]:
    with net() as made:
        pins = ROOT / f"fairway-test-deployed-{made.node.namespace}"
        pins.mkdir()
        Certificates(tmp_path)
        (tmp_path / "token").write_text(TOKEN)
        running = Node(made, tmp_path, pins)
        try:
            yield running
        finally:
            running.end()
            shutil.rmtree(pins, ignore_errors=True)


def test_it_starts_reports_and_goes_as_the_chart_says(node: Node) -> None:
    usual = pod(rendered({"agent": {"interval": 1}}), "DaemonSet", "fairway-agent")
    leaving = pod(rendered({"agent": {"interval": 1, "detach": True}}), "DaemonSet", "fairway-agent")
    pods = tuple(NodePod(f"uid-{i}", "test", f"pod-{i}", (p.v4, p.v6)) for i, p in enumerate(node.net.pods))
    node.hub.tell(NodeFeed("node-a", pods, RuleTable(1, local=(node.net.node.v4,))))
    above = node.folder / "above"
    spool = above / "fairway-agent"
    spool.mkdir(parents=True)
    with serving(node.hub, (node.folder / "good.crt", node.folder / "good.key"), 0, node.net.node.inside):
        node.start(usual, spool)
        node.reports()
        [probe] = [one["containerPort"] for one in usual["containers"][0]["ports"]]
        assert [node.answers(host, probe) for host in ("127.0.0.1", "::1")] == [200, 200]
        assert list((node.pins / "fairway" / "links").iterdir())
        assert "enforcement goes on" in node.end()
        assert list((node.pins / "fairway" / "links").iterdir())
        node.start(leaving, above)
        node.reports()
        assert "nothing is left in force" in node.end()
    assert list(node.pins.iterdir()) == []
    assert list(above.iterdir()) == []
