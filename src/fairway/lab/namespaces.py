"""Network namespaces: what `ip -batch` is told (pure), and threads and files inside a namespace."""

import contextlib
import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fairway.kit.errors import EnvironmentLacksError
from fairway.lab import topology

NAMED: Final = Path("/run/netns")
PER_NAMESPACE_ETC: Final = Path("/etc/netns")
CLONE_NEWNET: Final = 0x40000000
_libc: Final = ctypes.CDLL(None, use_errno=True)

SYSCTLS: Final = (
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv6/conf/all/disable_ipv6", "0"),
    ("ipv6/conf/default/disable_ipv6", "0"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/accept_dad", "0"),  # else an address is unusable for its first second
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """How a pod hangs on its node: both namespaces, the host interface and the pod's two addresses."""

    node: str
    netns: str
    interface: str
    addresses: tuple[str, str]
    sources: tuple[str, str]  # the node's own addresses


def router_lines(lab: str) -> list[str]:
    """The router's links and routes."""
    lines = ["link set lo up"]
    lines += [f"addr add {topology.VPC_RESOLVER[0]}/32 dev lo", f"addr add {topology.VPC_RESOLVER[1]}/128 dev lo"]
    for segment in topology.segments():
        name = segment.where
        lines.append(f"link add {name} type veth peer name eth0 netns {topology.netns(lab, name)}")
        lines += [_address(gateway, name) for gateway in segment.gateways]
        lines.append(f"link set {name} up")
        hosts = {_family(host): host.partition("/")[0] for host in reversed(segment.hosts)}
        lines += [f"route add {network} via {hosts[_family(network)]}" for network in segment.behind]
    return lines


def segment_lines(segment: topology.Segment) -> list[str]:
    """The far side of a router's link: addresses and default routes, whose source is the first address."""
    lines = ["link set lo up", *(_address(host, "eth0") for host in segment.hosts), "link set eth0 up"]
    for family in (4, 6):
        gateways = [g.partition("/")[0] for g in segment.gateways if _family(g) == family]
        hosts = [h.partition("/")[0] for h in segment.hosts if _family(h) == family]
        if gateways:
            lines.append(f"route add default via {gateways[0]} src {hosts[0]}")
    return lines


def attach_lines(pod: Attachment) -> list[str]:
    """The node's side of a pod: the veth and the routes by which a node agent finds it."""
    interface, mac = pod.interface, topology.hardware_address(pod.interface)
    lines = [
        f"link add {interface} address {mac} type veth peer name eth0 netns {pod.netns}",
        f"link set {interface} up",
    ]
    for address, source in zip(pod.addresses, pod.sources, strict=True):
        lines.append(f"route add {_host(address)} dev {interface} src {source}")
    return lines


def pod_lines(pod: Attachment) -> list[str]:
    """The pod's side: its addresses, and a gateway that exists only as a fixed neighbour."""
    mac = topology.hardware_address(pod.interface)
    lines = ["link set lo up", *(_address(_host(address), "eth0") for address in pod.addresses)]
    lines += ["link set eth0 up", "route add 169.254.1.1 dev eth0 scope link"]
    for gateway in ("169.254.1.1", "fe80::1"):
        lines.append(f"neigh add {gateway} lladdr {mac} dev eth0 nud permanent")
        lines.append(f"route add default via {gateway} dev eth0")
    return lines


def _address(address: str, interface: str) -> str:
    return f"addr add {address} dev {interface}" + (" nodad" if _family(address) == 6 else "")


def _host(address: str) -> str:
    return f"{address}/128" if _family(address) == 6 else f"{address}/32"


def _family(address: str) -> int:
    return 6 if ":" in address else 4


def batch(lines: Iterable[str], netns: str = "") -> None:
    """Run lines of `ip -batch`, in a namespace if one is named; the first that fails raises."""
    argv = ["ip", *(["-n", netns] if netns else []), "-batch", "-"]
    done = subprocess.run(argv, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[0] if done.stderr.strip() else f"exit {done.returncode}"
        where = f" in `{netns}`" if netns else ""
        raise EnvironmentLacksError(f"`ip`{where}: {reason}; the lab needs root outside of containers, and veth")


def create(names: Sequence[str]) -> None:
    """Make named namespaces and set their sysctls, before any interface exists that would miss them."""
    batch(f"netns add {name}" for name in names)
    for name in names:
        inside(name, _tune)


def _tune() -> None:
    for key, value in SYSCTLS:
        path = Path("/proc/sys/net", key)
        try:
            path.write_text(value)
        except OSError as error:
            raise EnvironmentLacksError(f"`{path}` cannot be set to `{value}`: {error.strerror}") from error
    _pace(Path("/proc/sys/net/ipv4/tcp_congestion_control"))


def _pace(path: Path) -> None:
    """Not the machine's default, which may be bbr; where the machine restricts cubic to itself, reno is left."""
    for algorithm in ("cubic", "reno"):
        with contextlib.suppress(OSError):
            path.write_text(algorithm)
            return


def existing(prefix: str) -> list[str]:
    """Names of the namespaces that begin with `prefix`."""
    return sorted(path.name for path in NAMED.glob(f"{prefix}*")) if NAMED.is_dir() else []


def delete(names: Sequence[str]) -> None:
    """Delete named namespaces and their files below /etc/netns; those that are gone already do not matter."""
    for name in names:
        for file in sorted((PER_NAMESPACE_ETC / name).glob("*")):
            file.unlink(missing_ok=True)
        if (PER_NAMESPACE_ETC / name).is_dir():
            (PER_NAMESPACE_ETC / name).rmdir()
    with contextlib.suppress(OSError):
        PER_NAMESPACE_ETC.rmdir()  # if no other namespace has files there
    lines = "".join(f"netns del {name}\n" for name in names)
    done = subprocess.run(["ip", "-force", "-batch", "-"], input=lines, capture_output=True, text=True, check=False)
    if left := sorted(path.name for path in map(NAMED.joinpath, names) if path.exists()):
        raise EnvironmentLacksError(f"network namespace `{left[0]}` stays: {done.stderr.strip().splitlines()[0]}")


def write_resolver(netns: str, nameserver: str, search: str = "") -> None:
    """Give a namespace its own resolv.conf, and plain DNS look-ups, which `ip netns exec` puts over /etc."""
    folder = PER_NAMESPACE_ETC / netns
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"nameserver {nameserver}"]
    if search:
        lines += [f"search {search}", "options ndots:5 timeout:1 attempts:2"]
    (folder / "resolv.conf").write_text("\n".join(lines) + "\n")
    if Path("/etc/nsswitch.conf").exists():
        (folder / "nsswitch.conf").write_text("hosts: files dns\n")


def enter(netns: str) -> None:
    """Move the calling thread, for good, into a named namespace."""
    descriptor = os.open(NAMED / netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(descriptor)


def start_inside(netns: str, task: Callable[[], None]) -> threading.Thread:
    """Run a task in a thread of its own inside a namespace. /proc/sys/net and sockets are that namespace's."""

    def run() -> None:
        enter(netns)
        task()

    thread = threading.Thread(target=run, name=netns, daemon=True)
    thread.start()
    return thread


def inside(netns: str, task: Callable[[], None]) -> None:
    """Run a short task inside a namespace and wait; what it raises is raised here."""
    raised: list[Exception] = []

    def guarded() -> None:
        try:
            enter(netns)
            task()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=guarded, name=netns, daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
