#!/usr/bin/env python3
"""How fast records become flows: one JSON object, each format beside the plainest reading of the same lines.

Records are made here, of 2,000 pods in 6,000 conversations, both directions. Figures are CPU time of one process,
the best of --runs; `ratio` is to the baseline in the same run: splitting each line, or decoding its JSON untyped,
and nothing else. `grown_mib` is by how much the process's largest size grew, beside the size of the file.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fairway.hub.importers.ends import Ends
from fairway.hub.importers.run import Import, run

V5 = (
    "version srcaddr dstaddr srcport dstport protocol start end type packets bytes account-id vpc-id subnet-id "
    "instance-id interface-id region az-id sublocation-type sublocation-id action tcp-flags pkt-srcaddr "
    "pkt-dstaddr pkt-src-aws-service pkt-dst-aws-service traffic-path flow-direction log-status"
)
START = 1_790_000_000


def packets(count: int) -> Iterator[tuple[int, int, int, int, int, bool, int]]:
    """Client, server, client port, server port, protocol, whether it is the reply, second."""
    rng = random.Random(1)
    pairs = [(rng.randrange(2000), rng.randrange(2000), rng.choice([8080, 5432, 6379, 53])) for _ in range(6000)]
    for number in range(count):
        client, server, port = rng.choice(pairs)
        protocol = 17 if port == 53 else 6
        yield client, server, rng.randrange(32768, 60999), port, protocol, number % 2 == 1, START + number // 300


def address(pod: int) -> str:
    """Of the pod of this number."""
    return f"10.0.{pod // 200}.{pod % 200 + 10}"


def v2(count: int) -> Iterator[str]:
    """VPC flow log lines with the default fields, no header."""
    for client, server, sport, port, protocol, reply, at in packets(count):
        a, b = (server, client) if reply else (client, server)
        ends = f"{address(a)} {address(b)} {f'{port} {sport}' if reply else f'{sport} {port}'}"
        yield f"2 123456789010 eni-{server:017x} {ends} {protocol} 9 4249 {at} {at + 60} ACCEPT OK"


def v5(count: int) -> Iterator[str]:
    """VPC flow log lines with all fields of version 5, and their header."""
    yield V5
    for client, server, sport, port, protocol, reply, at in packets(count):
        a, b = (server, client) if reply else (client, server)
        ports = f"{port} {sport}" if reply else f"{sport} {port}"
        flags = 0 if protocol == 17 else 19 if reply else 3
        yield (
            f"5 {address(a)} {address(b)} {ports} {protocol} {at} {at + 60} IPv4 9 4249 123456789012 vpc-abcdef012 "
            f"subnet-aaaaaaaa01 i-0c50d5961bcb2d47b eni-{server:017x} eu-west-1 euw1-az{server % 3} - - ACCEPT "
            f"{flags} {address(a)} {address(b)} - - - {'egress' if reply else 'ingress'} OK"
        )


def hubble(count: int) -> Iterator[str]:
    """Hubble's exported lines."""

    def end(pod: int) -> dict[str, object]:
        app, home = f"a{pod % 90}", f"ns{pod % 20}"
        labels = [
            f"k8s:app={app}",
            "k8s:io.cilium.k8s.policy.cluster=default",
            f"k8s:io.kubernetes.pod.namespace={home}",
        ]
        workloads = [{"name": app, "kind": "Deployment"}]
        return {"ID": pod, "identity": pod + 9000, "cluster_name": "default", "namespace": home, "labels": labels,
                "pod_name": f"{app}-7d9f-{pod}", "workloads": workloads}  # fmt: skip

    for client, server, sport, port, protocol, reply, at in packets(count):
        a, b, ports = (server, client, (port, sport)) if reply else (client, server, (sport, port))
        transport: dict[str, object] = {"source_port": ports[0], "destination_port": ports[1]}
        if protocol == 6:
            transport["flags"] = {"SYN": True, "ACK": True} if reply else {"SYN": True}
        moment = time.strftime("%Y-%m-%dT%H:%M:%S.517394084Z", time.gmtime(at))
        flow = {
            "time": moment, "uuid": "0e2a3d5e-6a9a-4d1e-9a58-1f0d6f1a8a5e", "verdict": "FORWARDED",
            "ethernet": {"source": "06:11:22:33:44:55", "destination": "06:11:22:33:44:66"},
            "IP": {"source": address(a), "destination": address(b), "ipVersion": "IPv4"},
            "l4": {"TCP" if protocol == 6 else "UDP": transport}, "source": end(a), "destination": end(b),
            "Type": "L3_L4", "node_name": "kind/worker", "event_type": {"type": 4}, "traffic_direction": "INGRESS",
            "trace_observation_point": "TO_ENDPOINT", "is_reply": reply, "Summary": "TCP Flags: SYN",
        }  # fmt: skip
        yield json.dumps({"flow": flow, "node_name": "kind/worker", "time": moment})


FORMATS: dict[str, tuple[str, Callable[[int], Iterator[str]], Callable[[str], object]]] = {
    "vpc_v2": ("vpc-flow-log", v2, str.split),
    "vpc_v5": ("vpc-flow-log", v5, str.split),
    "hubble": ("hubble", hubble, json.loads),
}


def timed(work: Callable[[], object]) -> float:
    """CPU seconds of the work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def plainly(path: Path, each: Callable[[str], object]) -> None:
    """The baseline: look at each line and forget it."""
    with path.open() as file:
        for line in file:
            each(line)


def measure(name: str, folder: Path, records: int, runs: int) -> dict[str, object]:
    """The figures of one format."""
    form, make, each = FORMATS[name]
    path, out = folder / f"{name}.log", folder / "flows.parquet"
    path.write_text("".join(f"{line}\n" for line in make(records)))
    warm = folder / "warm.log"
    warm.write_text("".join(f"{line}\n" for line in make(100)))
    run(Import(form, [str(warm)]), Ends(), out)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    used = [0]

    def ours() -> None:
        used[0] = run(Import(form, [str(path)]), Ends(), out).tallies[0].used

    mine = min(timed(ours) for _ in range(runs))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    plain = min(timed(lambda: plainly(path, each)) for _ in range(runs))
    return {
        "records": used[0],
        "records_per_cpu_second": round(used[0] / mine),
        "baseline_records_per_cpu_second": round(used[0] / plain),
        "ratio": round(plain / mine, 2),
        "file_mib": round(path.stat().st_size / 2**20, 1),
        "grown_mib": round(grown, 1),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000, help="of each format (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="the best of so many (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {name: measure(name, Path(folder), arguments.records, arguments.runs) for name in FORMATS}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
