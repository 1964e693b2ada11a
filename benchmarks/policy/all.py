"""Every benchmark of the policy engine, one after the other, as one JSON object by name."""

import subprocess
import sys
from json import loads
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from figures import Figures, main_of

NAMES = ("verdicts", "lookups", "compile", "replay", "generate")


def run() -> Figures:
    """Each in a process of its own, so that none measures another's memory."""
    found: Figures = {}
    for name in NAMES:
        program = Path(__file__).with_name(f"{name}.py")
        if program.exists():
            done = subprocess.run([sys.executable, str(program)], stdout=subprocess.PIPE, text=True, check=True)
            found[name] = loads(done.stdout)
    return found


if __name__ == "__main__":
    main_of(run)
