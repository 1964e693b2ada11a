"""Debian's Prometheus for tests: its programs, and one that scrapes."""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

_UNPACKED = Path(__file__).parents[2] / "build/prometheus/usr/bin"


def program(name: str) -> str:
    """`prometheus` or `promtool`; where it should be, its absence is a failure."""
    found = shutil.which(name) or shutil.which(name, path=str(_UNPACKED))
    if not found and os.environ.get("CI"):
        pytest.fail(f"{name} is missing: `scripts/setup test` unpacks Debian's package `prometheus`")
    return found or pytest.skip(f"needs {name}: `scripts/setup test` unpacks Debian's package `prometheus`")


@dataclass
class Prometheus:
    """A running one. `connect` opens a connection to it, from wherever it can be reached."""

    connect: Callable[[], http.client.HTTPConnection]

    def get(self, path: str, **words: str) -> Any:
        """The answer to a question of its API; OSError as long as it does not listen."""
        connection = self.connect()
        try:
            connection.request("GET", f"{path}?{urlencode(words)}")
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body)["data"] if path.startswith("/api") else answer.status
        finally:
            connection.close()

    def ready(self) -> bool:
        """Whether it answers questions."""
        try:
            return self.get("/-/ready") == 200
        except OSError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an expression, now."""
        found: list[dict[str, Any]] = self.get("/api/v1/query", query=expression)["result"]
        return found

    def value(self, expression: str) -> float:
        """Of an expression with one value; 0 where it has none."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else 0.0


@contextlib.contextmanager
def prometheus(
    folder: Path, config: dict[str, Any], enter: tuple[str, ...], port: int, connect: Callable[[], Any], *more: str
) -> Iterator[Prometheus]:
    """One that runs by `enter` and keeps everything in `folder`."""
    folder.mkdir()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        program("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
    ]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", "--query.lookback-delta=30s", *more]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*enter, *command], stdout=log, stderr=log)
        try:
            yield Prometheus(connect)
        finally:
            process.terminate()
            process.wait(timeout=20)
