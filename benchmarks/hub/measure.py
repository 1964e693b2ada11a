"""The hub end to end: simulated agents over HTTP against `fairway hub`, with questions beside them; then a day of
flows in a store of its own. Prints one JSON object, and the aims. Where other things run, read CPU time."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import httpx
from parts import Parts
from world import Size, World

from fairway.hub.client import read_door
from fairway.hub.database.embedded import OVERHEAD
from fairway.hub.state import State

HERE: Final = Path(__file__).parent
INTERVAL: Final = 30
MAP: Final = ("map_15m", "/api/v1/map?since=15m")
WATCHING: Final = {"Cache-Control": "max-stale=10"}
"""What the console says."""
PODS: Final = 24
"""On a node: so many have 500 flows to tell of."""
QUESTIONS: Final = (
    ("zones_1h", "/api/v1/zones"),
    ("flows_1h_top100", "/api/v1/flows?sort=bytes&limit=100"),
    ("top_15m", "/api/v1/top?by=client&since=15m"),
    ("series_15m", "/api/v1/series?since=15m"),
    ("search", "/api/v1/search?text=app-77"),
    ("map_15m_anew", "/api/v1/map?since=15m"),
)


def main() -> int:
    """All parts, or some."""
    options = _options()
    figures: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    if options.seconds:
        with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
            figures |= over_http(Path(folder), options)
    if options.rows:
        command = [sys.executable, str(HERE / "day.py"), "--rows", str(options.rows)]
        figures["day"] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    figures["aims"] = aims(figures)
    json.dump(figures, sys.stdout, indent=2)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 seconds and a million rows")
    parser.add_argument("--seconds", type=float, help="of reports as fast as `--rate` (120); 0 leaves HTTP out")
    parser.add_argument("--rate", type=float, default=60_000, help="rows a second that the agents send then")
    parser.add_argument("--nodes", type=int, default=1000, help="first each tells every 30 seconds")
    parser.add_argument("--flows", type=int, default=500, help="of each agent and interval")
    parser.add_argument("--rows", type=int, help="of a day in the store (20 million); 0 leaves this part out")
    parser.add_argument("--memory", type=int, default=2048, help="MiB, the hub's setting")
    options = parser.parse_args()
    if options.seconds is None:
        options.seconds = 20 if options.quick else 120
    if options.rows is None:
        options.rows = 1_000_000 if options.quick else 20_000_000
    return options


def over_http(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """First each agent as it does, every 30 seconds; then all of them as fast as is asked for."""
    pods = options.nodes * PODS
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
        usual = options.nodes * options.flows / INTERVAL
        figures = {
            "fleet": stage(hub.pid, state, size, options, "fleet", max(10.0, options.seconds / 2), usual),
            "held": stage(hub.pid, state, size, options, "held", options.seconds, options.rate),
        }
        peak = _status_of(hub.pid, "VmHWM")
    finally:
        hub.terminate()
        hub.communicate(timeout=120)
    bound = options.memory + OVERHEAD / (1 << 20)
    return {**figures, "memory": {"setting_mib": options.memory, "bound_mib": bound, "peak_mib": peak}}


def stage(
    hub: int, state: State, size: Size, options: argparse.Namespace, boot: str, seconds: float, rate: float
) -> dict[str, Any]:
    """Reports at a rate, questions beside them, and what that cost."""
    had = _rows(state)
    command = [sys.executable, str(HERE / "load.py"), str(state.folder), "--boot", boot]
    command += [f"--{name}={getattr(size, name)}" for name in ("nodes", "pods", "workloads")]
    command += [f"--flows={options.flows}", f"--seconds={seconds}", f"--rate={rate}"]
    asked = time.process_time()
    with Parts(hub) as parts:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as load, Asking(state) as asking:
            assert load.stdout
            sent = json.loads(load.stdout.read())
        started = time.monotonic()
        while _rows(state) < had + sent["rows"]:
            time.sleep(0.2)
        behind = time.monotonic() - started
    used = {"load": sent.pop("cpu_seconds"), "asking": time.process_time() - asked}
    used |= {f"hub_{part}": seconds for part, seconds in parts.seconds.items()}
    return {
        "sent": sent,
        "rate": rate,
        "seconds_until_all_is_in_after": behind,
        "rows_per_second_end_to_end": sent["rows"] / (sent["seconds"] + behind),
        "cpu_us_per_row": {part: seconds / sent["rows"] * 1e6 for part, seconds in used.items()},
        "resident_mib": _status_of(hub, "VmRSS"),
        "asked_ms": asking.figures(),
    }


class Asking(Thread):
    """The map of 15 minutes once a second, as a person who watches it asks; other questions in turn between."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._times: dict[str, list[float]] = {}
        self._ended = Event()

    def __enter__(self) -> "Asking":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        others = cycle(QUESTIONS)
        with _client(self._state) as client:
            while not self._ended.is_set():
                began = time.monotonic()
                for (name, path), headers in ((MAP, WATCHING), (next(others), {})):
                    started = time.monotonic()
                    client.get(path, headers=headers).raise_for_status()
                    self._times.setdefault(name, []).append((time.monotonic() - started) * 1e3)
                self._ended.wait(max(0.0, 1 - (time.monotonic() - began)))

    def figures(self) -> dict[str, dict[str, float]]:
        """Milliseconds, from the asker's side."""
        told = {}
        for name, times in self._times.items():
            times.sort()
            told[name] = {
                "p50": times[len(times) // 2],
                "p95": times[len(times) * 95 // 100],
                "asked": len(times),
            }
        return told


def aims(figures: dict[str, Any]) -> dict[str, Any]:
    """What was aimed for beside what was found."""
    found: dict[str, tuple[float, str, float]] = {}
    if "held" in figures:
        fleet, held, memory = figures["fleet"], figures["held"], figures["memory"]
        found["fleet_rows_per_second"] = (fleet["rows_per_second_end_to_end"], ">=", fleet["rate"] * 0.97)
        found["rows_per_second"] = (held["rows_per_second_end_to_end"], ">=", 60_000)
        found["map_15m_p95_ms_meanwhile"] = (held["asked_ms"]["map_15m"]["p95"], "<=", 300)
        found["peak_mib"] = (memory["peak_mib"], "<=", memory["bound_mib"])
    if "day" in figures:
        day = figures["day"]
        found["bytes_per_row"] = (day["bytes_per_row"]["flows"], "<=", 20)
        limits = {"map_24h": 250, "flows_1h_top100": 100, "zones_24h": 250, "seen_edges": 50}
        for name, limit in limits.items():
            found[f"{name}_ms"] = (day["questions_ms"][name]["wall"], "<=", limit)
    return {
        name: {"found": round(value, 1), "aim": f"{sign} {limit:g}", "ok": _holds(value, sign, limit)}
        for name, (value, sign, limit) in found.items()
    }


def _holds(value: float, sign: str, limit: float) -> bool:
    return value >= limit if sign == ">=" else value <= limit


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


def _rows(state: State) -> int:
    """In the database."""
    with _client(state) as client:
        return int(client.get("/api/v1/agents").json()["totals"]["rows"])


def _client(state: State) -> httpx.Client:
    door = read_door(state)
    assert door
    token = Path(door.token_file).read_text()
    return httpx.Client(
        base_url=door.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=120
    )


def _status_of(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
