"""What an agent costs its node, and whether it keeps up: one JSON object.

- `footprint`: a real agent process at `--entries` live entries, reporting over TLS to a hub on the loopback; its
  CPU time by the kernel's account and its memory by smaps, over whole intervals in steady state.
- `drain`: reading the full table of flows into differences, beside the bare read of the same table in the same run.
- `churn`: so many new connections a second, held; every edge must reach the hub.

Needs root. Everything happens in network namespaces of its own.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from fairway.agent.drain import FlowDrain
from fairway.agent.kernel import Kernel
from fairway.agent.memory import prepare
from fairway.wire import batch as wire
from fairway.wire.address import packed
from fairway.wire.rules import NodeFeed, NodePod
from support import frames
from support.hub import TOKEN, Certificates, Hub, serving
from support.net import Net, ip, net

ROOT: Final = Path(__file__).resolve().parents[2]
SERVERS: Final = "10.200.0.0"
SPAN: Final = 60_000
"""Servers beyond this number are told apart by their port."""
SENDER: Final = """
import socket, struct, sys, time
pace, total, distinct, clients = float(sys.argv[1]), *map(int, sys.argv[2:5])
frame = bytearray.fromhex(sys.argv[5])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
first, began = struct.unpack_from("!I", frame, 30)[0], time.monotonic()
for n in range(total):
    k = n % distinct
    server = k // clients
    struct.pack_into("!IHH", frame, 30, first + server % 60000, 32768 + k % 30000, 8000 + server // 60000)
    s.send(frame)
    if not n % 100:
        time.sleep(max(0, began + n / pace - time.monotonic()))
print(total / (time.monotonic() - began), flush=True)
"""
"""Sends one frame again and again from the pod's end: for connection k, another client port, and another server for
each `clients` of them."""


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--interval", type=float, default=10.0)
    parser.add_argument("--intervals", type=int, default=4, help="measured, after two to warm up")
    parser.add_argument("--rate", type=int, default=20_000, help="new connections a second")
    parser.add_argument("--seconds", type=int, default=60, help="of new connections")
    parser.add_argument("--only", choices=("footprint", "drain", "churn"))
    asked = parser.parse_args()
    parts = {"footprint": footprint, "drain": drain, "churn": churn}
    found = {name: part(asked) for name, part in parts.items() if asked.only in (None, name)}
    print(json.dumps({"benchmark": "agent", "load": os.getloadavg()[0], **found}))  # noqa: T201


def footprint(asked: argparse.Namespace) -> dict[str, Any]:
    """CPU and memory in steady state, all entries moving in each interval, five connections to a server."""
    with stage() as (made, hub, folder), agent(made, hub, folder, asked.interval) as process:
        pace = asked.entries / asked.interval
        total = int(asked.entries * (asked.intervals + 7))
        with sending(made, frames.udp(1, 2), frames.UDP, pace, total, asked.entries, 5):
            reach(hub, reports(hub) + 3, asked.interval)
            before, began = cpu_seconds(process.pid), time.monotonic()
            reach(hub, reports(hub) + asked.intervals, asked.interval)
            took, used = time.monotonic() - began, cpu_seconds(process.pid) - before
            memory = resident(process.pid, asked.interval)
        ending = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        ended = time.monotonic() - ending
        last = latest(hub)
        return {
            "entries": asked.entries,
            "interval_seconds": asked.interval,
            "milli_cpu": round(1000 * used / took, 2),
            "aim_milli_cpu": 5,
            "rss_mib": memory["Rss"],
            "aim_rss_mib": 50,
            "rss_peak_mib": memory["Peak"],
            "pss_mib": memory["Pss"],
            "anonymous_mib": memory["Anonymous"],
            "sigterm_to_end_seconds": round(ended, 2),
            "aim_sigterm_to_end_seconds": 2,
            "rows_a_batch": len(last.rows),
            "bytes_a_batch": len(wire.encode(last)),
            "losses": {name: lost for name, lost in last.header.losses.items() if lost},
        }


def drain(_: argparse.Namespace) -> dict[str, Any]:
    """A full table into differences: when a twentieth of the entries moved, and when all did."""
    prepare()
    kernel = Kernel()
    table = kernel.tables["flows"]
    rng, count = np.random.default_rng(1), 64_000
    keys, values = np.zeros(count, table.key), np.zeros(count, table.value)
    keys["ifindex"], keys["local_port"] = rng.integers(2, 100, count), rng.integers(1024, 65535, count)
    keys["remote"], keys["family"], keys["protocol"] = np.frombuffer(rng.bytes(16 * count), "V16"), 4, 6
    values["first"] = values["tx_packets"] = 1
    table.write(keys, values)
    flows = FlowDrain(kernel)
    entries = len(flows.read()[0])
    bare, few, all_moved = [], [], []
    room = table.room()
    for turn in range(12):
        bare.append(timed(lambda: table.read(room)))
        values["tx_packets"][: count // 20] += 1
        table.write(keys[: count // 20], values[: count // 20])
        few.append(timed(flows.read))
        values["tx_packets"] += 1 + turn
        table.write(keys, values)
        all_moved.append(timed(flows.read))
    kernel.close()
    return {
        "entries": entries,
        "bare_read_ms": round(min(bare), 1),
        "twentieth_moved_ms": round(min(few), 1),
        "all_moved_ms": round(min(all_moved), 1),
        "aim_ms": 25,
        "ratio_few_to_bare": round(min(few) / min(bare), 2),
        "ratio_all_to_bare": round(min(all_moved) / min(bare), 2),
    }


def churn(asked: argparse.Namespace) -> dict[str, Any]:
    """Each packet opens a connection; every tenth one to a server that nobody talked to before."""
    total, clients = asked.rate * asked.seconds, 10
    with stage() as (made, hub, folder), agent(made, hub, folder, asked.interval) as process:
        before, began = cpu_seconds(process.pid), time.monotonic()
        with sending(made, frames.tcp(1, 2), frames.TCP, asked.rate, total, total, clients) as sender:
            assert sender.stdout
            rate = float(sender.stdout.readline())
        used, took = cpu_seconds(process.pid) - before, time.monotonic() - began
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        base = struct.unpack("!I", packed(SERVERS)[12:])[0]
        made_edges = {(base + n % SPAN, 8000 + n // SPAN) for n in range(-(-total // clients))}
        rows = np.concatenate([b.rows[b.rows["kind"] != wire.REST] for b in hub.kept.values()])
        addresses = np.ascontiguousarray(rows["remote_address"]).view(">u4").reshape(-1, 4)[:, 3]
        seen = set(zip(addresses.tolist(), rows["port"].tolist(), strict=True))
        header = latest(hub).header
        told = sum(
            int(batch.rows["tx_packets"].sum() + batch.rows["rx_packets"].sum()) for batch in hub.kept.values()
        )
        return {
            "connections_a_second": round(rate),
            "seconds": round(took),
            "edges_made": len(made_edges),
            "edges_lost": len(made_edges - seen),
            "events_lost": header.losses["events_lost"],
            "packets_untold": header.packets - told,
            "milli_cpu": round(1000 * used / took),
        }


@contextlib.contextmanager
def stage() -> Iterator[tuple[Net, Hub, Path]]:
    """A node with one pod, and a hub over TLS in the node's namespace."""
    with net(1) as made, TemporaryDirectory() as name:
        folder, hub = Path(name), Hub()
        # What the pod sends goes nowhere, quietly.
        ip(f"route add blackhole {SERVERS}/16", namespace=made.node.namespace)
        hub.tell(NodeFeed("node-a", (NodePod("uid", "bench", "client", (made.pods[0].v4,)),)))
        certificates = Certificates(folder)
        with serving(hub, certificates.make("good", days=2), inside=made.node.inside):
            yield made, hub, folder


@contextlib.contextmanager
def agent(made: Net, hub: Hub, folder: Path, interval: float) -> Iterator[subprocess.Popen[str]]:
    """The agent as it runs on a node, with its metrics port open; at work when this returns."""
    (folder / "token").write_text(TOKEN)
    settings = {
        "node": "node-a",
        "interval": interval,
        "spool": folder / "spool",
        "hub": hub.url,
        "token-file": folder / "token",
        "ca-file": folder / "good.crt",
        "metrics": "127.0.0.1:9410",
        "compat": "aws",
    }
    flags = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    command = [sys.executable, "-S", "-m", "fairway.cli.main", "agent"]
    environment = installed(folder / "packages")
    warm = "import fairway.agent.agent, fairway.cli.main; fairway.cli.main.parser('agent')"
    subprocess.run([sys.executable, "-S", "-c", warm], env=environment, check=True)
    process = made.node.start(*command, *flags, stderr=subprocess.DEVNULL, env=environment)
    try:
        hub.wait_for(lambda: any(batch.header.pods for batch in hub.kept.values()), 30 + 2 * interval)
        yield process
    finally:
        process.kill()
        process.wait()


def installed(folder: Path) -> dict[str, str]:
    """The environment of an agent's image: the packages it depends on, none that are here for others' sake,
    compiled without what is only for readers."""
    folder.mkdir()
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for need in needs:
        found = distribution(re.split("[^A-Za-z0-9_-]", need)[0])
        for top in {file.parts[0] for file in found.files or ()} - {".."}:
            (folder / top).symlink_to(Path(str(found.locate_file(top))))
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPATH": f"{folder}:{ROOT / 'src'}",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "PYTHONOPTIMIZE": "2",
    }


@contextlib.contextmanager
def sending(
    made: Net, payload: bytes, protocol: int, pace: float, total: int, distinct: int, clients: int
) -> Iterator[subprocess.Popen[str]]:
    """The pod's packets, `pace` a second."""
    frame = bytearray(frames.ip(made.pods[0].v4, SERVERS, protocol, payload))
    frame[:6] = bytes.fromhex("020000000001")
    command = (sys.executable, "-c", SENDER, *map(str, (pace, total, distinct, clients)), frame.hex())
    sender = made.pods[0].start(*command, stdout=subprocess.PIPE)
    try:
        yield sender
    finally:
        sender.kill()
        sender.communicate()


def reports(hub: Hub) -> int:
    """Intervals that were reported: batches with counters."""
    return sum(1 for batch in list(hub.kept.values()) if (batch.rows["kind"] == wire.FLOW).any())


def reach(hub: Hub, count: int, interval: float) -> None:
    """Wait until so many intervals were reported."""
    hub.wait_for(lambda: reports(hub) >= count, (count + 3) * interval + 10)


def latest(hub: Hub) -> wire.Batch:
    """The last interval's batch."""
    return max(
        (batch for batch in hub.kept.values() if (batch.rows["kind"] != wire.EDGE).any()),
        key=lambda batch: batch.header.sequence,
    )


def cpu_seconds(pid: int) -> float:
    """CPU time of all of a process's threads, by the scheduler's account."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def resident(pid: int, seconds: float) -> dict[str, float]:
    """Memory as it is most of the time, reports included as long as they last; and the most it ever was."""
    seen, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        seen.append(smaps(pid))
        time.sleep(0.05)
    peak = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in line)
    middle = sorted(seen, key=lambda one: one["Rss"])[len(seen) // 2]
    return {**middle, "Peak": round(int(peak.split()[1]) / 1024, 1)}


def smaps(pid: int) -> dict[str, float]:
    """Memory in MiB, by kind."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: round(int(line.split()[1]) / 1024, 1) for line in lines}


def timed(action: Callable[[], object]) -> float:
    """Milliseconds of CPU time."""
    began = time.thread_time()
    action()
    return (time.thread_time() - began) * 1000


if __name__ == "__main__":
    main()
