"""What all these benchmarks print: one JSON object, with the growth from a hundredth of the aim to the aim."""

import json
import sys
from collections.abc import Callable
from typing import Any

Figures = dict[str, Any]


def growth(measure: Callable[[int], Figures]) -> list[Figures]:
    """The figures at 1, 10 and 100 times the smallest size."""
    return [{"times": times, **measure(times)} for times in (1, 10, 100)]


def main_of(run: Callable[[], Figures]) -> None:
    """Print a benchmark's figures."""
    json.dump(run(), sys.stdout, indent=1)
    sys.stdout.write("\n")
