"""What the programs cost a packet, on real traffic between two pods of one node and by BPF_PROG_TEST_RUN.

Each round measures every variant one after the other: no program, an empty program, Fairway counting and
enforcing with everything on, and nftables with connection tracking and one set. `added_ns` is the median of the
differences to no program within a round, with its quartiles; CPU time of one pinned thread that is both ends, per
operation (the stream: per MiB). Both pods' interfaces are passed: a remote peer pays half. `of_nftables` is what
has to be small: Fairway's share of what nftables adds. Prints one JSON object.
"""

import argparse
import ctypes as c
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fairway.agent import kernel as kernels
from fairway.agent.attach import WAYS, Attachments
from fairway.agent.libbpf import TestRunOptions, check, library
from fairway.agent.obey import Enforcement
from fairway.agent.sockets import SocketEvents
from fairway.lab import namespaces
from fairway.wire.rules import FIRST_POLICY, PodRules, Row, RuleTable
from fairway.wire.words import Direction, Mode

Action = Callable[[], None]
HERE: Final = Path(__file__).parent
TAG: Final = f"fwbench{os.getpid()}"
NODE: Final = f"{TAG}-node"
PODS: Final = ("10.0.1.130", "10.0.1.131")
SOURCES: Final = ("10.0.1.10", "2001:db8::1")
PORT: Final = 8080
WORKLOADS: Final = {"connections": 1500, "tcp": 15000, "udp": 20000, "stream": 400, "tcp-5000": 10000}
"""Operations of a measurement; a connection is connect, request, answer, close."""
HOT: Final = 1_000_000
FRAMES: Final = {
    "TCP": "0200000000020200000000010800450000340001000040060000" + "0a0001820a000183" + "9c401f90" + "00000001" * 2
    + "5010ffff00000000" + "00" * 12,
    "UDP": "0200000000020200000000010800450000340001000040110000" + "0a0001820a000183" + "9c401f90" + "00200000"
    + "00" * 24,
}  # fmt: skip
NFT: Final = f"""
table inet bench {{
  set pods {{ type ipv4_addr; elements = {{ {", ".join(PODS)} }} }}
  chain forward {{
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    ip saddr @pods ip daddr @pods accept
  }}
}}
"""


class Node:
    """A node with two pods, and the variants that can be put onto it."""

    def __init__(self, folder: Path) -> None:
        self._load = folder / "load"
        subprocess.run(["clang", "-O2", HERE / "load.c", "-o", self._load], check=True)
        kernels.OBJECT = build(folder, "empty")
        self.kernel = kernels.Kernel()
        names = [NODE, *(f"{TAG}-{number}" for number in range(len(PODS)))]
        namespaces.create(names)
        pods = [
            namespaces.Attachment(NODE, names[1 + number], f"pod{number}", (v4, f"2001:db8::{number + 2}"), SOURCES)
            for number, v4 in enumerate(PODS)
        ]
        namespaces.batch(["link set lo up", *(f"addr add {source} dev lo" for source in SOURCES)], NODE)
        for pod in pods:
            namespaces.batch(namespaces.attach_lines(pod), NODE)
            namespaces.batch(namespaces.pod_lines(pod), pod.netns)
            namespaces.inside(pod.netns, reuse_ports)
        self.names = names
        self.interfaces: list[int] = []
        namespaces.inside(
            NODE, lambda: self.interfaces.extend(socket.if_nametoindex(pod.interface) for pod in pods)
        )
        self.enforcement = Enforcement(self.kernel)
        self.enforcement.obey(rules(PODS))
        for number, (interface, pod) in enumerate(zip(self.interfaces, pods, strict=True)):
            self.enforcement.add(interface, f"pod-{number}", pod.addresses)
        programs = {way: self.kernel.program(f"fairway_{way}") for way in WAYS}
        nothing = dict.fromkeys(WAYS, self.kernel.program("empty"))
        self.variants: dict[str, tuple[Action, Action]] = {
            "none": (lambda: None, lambda: None),
            "empty": self._attached(Attachments(nothing, None)),
            "fairway": self._listening(*self._attached(Attachments(programs, None))),
            "nftables": (lambda: nft(NFT), lambda: nft("flush ruleset")),
        }

    def measure(self, variant: str, workload: str, operations: int) -> float:
        """Nanoseconds of CPU time per operation."""
        put, take = self.variants[variant]
        namespaces.inside(NODE, put)
        try:
            paths = [str(namespaces.NAMED / name) for name in self.names[1:]]
            command = [str(self._load), *paths, PODS[1], str(PORT), workload, str(operations)]
            return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        finally:
            namespaces.inside(NODE, take)

    def _attached(self, attachments: Attachments) -> tuple[Action, Action]:
        def each(action: Callable[[int], None]) -> Callable[[], None]:
            return lambda: [action(interface) for interface in self.interfaces] and None

        return each(attachments.attach), each(attachments.detach)

    def _listening(self, put: Action, take: Action) -> tuple[Action, Action]:
        """With the program that hears of sockets. Afterwards flows go, as the agent lets them after half a minute,
        and connection tracking with nftables' rules."""
        sockets: list[SocketEvents] = []

        def begin() -> None:
            put()
            sockets.append(SocketEvents(self.kernel, None))

        def end() -> None:
            sockets.pop().close()
            take()
            flows = self.kernel.tables["flows"]
            flows.remove(flows.read()[0])

        return begin, end


def build(folder: Path, name: str) -> Path:
    """The product's programs with another beside them."""
    built = folder / f"{name}.bpf.o"
    include = ["-I", f"/usr/include/{platform.machine()}-linux-gnu", "-I", str(HERE.parents[1] / "bpf")]
    source = HERE / f"{name}.bpf.c"
    command = ["clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3", *include, "-c", source, "-o", built]
    subprocess.run(command, check=True)
    subprocess.run(["llvm-strip", "-g", built], check=True)
    return built


def rules(pods: tuple[str, ...]) -> RuleTable:
    """Both pods isolated both ways, in force and on trial; the one rule that lets the conversation through, among
    others."""
    both = (FIRST_POLICY, FIRST_POLICY)
    rows = [Row(FIRST_POLICY, 7, way, protocol, PORT, PORT, 0) for way in Direction for protocol in (6, 17)]
    rows += [Row(FIRST_POLICY, 8 + n, way, 6, 443, 443, 0) for way in Direction for n in range(50)]
    held = tuple(
        PodRules(f"pod-{n}", active=both, staged=both, mode=(Mode.ENFORCE, Mode.ENFORCE)) for n in range(len(pods))
    )
    return RuleTable(1, exact=tuple((pod, 7) for pod in pods), local=SOURCES, rows=tuple(rows), pods=held)


def reuse_ports() -> None:
    """Connections are opened faster than ports come free."""
    Path("/proc/sys/net/ipv4/tcp_tw_reuse").write_text("1")
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("1024 65000")


def nft(rules: str) -> None:
    """Tell the network namespace's nftables."""
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def hot(node: Node) -> dict[str, Any]:
    """Nanoseconds per run by BPF_PROG_TEST_RUN, of a flow that is known; the best of several."""
    node.enforcement.add(1, "pod-0")  # the loopback plays a pod's interface
    result: dict[str, Any] = {}
    for name, text in FRAMES.items():
        data = c.create_string_buffer(bytes.fromhex(text))
        best = {
            program: min(run(node, program, data) for _ in range(5)) for program in ("empty", "fairway_from_pod")
        }
        over = best["fairway_from_pod"] - best["empty"]
        result[name] = {"empty": best["empty"], "fairway": best["fairway_from_pod"], "over_empty": over}
    return result


def run(node: Node, program: str, data: Any) -> int:
    """Nanoseconds per run, of a million."""
    options = TestRunOptions(
        size=c.sizeof(TestRunOptions), data_in=c.addressof(data), data_size_in=len(data) - 1, repeat=HOT
    )
    check(library().bpf_prog_test_run_opts(node.kernel.program(program), c.byref(options)), "cannot run")
    return int(options.duration)


def real(node: Node, rounds: int, workloads: list[str]) -> dict[str, Any]:
    """What each variant adds to each workload."""
    took: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for workload in workloads:
            for variant in node.variants:
                spent = node.measure(variant, workload, WORKLOADS[workload])
                took.setdefault((workload, variant), []).append(spent)
    result: dict[str, Any] = {}
    for workload in workloads:
        base = took[workload, "none"]
        row: dict[str, Any] = {"none_ns": round(statistics.median(base))}
        for variant in list(node.variants)[1:]:
            added = [spent - none for spent, none in zip(took[workload, variant], base, strict=True)]
            low, middle, high = statistics.quantiles(added, n=4)
            row[variant] = {"added_ns": round(middle), "quartiles": [round(low), round(high)]}
        row["of_nftables"] = round(row["fairway"]["added_ns"] / row["nftables"]["added_ns"], 3)
        result[workload] = row
    return result


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--workload", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        try:
            node = Node(Path(folder))
            report = {
                "kernel": platform.release(),
                "rounds": arguments.rounds,
                "real": real(node, arguments.rounds, arguments.workload),
                "hot_ns": hot(node),
            }
        finally:
            namespaces.delete(namespaces.existing(TAG))
    json.dump(report, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
