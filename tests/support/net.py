"""A node with pods out of network namespaces, routed as a cloud's CNI does, for tests that need real packets."""

import contextlib
import ctypes
import os
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Host:
    """A network namespace: `namespace` is its name, `v4` and `v6` its addresses."""

    namespace: str
    v4: str
    v6: str

    def run(self, *command: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.enter, *command], check=True, capture_output=True, text=True, timeout=30, **options
        )

    def start(self, *command: str, **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen([*self.enter, *command], text=True, **options)

    def inside(self, action: Callable[[], None]) -> None:
        """Run `action` in this namespace, on a thread of its own that does not come back."""
        problems: list[BaseException] = []

        def go() -> None:
            try:
                with Path(f"/run/netns/{self.namespace}").open() as handle:
                    assert ctypes.CDLL(None).setns(handle.fileno(), 0x40000000) == 0
                action()
            except BaseException as problem:
                problems.append(problem)

        thread = threading.Thread(target=go)
        thread.start()
        thread.join()
        if problems:
            raise problems[0]

    @property
    def enter(self) -> Sequence[str]:
        return ("nsenter", f"--net=/run/netns/{self.namespace}")


@dataclass(frozen=True)
class Net:
    """One node and its pods."""

    node: Host
    pods: tuple[Host, ...]


def ip(*lines: str, namespace: str = "") -> None:
    scope = ["-n", namespace] if namespace else []
    subprocess.run(["ip", *scope, "-batch", "-"], input="\n".join(lines), check=True, text=True)


@contextlib.contextmanager
def net(pods: int = 2) -> Iterator[Net]:
    """Make it, and take it away again whatever happens."""
    tag = f"fwt{os.getpid()}{secrets.token_hex(2)}"
    node = Host(f"{tag}-node", "10.0.1.10", "2001:db8:0:1::10")
    hosts = tuple(Host(f"{tag}-{i}", f"10.0.1.{130 + i}", f"2001:db8:0:1::{0x100 + i:x}") for i in range(pods))
    try:
        ip(*(f"netns add {host.namespace}" for host in (node, *hosts)))
        ip(
            "link set lo up",
            f"addr add {node.v4}/32 dev lo",
            f"addr add {node.v6}/128 dev lo nodad",
            namespace=node.namespace,
        )
        for kind in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            node.run("sysctl", "-qw", f"net.{kind}=1")
        for index, host in enumerate(hosts):
            wire(node, host, f"pod{index}")
        yield Net(node, hosts)
    finally:
        for host in (node, *hosts):
            subprocess.run(["ip", "netns", "del", host.namespace], check=False, capture_output=True)


def wire(node: Host, pod: Host, interface: str) -> None:
    """Give the pod an interface, once more if its last one was deleted."""
    ip(
        f"link add {interface} netns {node.namespace} address 02:00:00:00:00:01 type veth "
        f"peer name eth0 netns {pod.namespace}"
    )
    ip(
        f"link set {interface} up",
        f"addr add fe80::1/64 dev {interface} nodad",
        f"route add {pod.v4}/32 dev {interface}",
        f"route add {pod.v6}/128 dev {interface}",
        namespace=node.namespace,
    )
    ip(
        "link set lo up",
        f"addr add {pod.v4}/32 dev eth0",
        f"addr add {pod.v6}/128 dev eth0 nodad",
        "link set eth0 up",
        "route add 169.254.1.1 dev eth0",
        "neigh add 169.254.1.1 lladdr 02:00:00:00:00:01 dev eth0",
        f"route add default via 169.254.1.1 dev eth0 src {pod.v4}",
        "neigh add fe80::1 lladdr 02:00:00:00:00:01 dev eth0",
        f"route add default via fe80::1 dev eth0 src {pod.v6}",
        namespace=pod.namespace,
    )
