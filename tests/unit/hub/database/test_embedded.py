"""Memory stays within the setting, whatever is asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

from fairway.hub.database.embedded import OVERHEAD

MEMORY = 768 << 20
ROOT = Path(__file__).parents[4]


def test_questions_that_want_too_much_are_refused_and_memory_holds(tmp_path: Path) -> None:
    """In a process of its own, whose peak is nobody else's."""
    told = subprocess.run(
        [sys.executable, "-m", "support.greedy", str(tmp_path / "data"), str(MEMORY)],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    answer = json.loads(told.stdout)
    assert answer["refused"] == [True] * 10
    assert answer["answers"] == [True] * len(answer["answers"])
    assert answer["peak"] <= MEMORY + OVERHEAD
