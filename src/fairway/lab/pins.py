"""What the lab's agents keep in the kernel below a folder of their own: found and removed by the lab's name."""

import shutil
from pathlib import Path

from fairway.agent.bpffs import ROOT


def pins_of(lab: str) -> Path:
    """Where the agents of a lab keep what outlives them."""
    return ROOT / f"fairway-lab-{lab}"


def remove_pins(lab: str) -> bool:
    """Remove what agents left, and with it what they left in force; whether there was anything."""
    found = pins_of(lab).exists()
    shutil.rmtree(pins_of(lab), ignore_errors=True)
    return found
