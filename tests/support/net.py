"""A node with pods out of network namespaces, routed as a cloud's CNI does, for tests that need real packets."""

import contextlib
import ctypes
import os
import secrets
import socket
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

    def socket(self, family: int, kind: int) -> socket.socket:
        """A socket of this namespace, which it stays in whatever becomes of its interfaces."""
        made: list[socket.socket] = []
        self.inside(lambda: made.append(socket.socket(family, kind)))
        return made[0]

    @property
    def enter(self) -> Sequence[str]:
        return ("nsenter", f"--net=/run/netns/{self.namespace}")


@dataclass(frozen=True)
class Net:
    """One node, its pods, and those that are to come."""

    node: Host
    pods: tuple[Host, ...]
    waiting: tuple[Host, ...] = ()


def ip(*lines: str, namespace: str = "") -> None:
    scope = ["-n", namespace] if namespace else []
    subprocess.run(["ip", *scope, "-batch", "-"], input="\n".join(lines), check=True, text=True)


@contextlib.contextmanager
def net(pods: int = 2, waiting: int = 0) -> Iterator[Net]:
    """Make it, and take it away again whatever happens. `waiting`: namespaces of pods that are not wired yet."""
    tag = f"fwt{os.getpid()}{secrets.token_hex(2)}"
    node = Host(f"{tag}-node", "10.0.1.10", "2001:db8:0:1::10")
    hosts = tuple(_pod(tag, number) for number in range(pods + waiting))
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
        for index, host in enumerate(hosts[:pods]):
            wire(node, host, f"pod{index}")
        yield Net(node, hosts[:pods], hosts[pods:])
    finally:
        names = "".join(f"netns del {host.namespace}\n" for host in (node, *hosts))
        subprocess.run(["ip", "-force", "-batch", "-"], input=names, check=False, capture_output=True, text=True)


def _pod(tag: str, number: int) -> Host:
    place = 130 + number
    return Host(f"{tag}-{number}", f"10.0.{1 + place // 250}.{place % 250}", f"2001:db8:0:1::{0x100 + number:x}")


def wire(node: Host, pod: Host, interface: str, options: str = "") -> None:
    """Put a pod onto its node by a veth, `options` being those of `ip link add`."""
    ip(
        f"link add {interface} {options} netns {node.namespace} address 02:00:00:00:00:01 type veth "
        f"peer name eth0 address 02:00:00:00:00:02 netns {pod.namespace}"
    )
    ip(
        f"link set {interface} up",
        f"addr add fe80::1/64 dev {interface} nodad",
        f"route add {pod.v4}/32 dev {interface}",
        f"route add {pod.v6}/128 dev {interface}",
        f"neigh add {pod.v4} lladdr 02:00:00:00:00:02 dev {interface}",
        f"neigh add {pod.v6} lladdr 02:00:00:00:00:02 dev {interface}",
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
