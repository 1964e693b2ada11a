"""A million flows in one interval through the product's own programs and tables: are the 500 largest told right?

Eight million packets per trace. `recall`: which share of the true 500 largest is among the 500 told, flows as
large as the 500th counted as equal. `byte_error`: bytes of the true 500 that were told wrong, as a share of theirs.
`drains` is how often the flow table is read in the interval; with `spills` (where the object has them), flows that
are evicted are told from their last record. Prints one JSON object.
"""

import argparse
import ctypes as c
import json
import mmap
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairway.agent import kernel as kernels
from fairway.agent.drain import FlowDrain
from fairway.agent.libbpf import TestRunOptions, check, library
from fairway.agent.obey import Enforcement
from fairway.agent.ring import Ring
from fairway.wire.rules import RuleTable

HERE = Path(__file__).parent
FLOWS, PACKETS, TOP = 1_000_000, 8 << 20, 500
TICKS = 50
"""So often an agent listens for records within its usual interval of ten seconds."""
LOOPBACK = 1
FRAME = bytes.fromhex(
    "020000000002020000000001080045000400000000004011000" + "0" + "0a000182" + "0b000000"
) + bytes(1000)
Ids = NDArray[np.uint64]


def flows(rng: np.random.Generator, exponent: float, number: int = FLOWS, packets: int = PACKETS) -> Ids:
    """Each flow at least once; sizes by Zipf's law; numbers say nothing about sizes."""
    weights = 1.0 / np.arange(1, number + 1) ** exponent
    sizes = 1 + rng.multinomial(packets - number, weights / weights.sum())
    return np.repeat(rng.permutation(number).astype("u8"), sizes)


def floods(rng: np.random.Generator) -> Ids:
    """A tenth of the flows are connections, and thrice the rest comes over: each of those flows is one packet."""
    scanned = FLOWS * 9 // 10
    talk = rng.permutation(flows(rng, 1.0, FLOWS - scanned, PACKETS - scanned))
    scans = np.arange(FLOWS - scanned, FLOWS, dtype="u8")
    parts = zip(np.array_split(talk, 4), [*np.array_split(scans, 3), scans[:0]], strict=True)
    return np.concatenate([part for pair in parts for part in pair])


def bursts(rng: np.random.Generator, exponent: float) -> Ids:
    """Each flow lives for a fiftieth of the interval."""
    ids = flows(rng, exponent)
    when = rng.random(FLOWS)[ids] + rng.random(len(ids)) / 50
    return ids[np.argsort(when)]


TRACES: dict[str, Callable[[np.random.Generator], Ids]] = {
    "mixed": lambda rng: rng.permutation(flows(rng, 1.0)),
    "flat": lambda rng: rng.permutation(flows(rng, 0.7)),
    "floods": floods,
    "bursts": lambda rng: bursts(rng, 1.0),
    "bursts-flat": lambda rng: bursts(rng, 0.7),
}
"""Flow numbers in the order of packets."""


class Replay:
    """The product's object with a trace in front."""

    def __init__(self, folder: Path) -> None:
        built = folder / "replay.bpf.o"
        sources = HERE.parents[1] / "bpf"
        headers = f"/usr/include/{platform.machine()}-linux-gnu"
        command = ["clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-I", headers, "-I", sources]
        subprocess.run([*command, "-c", HERE / "replay.bpf.c", "-o", built], check=True)
        subprocess.run(["llvm-strip", "-g", built], check=True)
        kernels.OBJECT = built
        self.kernel = kernels.Kernel(sizes={"addresses": 1024, "networks": 1024, "rules": 1024})
        enforcement = Enforcement(self.kernel)
        enforcement.obey(RuleTable(1))
        enforcement.add(LOOPBACK, "pod")
        self._trace = mmap.mmap(self.kernel.fds["trace"], PACKETS * 8)

    def load(self, ids: Ids) -> None:
        self._trace[:] = ids.tobytes()
        self.rewind()

    def rewind(self) -> None:
        """Back to the first packet, with empty tables."""
        key, zero = c.c_uint32(0), c.c_uint32(0)
        library().bpf_map_update_elem(self.kernel.fds["place"], c.addressof(key), c.addressof(zero), 0)
        table = self.kernel.tables["flows"]
        table.remove(table.read()[0])

    def run(self, program: str, packets: int) -> float:
        """Nanoseconds per packet."""
        data = c.create_string_buffer(FRAME, len(FRAME))
        options = TestRunOptions(
            size=c.sizeof(TestRunOptions), data_in=c.addressof(data), data_size_in=len(FRAME), repeat=packets
        )
        check(library().bpf_prog_test_run_opts(self.kernel.program(program), c.byref(options)), "cannot replay")
        return float(options.duration)

    def spills(self) -> Ring | None:
        """The ring of spill records, where the object has one."""
        if "spills" not in self.kernel.fds:
            return None
        return Ring(self.kernel.fds["spills"], self.kernel.ring_bytes, self.kernel.spill)


def told(replay: Replay, drains: int, spills: Ring | None) -> tuple[NDArray[np.float64], float]:
    """Bytes per flow as the drain has them, and nanoseconds per packet."""
    replay.rewind()
    if spills is not None:
        spills.read()
    drain = FlowDrain(replay.kernel, spills) if spills is not None else FlowDrain(replay.kernel)
    drain.read()
    sums, costs = np.zeros(FLOWS), []
    for _ in range(drains):
        for _ in range(TICKS // drains):
            costs.append(replay.run("replay", PACKETS // TICKS))
            drain.listen()
        keys, _, deltas = drain.read()
        address = np.ascontiguousarray(keys["remote"]).view("u1").reshape(len(keys), 16)[:, 13:].astype("u8")
        ids = address[:, 0] << np.uint64(16) | address[:, 1] << np.uint64(8) | address[:, 2]
        np.add.at(sums, ids, deltas["tx_bytes"].astype("f8"))
    return sums, sum(costs) / len(costs)


def judge(true: NDArray[np.float64], sums: NDArray[np.float64]) -> dict[str, float]:
    """How right what was told is."""
    largest = np.argsort(-true, kind="stable")[:TOP]
    chosen = np.argsort(-sums, kind="stable")[:TOP]
    return {
        "recall": round(float((true[chosen] >= true[largest[-1]]).mean()), 4),
        "byte_error": round(float(np.abs(sums - true)[largest].sum() / true[largest].sum()), 5),
        "attributed": round(float(sums.sum() / true.sum()), 3),
    }


def main() -> None:
    """Replay all traces, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drains", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--trace", nargs="+", choices=list(TRACES), default=list(TRACES))
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        replay = Replay(Path(folder))
        rings = [None, replay.spills()] if replay.spills() is not None else [None]
        for name in arguments.trace:
            ids = TRACES[name](np.random.default_rng(arguments.seed))
            replay.load(ids)
            true = np.bincount(ids.astype("i8"), minlength=FLOWS) * float(len(FRAME) - 14)
            nothing = replay.run("replay_nothing", PACKETS)
            for drains in arguments.drains:
                for ring in rings:
                    before = replay.kernel.counters()["spills_lost"]
                    sums, cost = told(replay, drains, ring)
                    lost = replay.kernel.counters()["spills_lost"] - before
                    row: dict[str, Any] = {"trace": name, "drains": drains, "spills": ring is not None}
                    row |= {"spills_lost": lost} if ring is not None else {}
                    results.append(row | judge(true, sums) | {"ns_per_packet_over_trace": round(cost - nothing)})
    report = {
        "kernel": platform.release(),
        "flows": FLOWS,
        "packets": PACKETS,
        "results": results,
    }
    json.dump(report, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
