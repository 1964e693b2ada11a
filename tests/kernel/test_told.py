"""What was told is noted with its batch's number at one stroke, and found by the next agent."""

import os
import shutil

import numpy as np

from fairway.agent.bpffs import ROOT
from fairway.agent.kernel import Kernel
from fairway.agent.told import Told


def test_a_note_outlives_who_wrote_it(kernel: Kernel) -> None:
    pins = ROOT / f"fairway-test-told-{os.getpid()}"
    indices = np.array([1, 5], "u4")
    try:
        first = Kernel(pins)
        told = Told(first.tables["told"])
        assert not told.has("0123456789ab", 7)
        sums = told.read(indices)
        sums["tx_packets"] = [10, 20]
        told.note(indices, sums, "0123456789ab", 7)
        first.close()
        again = Kernel(pins)
        told = Told(again.tables["told"])
        assert told.read(indices)["tx_packets"].tolist() == [10, 20]
        assert [told.has(*which) for which in (("0123456789ab", 7), ("0123456789ab", 8), ("0123456789ac", 7))] == [
            True,
            False,
            False,
        ]
        again.close()
    finally:
        shutil.rmtree(pins, ignore_errors=True)
