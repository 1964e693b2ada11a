"""The hub end to end: simulated agents over HTTP against `fairway hub`, with questions beside them; then a day of
flows in a store of its own. Prints one JSON object. Where other things run, read CPU time and ratios."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx
from world import Size, World

from fairway.hub.client import read_door
from fairway.hub.state import State

HERE: Final = Path(__file__).parent
TICKS: Final = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Both parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="of reports over HTTP; 0 leaves this part out")
    parser.add_argument("--rate", type=float, default=60_000, help="rows a second that the agents send")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--flows", type=int, default=500, help="of each agent and interval")
    parser.add_argument(
        "--rows", type=int, default=20_000_000, help="of a day in the store; 0 leaves this part out"
    )
    parser.add_argument("--memory", type=int, default=2048, help="MiB, the hub's setting")
    options = parser.parse_args()
    figures: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    if options.seconds:
        with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
            figures["over_http"] = over_http(Path(folder), options)
    if options.rows:
        command = [sys.executable, str(HERE / "day.py"), "--rows", str(options.rows)]
        figures["day"] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    json.dump(figures, sys.stdout, indent=2)
    return 0


def over_http(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Reports at a rate, the map of 15 minutes once a second meanwhile, and what that cost."""
    pods = options.nodes * 20
    size = Size(options.nodes, pods, max(20, pods // 20))
    World(size).write(folder / "cluster")
    state = State(folder / "state")
    hub = subprocess.Popen(
        [
            *(sys.executable, "-m", "fairway.cli.main", "hub", "--state", str(state.folder)),
            *("--cluster", str(folder / "cluster"), "--listen", "127.0.0.1:0", "--memory", str(options.memory)),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _ready(state, hub)
        before = _cpu(hub.pid)
        sizes = [f"--{name}={getattr(size, name)}" for name in ("nodes", "pods", "workloads")]
        wishes = [f"--flows={options.flows}", f"--seconds={options.seconds}", f"--rate={options.rate}"]
        with subprocess.Popen(
            [sys.executable, str(HERE / "load.py"), str(state.folder), *sizes, *wishes], stdout=subprocess.PIPE
        ) as load:
            maps = _ask_while(load, state)
            assert load.stdout
            sent = json.loads(load.stdout.read())
        loaded = _all_in(state, sent["rows"])
        cpu = _cpu(hub.pid) - before
        peak = _peak(hub.pid)
    finally:
        hub.terminate()
        hub.communicate(timeout=120)
    return {
        "sent": sent,
        "seconds_until_all_is_in_after": loaded,
        "rows_per_second_end_to_end": sent["rows"] / (sent["seconds"] + loaded),
        "hub_cpu_us_per_row": cpu / sent["rows"] * 1e6,
        "map_15m_ms": maps,
        "hub_peak_mib": peak,
        "memory_mib": options.memory,
    }


def _ready(state: State, hub: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and hub.poll() is None:
        door = read_door(state)
        if door:
            try:
                if httpx.get(f"{door.url}/readyz", trust_env=False, timeout=10).status_code == 200:
                    return
            except httpx.TransportError:
                pass
        time.sleep(0.2)
    raise SystemExit(f"the hub did not get ready: {hub.stderr.read() if hub.stderr and hub.poll() else ''}")


def _ask_while(load: "subprocess.Popen[bytes]", state: State) -> dict[str, float]:
    """The map as a person watching it asks for it; where the hub has no map yet, its list of agents."""
    times: list[float] = []
    with _client(state) as client:
        path = "/api/v1/map?filter=since%3D15m"
        path = path if client.get(path).status_code == 200 else "/api/v1/agents"
        while load.poll() is None:
            started = time.monotonic()
            client.get(path).raise_for_status()
            times.append((time.monotonic() - started) * 1e3)
            time.sleep(max(0.0, 1 - (time.monotonic() - started)))
    times.sort()
    asked = {"p50": times[len(times) // 2], "p95": times[len(times) * 95 // 100], "asked": len(times)}
    return asked if path.startswith("/api/v1/map") else {f"agents_{name}": value for name, value in asked.items()}


def _all_in(state: State, rows: int) -> float:
    """Seconds until the database has all that was acknowledged."""
    started = time.monotonic()
    with _client(state) as client:
        while client.get("/api/v1/agents").json()["totals"]["rows"] < rows:
            time.sleep(0.2)
    return time.monotonic() - started


def _client(state: State) -> httpx.Client:
    door = read_door(state)
    assert door
    token = Path(door.token_file).read_text()
    return httpx.Client(
        base_url=door.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=120
    )


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
