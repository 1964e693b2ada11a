"""Which capabilities are there, which are missed, and that what is dropped is gone."""

import ctypes
import os
import subprocess
import sys

import pytest

from fairway.agent import privileges

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to have capabilities to drop")
DROP = """
from fairway.agent import privileges
from pathlib import Path
privileges.drop()
print(sorted(privileges.held()))
"""


@needs_root
def test_what_is_dropped_is_gone_and_what_is_needed_stays() -> None:
    held = privileges.held()
    left = subprocess.run([sys.executable, "-c", DROP], check=True, capture_output=True, text=True).stdout
    assert left == f"{sorted(held & {0, 1, 2, 3, 10, 12, 21, 39})}\n"


@pytest.mark.parametrize(
    ("have", "missing"),
    [
        ({39, 12, 38}, ""),
        ({21, 12}, ""),
        ({39, 12}, "PERFMON to load programs that read packets"),
        ({21}, "NET_ADMIN to attach programs to pods' interfaces"),
        (
            {38},
            "BPF to load programs and use their tables, NET_ADMIN to attach programs to pods' interfaces",
        ),
    ],
)
def test_what_is_missing_is_named(have: set[int], missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "held", lambda: have)
    if not missing:
        privileges.require()
        return
    with pytest.raises(privileges.EnvironmentLacksError) as lacks:
        privileges.require()
    assert str(lacks.value) == f"missing capabilities: {missing}; run as root, or add them to the container"


def test_what_is_held_is_what_the_kernel_says() -> None:
    for number in privileges.held():
        assert ctypes.CDLL(None).prctl(23, number, 0, 0, 0) == 1, "PR_CAPBSET_READ: nobody holds more"
