"""Debian's Prometheus for tests: its programs, and one that scrapes."""

import os
import shutil
from pathlib import Path

import pytest

_UNPACKED = Path(__file__).parents[2] / "build/prometheus/usr/bin"


def program(name: str) -> str:
    """`prometheus` or `promtool`; where it should be, its absence is a failure."""
    found = shutil.which(name) or shutil.which(name, path=str(_UNPACKED))
    if not found and os.environ.get("CI"):
        pytest.fail(f"{name} is missing: `scripts/setup test` unpacks Debian's package `prometheus`")
    return found or pytest.skip(f"needs {name}: `scripts/setup test` unpacks Debian's package `prometheus`")
